/** `-m icmp` and `-m icmp6`: net/netfilter/xt_tcpudp.c:icmp_type_code_match(). Type names are those of RFC 792 and RFC 4443. */
import { type Match, type PortRange, Protocol } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { number, range } from '../base/numbers.ts';

const ANY_CODE: PortRange = { from: 0, to: 255 };

/** name -> [type] for every code, or [type, code] */
export type IcmpNames = Readonly<Record<string, readonly [number, number?]>>;

export const ICMP_NAMES: IcmpNames = {
  any: [255],
  'echo-reply': [0],
  pong: [0],
  'destination-unreachable': [3],
  'network-unreachable': [3, 0],
  'host-unreachable': [3, 1],
  'protocol-unreachable': [3, 2],
  'port-unreachable': [3, 3],
  'fragmentation-needed': [3, 4],
  'source-route-failed': [3, 5],
  'network-unknown': [3, 6],
  'host-unknown': [3, 7],
  'network-prohibited': [3, 9],
  'host-prohibited': [3, 10],
  'TOS-network-unreachable': [3, 11],
  'TOS-host-unreachable': [3, 12],
  'communication-prohibited': [3, 13],
  'host-precedence-violation': [3, 14],
  'precedence-cutoff': [3, 15],
  'source-quench': [4],
  redirect: [5],
  'network-redirect': [5, 0],
  'host-redirect': [5, 1],
  'TOS-network-redirect': [5, 2],
  'TOS-host-redirect': [5, 3],
  'echo-request': [8],
  ping: [8],
  'router-advertisement': [9],
  'router-solicitation': [10],
  'time-exceeded': [11],
  'ttl-exceeded': [11],
  'ttl-zero-during-transit': [11, 0],
  'ttl-zero-during-reassembly': [11, 1],
  'parameter-problem': [12],
  'ip-header-bad': [12, 0],
  'required-option-missing': [12, 1],
  'timestamp-request': [13],
  'timestamp-reply': [14],
  'address-mask-request': [17],
  'address-mask-reply': [18],
};

export const ICMP6_NAMES: IcmpNames = {
  'destination-unreachable': [1],
  'no-route': [1, 0],
  'communication-prohibited': [1, 1],
  'beyond-scope': [1, 2],
  'address-unreachable': [1, 3],
  'port-unreachable': [1, 4],
  'failed-policy': [1, 5],
  'reject-route': [1, 6],
  'packet-too-big': [2],
  'time-exceeded': [3],
  'ttl-exceeded': [3],
  'ttl-zero-during-transit': [3, 0],
  'ttl-zero-during-reassembly': [3, 1],
  'parameter-problem': [4],
  'bad-header': [4, 0],
  'unknown-header-type': [4, 1],
  'unknown-option': [4, 2],
  'echo-request': [128],
  ping: [128],
  'echo-reply': [129],
  pong: [129],
  'mld-listener-query': [130],
  'mld-listener-report': [131],
  'mld-listener-done': [132],
  'mld-listener-reduction': [132],
  'router-solicitation': [133],
  'router-advertisement': [134],
  'neighbour-solicitation': [135],
  'neighbor-solicitation': [135],
  'neighbour-advertisement': [136],
  'neighbor-advertisement': [136],
  redirect: [137],
};

function readType(names: IcmpNames, name: string, text: string): { type: number; code: PortRange } {
  const lower = text.toLowerCase();
  const starting = Object.keys(names).filter((key) => key.toLowerCase().startsWith(lower));
  const found =
    starting.find((key) => key.toLowerCase() === lower) ?? (starting.length === 1 ? starting[0] : undefined);
  const known = found === undefined ? undefined : names[found];
  if (known) return { type: known[0], code: known[1] === undefined ? ANY_CODE : { from: known[1], to: known[1] } };
  if (starting.length > 1) throw new Refusal(`Ambiguous ICMP type \`${text}'`);
  const slash = text.indexOf('/');
  const type = number(name, slash < 0 ? text : text.slice(0, slash), 255);
  return { type, code: slash < 0 ? ANY_CODE : range(name, text.slice(slash + 1), 255) };
}

export const icmp: MatchExtension = {
  name: 'icmp',
  family: 'ip',
  impliedBy: [Protocol.ICMP],
  protocols: [Protocol.ICMP],
  options: [option('icmp-type', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'icmp', 'icmp-type');
    const test = byName(given).get('icmp-type');
    return { kind: 'icmp', ...readType(ICMP_NAMES, 'icmp-type', word(test)), ...inverted(test?.not) };
  },
};

export const icmp6: MatchExtension = {
  name: 'icmp6',
  aliases: ['icmpv6', 'ipv6-icmp'],
  family: 'ip6',
  impliedBy: [Protocol.ICMPV6],
  protocols: [Protocol.ICMPV6],
  options: [option('icmpv6-type', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'icmp6', 'icmpv6-type');
    const test = byName(given).get('icmpv6-type');
    return { kind: 'icmp6', ...readType(ICMP6_NAMES, 'icmpv6-type', word(test)), ...inverted(test?.not) };
  },
};

function printCode({ from, to }: PortRange): string {
  if (from === 0 && to === 255) return '';
  return from === to ? `/${from}` : `/${from}:${to}`;
}

export function printIcmp(match: Extract<Match, { kind: 'icmp' | 'icmp6' }>): string {
  const name = match.kind === 'icmp' ? 'icmp-type' : 'icmpv6-type';
  const code = printCode(match.code);
  const type = match.kind === 'icmp' && match.type === 255 && code === '' ? 'any' : `${match.type}${code}`;
  return `-m ${match.kind} ${bang(match.not)}--${name} ${type}`;
}
