/** Headers that `protocol field` can name: each field with its place in bits (nft(8), PAYLOAD EXPRESSIONS; the RFC of each protocol). */
import type { NftPayloadBase } from '../syntax.ts';
import { type Datatype, types } from './datatypes.ts';

/** Fields of ICMP whose meaning depends on the type. */
export type IcmpNeed = 'echo' | 'mtu' | 'gateway' | 'max-delay' | 'parameter-problem';

export interface Field {
  name: string;
  type: Datatype;
  /** From the start of the header, in bits. */
  offset: number;
  bits: number;
  icmp?: IcmpNeed;
}

export interface Header {
  name: string;
  base: NftPayloadBase;
  fields: readonly Field[];
  /** The field that says which header follows; `meta key` where the packet's own header is not asked. */
  selector?: { field: string } | { meta: string };
  /** Numbers of the selector and the headers that they announce, by name. */
  next: readonly (readonly [number, string])[];
  /** Bits of the header itself, where another one of the same layer may follow. */
  length?: number;
  /** Writing a field mends a checksum of the header. */
  checksum?: boolean;
}

type Row = readonly [name: string, type: Datatype, offset: number, bits: number, icmp?: IcmpNeed];

function fields(rows: readonly Row[]): Field[] {
  return rows.map(([name, type, offset, bits, icmp]) => ({ name, type, offset, bits, ...(icmp ? { icmp } : {}) }));
}

const int = types.integer;
const ports: readonly Row[] = [
  ['sport', types.service, 0, 16],
  ['dport', types.service, 16, 16],
];

const TRANSPORTS: readonly (readonly [number, string])[] = [
  [50, 'esp'],
  [51, 'ah'],
  [108, 'comp'],
  [17, 'udp'],
  [136, 'udplite'],
  [6, 'tcp'],
  [33, 'dccp'],
  [132, 'sctp'],
];
const WITH_CONTROL: readonly (readonly [number, string])[] = [...TRANSPORTS, [1, 'icmp'], [2, 'igmp'], [58, 'icmpv6']];
const ETHER_NEXT: readonly (readonly [number, string])[] = [
  [0x0800, 'ip'],
  [0x0806, 'arp'],
  [0x86dd, 'ip6'],
  [0x8100, 'vlan'],
  [0x88a8, 'vlan'],
];

function header(name: string, base: NftPayloadBase, rows: readonly Row[], more: Partial<Header> = {}): Header {
  return { name, base, fields: fields(rows), next: [], ...more };
}

const HEADERS: readonly Header[] = [
  header(
    'ether',
    'll',
    [
      ['daddr', types.ether, 0, 48],
      ['saddr', types.ether, 48, 48],
      ['type', types.etherType, 96, 16],
    ],
    { selector: { field: 'type' }, next: ETHER_NEXT, length: 112 },
  ),
  header(
    'vlan',
    'll',
    [
      ['pcp', int, 0, 3],
      ['dei', int, 3, 1],
      ['cfi', int, 3, 1],
      ['id', int, 4, 12],
      ['type', types.etherType, 16, 16],
    ],
    { selector: { field: 'type' }, next: ETHER_NEXT, length: 32 },
  ),
  header('arp', 'nh', [
    ['htype', int, 0, 16],
    ['ptype', types.etherType, 16, 16],
    ['hlen', int, 32, 8],
    ['plen', int, 40, 8],
    ['operation', types.arpOperation, 48, 16],
    ['saddr ether', types.ether, 64, 48],
    ['saddr ip', types.ipv4, 112, 32],
    ['daddr ether', types.ether, 144, 48],
    ['daddr ip', types.ipv4, 192, 32],
  ]),
  header(
    'ip',
    'nh',
    [
      ['version', int, 0, 4],
      ['hdrlength', int, 4, 4],
      ['dscp', types.dscp, 8, 6],
      ['ecn', types.ecn, 14, 2],
      ['length', int, 16, 16],
      ['id', int, 32, 16],
      ['frag-off', int, 48, 16],
      ['ttl', int, 64, 8],
      ['protocol', types.protocol, 72, 8],
      ['checksum', int, 80, 16],
      ['saddr', types.ipv4, 96, 32],
      ['daddr', types.ipv4, 128, 32],
    ],
    { selector: { meta: 'l4proto' }, next: WITH_CONTROL, checksum: true },
  ),
  header(
    'ip6',
    'nh',
    [
      ['version', int, 0, 4],
      ['dscp', types.dscp, 4, 6],
      ['ecn', types.ecn, 10, 2],
      ['flowlabel', int, 12, 20],
      ['length', int, 32, 16],
      ['nexthdr', types.protocol, 48, 8],
      ['hoplimit', int, 56, 8],
      ['saddr', types.ipv6, 64, 128],
      ['daddr', types.ipv6, 192, 128],
    ],
    { selector: { meta: 'l4proto' }, next: WITH_CONTROL },
  ),
  header(
    'icmp',
    'th',
    [
      ['type', types.icmpType, 0, 8],
      ['code', types.icmpCode, 8, 8],
      ['checksum', int, 16, 16],
      ['id', int, 32, 16, 'echo'],
      ['sequence', int, 48, 16, 'echo'],
      ['gateway', int, 32, 32, 'gateway'],
      ['mtu', int, 48, 16, 'mtu'],
    ],
    { selector: { field: 'type' }, checksum: true },
  ),
  header('igmp', 'th', [
    ['type', types.igmpType, 0, 8],
    ['mrt', int, 8, 8],
    ['checksum', int, 16, 16],
    ['group', int, 32, 32],
  ]),
  header(
    'icmpv6',
    'th',
    [
      ['type', types.icmpv6Type, 0, 8],
      ['code', types.icmpv6Code, 8, 8],
      ['checksum', int, 16, 16],
      ['parameter-problem', int, 32, 32, 'parameter-problem'],
      ['mtu', int, 32, 32, 'mtu'],
      ['id', int, 32, 16, 'echo'],
      ['sequence', int, 48, 16, 'echo'],
      ['max-delay', int, 32, 16, 'max-delay'],
    ],
    { selector: { field: 'type' }, checksum: true },
  ),
  header(
    'ah',
    'th',
    [
      ['nexthdr', types.protocol, 0, 8],
      ['hdrlength', int, 8, 8],
      ['reserved', int, 16, 16],
      ['spi', int, 32, 32],
      ['sequence', int, 64, 32],
    ],
    { selector: { field: 'nexthdr' }, next: TRANSPORTS },
  ),
  header('esp', 'th', [
    ['spi', int, 0, 32],
    ['sequence', int, 32, 32],
  ]),
  header(
    'comp',
    'th',
    [
      ['nexthdr', types.protocol, 0, 8],
      ['flags', types.bitmask, 8, 8],
      ['cpi', int, 16, 16],
    ],
    { selector: { field: 'nexthdr' }, next: TRANSPORTS },
  ),
  header('udp', 'th', [...ports, ['length', int, 32, 16], ['checksum', int, 48, 16]], { checksum: true }),
  header('udplite', 'th', [...ports, ['csumcov', int, 32, 16], ['checksum', int, 48, 16]]),
  header(
    'tcp',
    'th',
    [
      ...ports,
      ['sequence', int, 32, 32],
      ['ackseq', int, 64, 32],
      ['doff', int, 96, 4],
      ['reserved', int, 100, 4],
      ['flags', types.tcpFlag, 104, 8],
      ['window', int, 112, 16],
      ['checksum', int, 128, 16],
      ['urgptr', int, 144, 16],
    ],
    { checksum: true },
  ),
  header('dccp', 'th', [...ports, ['type', types.dccpType, 67, 4]]),
  header('sctp', 'th', [...ports, ['vtag', int, 32, 32], ['checksum', int, 64, 32]], { checksum: true }),
  header('th', 'th', ports),
  // What stands below the network header where its kind is not asked from the packet.
  header('inet', 'll', [], {
    selector: { meta: 'nfproto' },
    next: [
      [2, 'ip'],
      [10, 'ip6'],
    ],
  }),
  header('netdev', 'll', [], { selector: { meta: 'protocol' }, next: ETHER_NEXT }),
  header('inet-service', 'nh', [], { selector: { meta: 'l4proto' }, next: WITH_CONTROL }),
];

const byName = new Map(HEADERS.map((entry) => [entry.name, entry]));

/** Throws where no header has that name: names come from these tables. */
export function headerNamed(name: string): Header {
  const found = byName.get(name);
  if (!found) throw new Error(`no header ${name}`);
  return found;
}

/** The header whose fields a rule can name. */
export function findHeader(name: string): Header | undefined {
  const found = byName.get(name);
  return found && found.fields.length > 0 ? found : undefined;
}

export function fieldNamed(from: Header, name: string): Field | undefined {
  return from.fields.find((field) => field.name === name);
}

/** The header that a number of the selector announces. */
export function nextHeader(from: Header, number: number): Header | undefined {
  const row = from.next.find(([value]) => value === number);
  return row && headerNamed(row[1]);
}

/** The number that announces `upper`; undefined where it cannot follow. */
export function numberOf(from: Header, upper: Header): number | undefined {
  return from.next.find(([, name]) => name === upper.name)?.[0];
}

/** Type of ICMP that a field needs; with echo, request stands for both. */
export function icmpTypeFor(from: Header, need: IcmpNeed): number {
  const v6 = from.name === 'icmpv6';
  switch (need) {
    case 'echo':
      return v6 ? 128 : 8;
    case 'mtu':
      return v6 ? 2 : 3;
    case 'gateway':
      return 5;
    case 'max-delay':
      return 130;
    case 'parameter-problem':
      return 4;
  }
}
