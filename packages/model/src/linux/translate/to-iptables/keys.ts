/** What nftables reads of a packet, and the option of iptables that asks for it: a row per selector. */
import { Protocol } from '@podwire/engine';
import type { IpFamily } from '../../iptables/index.ts';
import type { NftExpression } from '../../nft/syntax.ts';
import { type Datatype, types } from '../../nft/tables/datatypes.ts';
import { type Alternative, type Context, lacks, type Piece } from './head.ts';
import { addressOf, hex, numberOf, numbersOf, rangeWord, textOf } from './values.ts';

/** Asks for one value, or for any other. `mask`: of `& MASK` on the left. */
type Asks = (value: NftExpression, not: boolean, mask: NftExpression | undefined, context: Context) => Alternative;

export interface Key {
  asks: Asks;
  /** Packets of another family have none of it. */
  family?: IpFamily;
  /** Of numbers, the most there is: `< 5` is a range. */
  max?: number;
  type?: Datatype;
}

const bang = (not: boolean): string[] => (not ? ['!'] : []);
const no = (mask: NftExpression | undefined, what: string): void => {
  if (mask !== undefined) lacks(`${what} & ${JSON.stringify(mask)}`);
};

const address =
  (side: 's' | 'd', what: string): Asks =>
  (value, not, mask) => {
    const found = addressOf(value);
    if (typeof found === 'object') {
      no(mask, what);
      const range = `${found.from}-${found.to}`;
      return [{ words: ['-m', 'iprange', ...bang(not), side === 's' ? '--src-range' : '--dst-range', range] }];
    }
    const prefix = mask === undefined ? found : `${found}/${textOf(mask)}`;
    return [{ words: [...bang(not), `-${side}`, prefix], once: side }];
  };

const protocol: Asks = (value, not, mask) => {
  no(mask, 'meta l4proto');
  const number = numberOf(value, types.protocol);
  return [{ words: [...bang(not), '-p', String(number)], once: 'p', ...(not ? {} : { protocol: number }) }];
};

const PORTS: Readonly<Record<string, readonly [number, string]>> = {
  tcp: [Protocol.TCP, 'tcp'],
  udp: [Protocol.UDP, 'udp'],
  sctp: [Protocol.SCTP, 'sctp'],
  dccp: [33, 'dccp'],
  udplite: [136, 'multiport'],
};

const port =
  (name: string, side: 'sport' | 'dport'): Asks =>
  (value, not, mask) => {
    no(mask, `${name} ${side}`);
    const [number, match] = PORTS[name] ?? [];
    if (number === undefined || match === undefined) return lacks(`${name} ${side}`);
    const option = match === 'multiport' ? `--${side}s` : `--${side}`;
    const words = ['-m', match, ...bang(not), option, rangeWord(numbersOf(value, types.service))];
    return [{ words, protocol: number }];
  };

/** Of whichever protocol was asked for before. */
const anyPort =
  (side: 'sport' | 'dport'): Asks =>
  (value, not, mask) => {
    no(mask, `th ${side}`);
    const words = ['-m', 'multiport', ...bang(not), `--${side}s`, rangeWord(numbersOf(value, types.service))];
    return [{ words, ports: true }];
  };

const device =
  (option: 'i' | 'o'): Asks =>
  (value, not, mask) => {
    no(mask, option);
    const name = textOf(value);
    const written = name.endsWith('\\*') ? `${name.slice(0, -2)}*` : name.replace(/\*$/, '+');
    if (!name.endsWith('*') && name.endsWith('+')) lacks(`"${name}"`, 'iptables takes + at the end for any rest');
    return [{ words: [...bang(not), `-${option}`, written], once: option }];
  };

const mark =
  (match: 'mark' | 'connmark'): Asks =>
  (value, not, mask) => {
    const { from, to } = numbersOf(value, types.mark);
    if (from !== to) lacks(`a range of marks`);
    const bits = mask === undefined ? '' : `/${hex(numberOf(mask, types.mark))}`;
    const words = ['-m', match, ...bang(not), '--mark', `${hex(from)}${bits}`];
    return [{ words, reads: match === 'mark' ? 'mark' : 'ct mark' }];
  };

/** A test of one number or range. */
const number =
  (match: string, option: string, more: Partial<Piece> = {}, type: Datatype = types.integer, print = String): Asks =>
  (value, not, mask) => {
    no(mask, `--${option}`);
    const { from, to } = numbersOf(value, type);
    const word = from === to ? print(from) : `${print(from)}:${print(to)}`;
    return [{ words: ['-m', match, ...bang(not), `--${option}`, word], ...more }];
  };

const single =
  (match: string, option: string, type: Datatype, print: (value: number) => string, more: Partial<Piece> = {}): Asks =>
  (value, not, mask) => {
    no(mask, `--${option}`);
    return [{ words: ['-m', match, ...bang(not), `--${option}`, print(numberOf(value, type))], ...more }];
  };

const owner =
  (option: string, type: Datatype): Asks =>
  (value, not, mask) => {
    no(mask, option);
    const { from, to } = numbersOf(value, type);
    return [{ words: ['-m', 'owner', ...bang(not), `--${option}`, from === to ? String(from) : `${from}-${to}`] }];
  };

const hoplimit =
  (match: 'ttl' | 'hl', max: number): Asks =>
  (value, not, mask) => {
    no(mask, match);
    const { from, to } = numbersOf(value);
    const option = (how: string, limit: number): Alternative => [
      { words: ['-m', match, `--${match}-${how}`, String(limit)], reads: 'header' },
    ];
    if (from === to)
      return not ? [{ words: ['-m', match, '!', `--${match}-eq`, String(from)], reads: 'header' }] : option('eq', from);
    if (not) return lacks(`${match} != ${from}-${to}`);
    const parts = [...(from > 0 ? option('gt', from - 1) : []), ...(to < max ? option('lt', to + 1) : [])];
    return parts;
  };

const tcpFlags: Asks = (value, not, mask) => {
  const all = mask === undefined ? 0xff : numberOf(mask, types.tcpFlag);
  const wanted = numberOf(value, types.tcpFlag);
  if (all > 0x3f) lacks('tcp flags ecn, cwr', 'iptables names the six older flags of TCP only');
  return [
    { words: ['-m', 'tcp', ...bang(not), '--tcp-flags', flagNames(all), flagNames(wanted)], protocol: Protocol.TCP },
  ];
};

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

export function flagNames(bits: number): string {
  const names = FLAGS.filter((_, bit) => (bits >> bit) & 1);
  return names.length === FLAGS.length ? 'ALL' : names.length === 0 ? 'NONE' : names.join(',');
}

const icmpType =
  (six: boolean): Asks =>
  (value, not, mask) => {
    no(mask, 'icmp type');
    const { from, to } = numbersOf(value, six ? types.icmpv6Type : types.icmpType);
    if (from !== to) lacks(`icmp type ${from}-${to}`, 'iptables takes one type');
    const [name, option, protocolNumber] = six
      ? ['icmp6', '--icmpv6-type', Protocol.ICMPV6]
      : ['icmp', '--icmp-type', Protocol.ICMP];
    return [{ words: ['-m', name, ...bang(not), option, String(from)], protocol: protocolNumber }];
  };

const packetType: Asks = (value, not) => {
  const name = ['unicast', 'broadcast', 'multicast'][numberOf(value, types.packetType)];
  if (name === undefined) return lacks('meta pkttype');
  return [{ words: ['-m', 'pkttype', ...bang(not), '--pkt-type', name] }];
};

const linkLayer: Asks = (value, not, mask) => {
  no(mask, 'ether saddr');
  return [{ words: ['-m', 'mac', ...bang(not), '--mac-source', textOf(value)] }];
};

const conntrack =
  (option: string): Asks =>
  (value, not, mask) => {
    const found = addressOf(value);
    if (typeof found === 'object') return lacks(`ct ${option} of a range`);
    const prefix = mask === undefined ? found : `${found}/${textOf(mask)}`;
    return [{ words: ['-m', 'conntrack', ...bang(not), `--${option}`, prefix], reads: 'state' }];
  };

const state = { reads: 'state' } as const;

const direction: Asks = (value, not) => {
  const reply = numberOf(value, types.ctDirection) === 1;
  return [{ words: ['-m', 'conntrack', '--ctdir', reply === not ? 'ORIGINAL' : 'REPLY'], ...state }];
};

const helper: Asks = (value, not) => [{ words: ['-m', 'helper', ...bang(not), '--helper', textOf(value)], ...state }];

const ports = Object.keys(PORTS).flatMap((name): [string, Key][] =>
  (['sport', 'dport'] as const).map((side) => [
    `${name} ${side}`,
    { asks: port(name, side), max: 65_535, type: types.service },
  ]),
);

const octet = { max: 255 };

export const KEYS: Readonly<Record<string, Key>> = {
  'ip saddr': { asks: address('s', 'ip saddr'), family: 'ip' },
  'ip daddr': { asks: address('d', 'ip daddr'), family: 'ip' },
  'ip6 saddr': { asks: address('s', 'ip6 saddr'), family: 'ip6' },
  'ip6 daddr': { asks: address('d', 'ip6 daddr'), family: 'ip6' },
  'ip protocol': { asks: protocol, family: 'ip' },
  'meta l4proto': { asks: protocol },
  ...Object.fromEntries(ports),
  'tcp flags': { asks: tcpFlags },
  'icmp type': { asks: icmpType(false), family: 'ip' },
  'icmpv6 type': { asks: icmpType(true), family: 'ip6' },
  'th sport': { asks: anyPort('sport'), max: 65_535, type: types.service },
  'th dport': { asks: anyPort('dport'), max: 65_535, type: types.service },
  'meta iifname': { asks: device('i') },
  'meta iif': { asks: device('i') },
  'meta oifname': { asks: device('o') },
  'meta oif': { asks: device('o') },
  'meta mark': { asks: mark('mark') },
  'ct mark': { asks: mark('connmark') },
  'meta length': { asks: number('length', 'length'), max: 65_535 },
  'ip ttl': { asks: hoplimit('ttl', 255), family: 'ip', ...octet },
  'ip6 hoplimit': { asks: hoplimit('hl', 255), family: 'ip6', ...octet },
  'ip dscp': { asks: single('dscp', 'dscp', types.dscp, hex, { reads: 'header' }), family: 'ip' },
  'ip6 dscp': { asks: single('dscp', 'dscp', types.dscp, hex, { reads: 'header' }), family: 'ip6' },
  'ether saddr': { asks: linkLayer },
  'meta skuid': { asks: owner('uid-owner', types.user), max: 0xffff_ffff, type: types.user },
  'meta skgid': { asks: owner('gid-owner', types.group), max: 0xffff_ffff, type: types.group },
  'meta pkttype': { asks: packetType },
  'meta cpu': { asks: single('cpu', 'cpu', types.integer, String) },
  'meta cgroup': { asks: single('cgroup', 'cgroup', types.integer, String) },
  'meta iifgroup': { asks: single('devgroup', 'src-group', types.deviceGroup, hex) },
  'meta oifgroup': { asks: single('devgroup', 'dst-group', types.deviceGroup, hex) },
  'meta rtclassid': { asks: single('realm', 'realm', types.realm, hex) },
  'ct direction': { asks: direction },
  'ct helper': { asks: helper },
  'ct original protocol': { asks: single('conntrack', 'ctproto', types.protocol, String, state) },
  'ct original ip saddr': { asks: conntrack('ctorigsrc'), family: 'ip' },
  'ct original ip daddr': { asks: conntrack('ctorigdst'), family: 'ip' },
  'ct reply ip saddr': { asks: conntrack('ctreplsrc'), family: 'ip' },
  'ct reply ip daddr': { asks: conntrack('ctrepldst'), family: 'ip' },
  'ct original ip6 saddr': { asks: conntrack('ctorigsrc'), family: 'ip6' },
  'ct original ip6 daddr': { asks: conntrack('ctorigdst'), family: 'ip6' },
  'ct reply ip6 saddr': { asks: conntrack('ctreplsrc'), family: 'ip6' },
  'ct reply ip6 daddr': { asks: conntrack('ctrepldst'), family: 'ip6' },
  'ct original proto-src': { asks: number('conntrack', 'ctorigsrcport', state, types.service), max: 65_535 },
  'ct original proto-dst': { asks: number('conntrack', 'ctorigdstport', state, types.service), max: 65_535 },
  'ct reply proto-src': { asks: number('conntrack', 'ctreplsrcport', state, types.service), max: 65_535 },
  'ct reply proto-dst': { asks: number('conntrack', 'ctrepldstport', state, types.service), max: 65_535 },
  'tcp option maxseg size': { asks: number('tcpmss', 'mss', { protocol: Protocol.TCP }), max: 65_535 },
  'ah spi': { asks: number('ah', 'ahspi', { protocol: 51 }), max: 0xffff_ffff },
  'esp spi': { asks: number('esp', 'espspi', { protocol: 50 }), max: 0xffff_ffff },
};
