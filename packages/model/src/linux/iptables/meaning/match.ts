/**
 * Matches that are kept as text, in the tests that the machine knows: what they ask of headers, and what has to hold before a part that
 * nobody can look into (a checksum, a payload, a counter) matters at all. Each row names the kernel's function.
 */
import { type Match, Protocol, type Selector, TcpFlag } from '@podwire/engine';
import { CONNECTED } from '../base/connected.ts';
import type { IpFamily } from '../base/extension.ts';
import { parseNumber } from '../base/numbers.ts';
import { firstOf, optionsOf, type TextOption } from '../base/text-options.ts';
import { u32Tests } from './u32.ts';

interface Asked {
  text: string;
  options: readonly TextOption[];
  family: IpFamily;
}

/** Undefined: nothing of it is known. */
type Meaning = (asked: Asked) => Match[] | undefined;

const given = ({ options }: Asked, name: string): TextOption | undefined => options.find((o) => o.name === name);

const equals = (selector: Selector, value: number, not?: boolean): Match => ({
  kind: 'compare',
  key: [selector],
  op: not ? 'ne' : 'eq',
  values: [value],
});

/** Any of the bits. */
const anyBit = (selector: Selector): Match => equals(selector, 0, true);

const oneOf = (selector: Selector, values: readonly number[], not?: boolean): Match => ({
  kind: 'lookup',
  key: [selector],
  set: { type: ['integer'], elements: values.map((value) => ({ key: [value] })) },
  ...(not && { not }),
});

/** `5`, `5:7`. */
function within(selector: Selector, text: string, not?: boolean): Match {
  const [from = 0, to = from] = text.split(':').map((part) => parseNumber(part) ?? 0);
  return { kind: 'compare', key: [selector], op: not ? 'ne' : 'eq', values: [from === to ? from : { from, to }] };
}

const unknown = ({ text }: Pick<Asked, 'text'>): Match => ({ kind: 'unmodelled', text });
const protocolIs = (protocol: number): Match => ({ kind: 'protocol', protocol });

const SYN: Match = anyBit({ field: 'tcp flags', mask: TcpFlag.SYN });

const tosField = (family: IpFamily) => (family === 'ip' ? 'ip tos' : 'ip6 tclass');

/** dscp_mt (xt_dscp.c). */
const dscp: Meaning = (asked) => {
  const option = given(asked, 'dscp');
  const value = parseNumber(option?.values[0] ?? '');
  const field = tosField(asked.family);
  return value === undefined ? undefined : [equals({ field, mask: 0xfc, shift: 2 }, value, option?.not)];
};

const ECE = 0x40;
const CWR = 0x80;

/** ecn_mt4, ecn_mt6 (xt_ecn.c). */
const ecn: Meaning = (asked) => {
  const ect = given(asked, 'ecn-ip-ect');
  const bit = (name: string, mask: number) => {
    const option = given(asked, name);
    return option ? [equals({ field: 'tcp flags', mask }, option.not ? 0 : mask)] : [];
  };
  return [
    ...(ect ? [equals({ field: tosField(asked.family), mask: 3 }, Number(ect.values[0]), ect.not)] : []),
    ...bit('ecn-tcp-ece', ECE),
    ...bit('ecn-tcp-cwr', CWR),
  ];
};

const PACKET_TYPES = ['unicast', 'broadcast', 'multicast', 'otherhost'];

/** pkttype_mt (xt_pkttype.c). */
const pkttype: Meaning = (asked) => {
  const option = given(asked, 'pkt-type');
  const type = PACKET_TYPES.indexOf(option?.values[0] ?? '');
  return type < 0 ? undefined : [equals({ field: 'meta pkttype' }, type, option?.not)];
};

/** rpfilter_mt (ipt_rpfilter.c, ip6t_rpfilter.c). */
const rpfilter: Meaning = (asked) => {
  const has = (name: string) => given(asked, name) !== undefined;
  return [
    {
      kind: 'rpfilter',
      ...(has('loose') && { loose: true }),
      ...(has('validmark') && { validMark: true }),
      ...(has('accept-local') && { acceptLocal: true }),
      ...(has('invert') && { not: true }),
    },
  ];
};

/** owner_mt (xt_owner.c). */
const owner: Meaning = (asked) => {
  const ids = (name: string) => {
    const option = given(asked, name);
    const [from = 0, to = from] = (option?.values[0] ?? '').split('-').map(Number);
    return option && { from, to, ...(option.not && { not: true }) };
  };
  const [uid, gid, socket] = [ids('uid-owner'), ids('gid-owner'), given(asked, 'socket-exists')];
  return [
    {
      kind: 'owner',
      ...(uid && { uid }),
      ...(gid && { gid }),
      ...(given(asked, 'suppl-groups') && { suppl: true }),
      ...(socket && { socket: socket.not ? { not: true } : {} }),
      text: asked.text,
    },
  ];
};

/** nf_sk_lookup_slow_v4, nf_sk_lookup_slow_v6: sockets of TCP and UDP, and those that an ICMP error is about. */
const socket: Meaning = (asked) => [
  oneOf({ field: 'meta l4proto' }, [
    Protocol.TCP,
    Protocol.UDP,
    asked.family === 'ip' ? Protocol.ICMP : Protocol.ICMPV6,
  ]),
  unknown(asked),
];

/** Tests that hold for packets with a connection alone: connbytes_mt (xt_connbytes.c), and unless inverted the others. */
const connected: Meaning = (asked) => [CONNECTED, unknown(asked)];
const connectedUnlessNot: Meaning = (asked) => (asked.options.some(({ not }) => not) ? undefined : connected(asked));

/** xt_cluster_mt (xt_cluster.c): the original source, hashed over the nodes. */
const cluster: Meaning = (asked) => {
  // Of an IPv6 address the kernel hashes the first word alone (xt_cluster_hash_ipv6, tried), for which there is no selector.
  if (asked.family === 'ip6') return connected(asked);
  const number = (name: string) => parseNumber(given(asked, name)?.values[0] ?? '');
  const nodes = given(asked, 'cluster-local-nodemask');
  const [mask, mod, seed] = [
    parseNumber(nodes?.values[0] ?? ''),
    number('cluster-total-nodes'),
    number('cluster-hash-seed'),
  ];
  if (mask === undefined || mod === undefined || seed === undefined) return undefined;
  const own = Array.from({ length: mod }, (_, node) => node).filter((node) => (mask >>> node) & 1);
  const address: Selector = { field: 'ct original saddr', mask: '255.255.255.255' };
  return [oneOf({ field: 'jhash', key: [address], mod, offset: 0, seed }, own, nodes?.not)];
};

/** nf_osf_match (nfnetlink_osf.c): first segments alone have a fingerprint. */
const osf: Meaning = (asked) => [SYN, unknown(asked)];

/** tcpmss_mt (xt_tcpmss.c): first segments alone say a size (RFC 9293, 3.7.1). */
const tcpmss: Meaning = (asked) => (given(asked, 'mss')?.not ? undefined : [SYN, unknown(asked)]);

/** A header of its own protocol; its fields nobody knows. */
const header =
  (protocol: number): Meaning =>
  (asked) => [protocolIs(protocol), ...(asked.options.length > 0 ? [unknown(asked)] : [])];

/** A header between IPv6 and what it carries: packets have none, but for one that is the packet's own protocol. */
const between =
  (protocol: number): Meaning =>
  (asked) => [equals({ field: 'ip6 nexthdr' }, protocol), ...(asked.options.length > 0 ? [unknown(asked)] : [])];

const AH = 51;
const ESP = 50;
const IPCOMP = 108;
const DCCP = 33;
const MOBILITY = 135;
const ROUTING = 43;
const FRAGMENT = 44;
const NO_NEXT = 59;
const OPTIONS = 60;

const ah: Meaning = (asked) => (asked.family === 'ip' ? header(AH) : between(AH))(asked);

/** dccp_mt (xt_dccp.c). */
const dccp: Meaning = (asked) => {
  const port = (name: 'sport' | 'dport') => {
    const option = given(asked, name);
    return option ? [within({ field: `th ${name}` }, option.values[0] ?? '', option.not)] : [];
  };
  const deep = given(asked, 'dccp-types') ?? given(asked, 'dccp-option');
  return [protocolIs(DCCP), ...port('sport'), ...port('dport'), ...(deep ? [unknown(asked)] : [])];
};

/** By what is in `headers`: the packet has one that nothing follows. */
const LAST_HEADERS: Readonly<Record<number, string>> = { [NO_NEXT]: 'ipv6-nonxt', [ESP]: 'esp' };
/** Headers that lead on to others, and what they are called. */
const LEADING = [0, ROUTING, FRAGMENT, AH, OPTIONS];

/** ipv6header_mt6 (ip6t_ipv6header.c): of packets without further headers there is what they carry, or that nothing is carried. */
const ipv6header: Meaning = (asked) => {
  const option = given(asked, 'header');
  const wanted = (option?.values[0] ?? '').split(',');
  const soft = given(asked, 'soft') !== undefined;
  if (option?.not) return undefined;
  const holds = (name: string) =>
    soft ? wanted.every((one) => one === name) : wanted.length === 1 && wanted[0] === name;
  const field: Selector = { field: 'ip6 nexthdr' };
  const own = Object.keys(LAST_HEADERS).map(Number);
  if (holds('protocol')) return [oneOf(field, [...own, ...LEADING], true)];
  const one = own.find((protocol) => holds(LAST_HEADERS[protocol] ?? ''));
  if (one !== undefined) return [equals(field, one)];
  // Only a packet that begins with such a header can hold what is asked.
  return [oneOf(field, LEADING), unknown(asked)];
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
  dscp,
  ecn,
  pkttype,
  rpfilter,
  owner,
  socket,
  helper: connectedUnlessNot,
  connbytes: connected,
  connlabel: connectedUnlessNot,
  cluster,
  osf,
  tcpmss,
  ah,
  esp: header(ESP),
  ipcomp: header(IPCOMP),
  dccp,
  frag: between(FRAGMENT),
  rt: between(ROUTING),
  srh: between(ROUTING),
  hbh: between(0),
  dst: between(OPTIONS),
  mh: header(MOBILITY),
  ipv6header,
  u32: (asked) => u32Tests(firstOf(asked.options, 'u32') ?? '', asked),
};

/** The match `text` in other words; the match itself where there are none. */
export function matchMeaning(match: Match, family: IpFamily): Match {
  if (match.kind !== 'unmodelled') return match;
  const { text } = match;
  const { name, options } = optionsOf(text);
  const tests = Object.hasOwn(MEANINGS, name) ? MEANINGS[name]?.({ text, options, family }) : undefined;
  if (!tests) return match;
  const [only] = tests;
  // Those that the machine has itself.
  if (tests.length === 1 && (only?.kind === 'owner' || only?.kind === 'rpfilter')) return only;
  return { kind: 'extension', text, tests };
}
