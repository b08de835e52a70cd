/** Datatypes of nft(8): how wide a value is, how it is written, and what it may be compared with. */
import * as symbols from './symbols.ts';

/** How text becomes a number and back. */
type Codec =
  | 'number'
  | 'ipv4'
  | 'ipv6'
  | 'ether'
  | 'protocol'
  | 'service'
  | 'string'
  | 'interface'
  | 'time'
  | 'date'
  | 'hour'
  | 'tchandle'
  | 'label'
  | 'boolean'
  | 'verdict';

export interface Datatype {
  /** As in `type …` of a set. */
  name: string;
  /** 0: as wide as what it is compared with. */
  bits: number;
  codec: Codec;
  /** Flags that may be combined. */
  bitmask?: boolean;
  symbols?: symbols.Symbols;
  /** Symbols are printed in quotes. */
  quoted?: boolean;
  /** Numbers are printed in hexadecimal with at least this many digits. */
  hex?: number;
  /** Values may be prefixes. */
  prefix?: boolean;
  /** Names of this type that are not known stay names (accounts and links of the machine). */
  open?: boolean;
}

function type(name: string, bits: number, codec: Codec, more: Partial<Datatype> = {}): Datatype {
  return { name, bits, codec, ...more };
}

const symbolic = (name: string, bits: number, table: symbols.Symbols, more: Partial<Datatype> = {}): Datatype =>
  type(name, bits, 'number', { symbols: table, ...more });

export const types = {
  integer: type('integer', 0, 'number'),
  /** Raw bits of a packet. */
  bits: type('integer', 0, 'number', { hex: 1 }),
  bitmask: type('bitmask', 0, 'number', { hex: 1 }),
  string: type('string', 0, 'string'),
  boolean: type('boolean', 1, 'boolean', { symbols: symbols.booleans }),
  verdict: type('verdict', 0, 'verdict'),
  ipv4: type('ipv4_addr', 32, 'ipv4', { prefix: true }),
  ipv6: type('ipv6_addr', 128, 'ipv6', { prefix: true }),
  ether: type('ether_addr', 48, 'ether'),
  linkLayer: type('ll_addr', 0, 'ether'),
  etherType: symbolic('ether_type', 16, symbols.etherTypes, { hex: 4 }),
  arpOperation: symbolic('arp_op', 16, symbols.arpOperations),
  protocol: type('inet_proto', 8, 'protocol'),
  service: type('inet_service', 16, 'service'),
  icmpType: symbolic('icmp_type', 8, symbols.icmpTypes),
  icmpCode: symbolic('icmp_code', 8, symbols.icmpCodes),
  icmpv6Type: symbolic('icmpv6_type', 8, symbols.icmpv6Types),
  icmpv6Code: symbolic('icmpv6_code', 8, symbols.icmpv6Codes),
  icmpxCode: symbolic('icmpx_code', 8, symbols.icmpxCodes),
  igmpType: symbolic('igmp_type', 8, symbols.igmpTypes),
  tcpFlag: symbolic('tcp_flag', 8, symbols.tcpFlags, { bitmask: true, hex: 1 }),
  dccpType: symbolic('dccp_pkttype', 4, symbols.dccpTypes),
  dscp: symbolic('dscp', 6, symbols.dscpClasses, { hex: 2 }),
  ecn: symbolic('ecn', 2, symbols.ecnCodes, { hex: 1 }),
  mobilityType: symbolic('mh_type', 8, symbols.mobilityTypes),
  mark: type('mark', 32, 'number', { hex: 8, prefix: true }),
  time: type('time', 32, 'time'),
  date: type('time', 64, 'date'),
  day: symbolic('day', 8, symbols.weekDays, { quoted: true }),
  hour: type('hour', 32, 'hour'),
  interfaceIndex: type('iface_index', 32, 'interface'),
  interfaceName: type('ifname', 128, 'string'),
  deviceType: symbolic('iface_type', 16, symbols.deviceTypes),
  deviceGroup: symbolic('devgroup', 32, symbols.deviceGroups, { quoted: true, prefix: true }),
  realm: symbolic('realm', 32, symbols.realms, { quoted: true, prefix: true }),
  classid: type('classid', 32, 'tchandle'),
  user: symbolic('uid', 32, symbols.users, { open: true }),
  group: symbolic('gid', 32, symbols.groups, { open: true }),
  packetType: symbolic('pkt_type', 8, symbols.packetTypes),
  nfProto: symbolic('nf_proto', 8, symbols.nfProto),
  ctState: symbolic('ct_state', 32, symbols.ctStates, { bitmask: true, hex: 1 }),
  ctDirection: symbolic('ct_dir', 8, symbols.ctDirections),
  ctStatus: symbolic('ct_status', 32, symbols.ctStatus, { bitmask: true, hex: 1 }),
  ctEvent: symbolic('ct_event', 32, symbols.ctEvents, { bitmask: true, hex: 1 }),
  ctLabel: type('ct_label', 128, 'label', { bitmask: true }),
  routeType: symbolic('fib_addrtype', 32, symbols.routeTypes),
  cgroup: type('cgroupsv2', 64, 'string'),
} satisfies Record<string, Datatype>;

const byName = new Map<string, Datatype>();
for (const entry of Object.values(types)) if (!byName.has(entry.name)) byName.set(entry.name, entry);

/** The type that `type NAME` of a set means. */
export function datatypeNamed(name: string): Datatype | undefined {
  return byName.get(name);
}

/** Values are text, not numbers. */
export function isText(datatype: Datatype): boolean {
  return datatype.codec === 'string' || datatype.codec === 'interface';
}
