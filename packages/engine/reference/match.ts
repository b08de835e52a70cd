/** One case per kind of `Match`; each follows the kernel function it names. */
import type {
  Action,
  IptablesMatch,
  NftMatch,
  PlainMatch,
  PlainStatement,
  PortRange,
  Statement,
} from '../src/index.ts';
import { ChoiceKind, compareAddresses, optionText, Protocol } from '../src/index.ts';
import { addressOf, matchesMasked } from './addresses.ts';
import type { Place } from './chain.ts';
import { choose } from './choice.ts';
import { isLater } from './fragment.ts';
import { matchAddrtype } from './match-addrtype.ts';
import { matchConnmark, matchConntrack, matchState } from './match-conntrack.ts';
import { matchOwner } from './match-owner.ts';
import { matchPhysdev } from './match-physdev.ts';
import { matchRecent } from './match-recent.ts';
import { matchReverse } from './match-rpfilter.ts';
import { matchSet } from './match-set.ts';
import { matchStatistic } from './match-statistic.ts';
import type { Device, Host, Run, Skb } from './state.ts';
import { hasPorts } from './tuple.ts';

const ACTIONS: ReadonlySet<Statement['kind']> = new Set<Action['kind']>([
  'accept',
  'drop',
  'return',
  'jump',
  'goto',
  'reject',
  'set-mark',
  'set-connmark',
  'save-mark',
  'restore-mark',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'notrack',
  'ct-zone',
  'ct-helper',
  'set-add',
  'set-del',
  'note',
  'unmodelled-target',
  'queue',
  'extension-target',
  'verdict-map',
  'set-meta',
  'set-header',
  'nat-to',
  'set-update',
  'forward-to',
]);

export const isNftMatch = (statement: Statement): statement is NftMatch =>
  statement.kind === 'compare' || statement.kind === 'lookup';

export const isMatch = (statement: PlainStatement): statement is PlainMatch => !ACTIONS.has(statement.kind);

/** `eth+` stands for all names with that beginning (ifname_compare). */
export const nameMatches = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;

const nameOf = (device: Device | undefined) => device?.name ?? '';

const portIn = (range: (PortRange & { not?: boolean }) | undefined, port: number): boolean =>
  !range || (port >= range.from && port <= range.to) !== (range.not === true);

const TCP_HEADER = 20;

/** tcp_find_option: a header of 20 bytes has none. Undefined: what a longer one holds nobody knows. */
function matchOption({ packet: { tcp } }: Skb, { not }: { not?: boolean }): boolean | undefined {
  return tcp && (tcp.header ?? TCP_HEADER) <= TCP_HEADER ? not === true : undefined;
}

/** tcp_mt (net/netfilter/xt_tcpudp.c), but for options. */
function matchTcp(skb: Skb, match: IptablesMatch & { kind: 'tcp' }): boolean {
  const { packet } = skb;
  if (packet.protocol !== Protocol.TCP || isLater(packet)) return false;
  const { flags } = match;
  return (
    portIn(match.sport, packet.sport) &&
    portIn(match.dport, packet.dport) &&
    (!flags || ((packet.tcpFlags & flags.mask) === flags.set) !== (flags.not === true))
  );
}

function matchPorts(skb: Skb, match: IptablesMatch & { kind: 'udp' | 'sctp' }): boolean {
  const wanted = match.kind === 'udp' ? Protocol.UDP : Protocol.SCTP;
  if (isLater(skb.packet)) return false;
  return (
    skb.packet.protocol === wanted && portIn(match.sport, skb.packet.sport) && portIn(match.dport, skb.packet.dport)
  );
}

/** icmp_match, icmp6_match (net/netfilter/xt_tcpudp.c, net/ipv4/netfilter/ip_tables.c). */
function matchIcmp(skb: Skb, match: IptablesMatch & { kind: 'icmp' | 'icmp6' }): boolean {
  const { packet } = skb;
  if (packet.protocol !== (match.kind === 'icmp' ? Protocol.ICMP : Protocol.ICMPV6) || isLater(packet)) return false;
  const { code } = match;
  const holds =
    match.type === 255 ||
    (packet.icmpType === match.type && packet.icmpCode >= code.from && packet.icmpCode <= code.to);
  return holds !== (match.not === true);
}

/** multiport_mt (net/netfilter/xt_multiport.c). */
function matchMultiport(skb: Skb, match: IptablesMatch & { kind: 'multiport' }): boolean {
  const { packet } = skb;
  if (!hasPorts(packet.protocol) || isLater(packet)) return false;
  const within = (port: number) => match.ports.some(({ from, to }) => port >= from && port <= to);
  const holds =
    (match.which !== 'destination' && within(packet.sport)) || (match.which !== 'source' && within(packet.dport));
  return holds !== (match.not === true);
}

function inAddressRange(range: { from: string; to: string; not?: boolean } | undefined, address: string): boolean {
  if (!range) return true;
  const at = addressOf(address);
  const from = addressOf(range.from);
  if (from.family !== at.family) return false;
  const inside = compareAddresses(at, from) >= 0 && compareAddresses(at, addressOf(range.to)) <= 0;
  return inside !== (range.not === true);
}

/** ttl_mt, hl_mt6 (net/netfilter/xt_hl.c). */
function matchTtl(ttl: number, { op, value }: IptablesMatch & { kind: 'ttl' }): boolean {
  switch (op) {
    case 'eq':
      return ttl === value;
    case 'ne':
      return ttl !== value;
    case 'lt':
      return ttl < value;
    case 'gt':
      return ttl > value;
  }
}

/** mac_mt (net/netfilter/xt_mac.c): false, negated or not, where there is no Ethernet header. */
function matchMac(skb: Skb, match: IptablesMatch & { kind: 'mac' }): boolean {
  if (skb.macSource === undefined || !skb.indev || skb.indev.link.kind === 'loopback') return false;
  return (skb.macSource === match.address.toLowerCase()) !== (match.not === true);
}

function undecided(run: Run, host: Host, place: Place, kind: ChoiceKind, text: string): boolean {
  const { table, chain, index } = place;
  return choose(run, { kind, alternatives: 2, netns: host.netns.name, rule: { table, chain, index }, text }) === 0;
}

export function matches(
  run: Run,
  host: Host,
  skb: Skb,
  place: Place,
  match: Extract<PlainMatch, IptablesMatch>,
): boolean {
  const { packet } = skb;
  switch (match.kind) {
    case 'saddr':
    case 'daddr':
      return matchesMasked(match.prefix, packet[match.kind]) !== (match.not === true);
    case 'iif':
      return nameMatches(match.name, nameOf(skb.indev)) !== (match.not === true);
    case 'oif':
      return nameMatches(match.name, nameOf(skb.outdev)) !== (match.not === true);
    case 'protocol':
      return (match.protocol === 0 || packet.protocol === match.protocol) !== (match.not === true);
    case 'fragment':
      return isLater(packet) !== (match.not === true);
    case 'tcp': {
      const { option } = match;
      if (!matchTcp(skb, match)) return false;
      if (!option) return true;
      const text = optionText(option.number, option.not);
      return matchOption(skb, option) ?? undecided(run, host, place, ChoiceKind.UNMODELLED, text);
    }
    case 'udp':
    case 'sctp':
      return matchPorts(skb, match);
    case 'icmp':
    case 'icmp6':
      return matchIcmp(skb, match);
    case 'multiport':
      return matchMultiport(skb, match);
    case 'mark':
      return ((packet.mark & match.mask) >>> 0 === match.value >>> 0) !== (match.not === true);
    case 'connmark':
      return matchConnmark(skb, match);
    case 'state':
      return matchState(skb, match);
    case 'conntrack':
      return matchConntrack(skb, match);
    case 'addrtype':
      return matchAddrtype(host, skb, match);
    case 'statistic':
      return matchStatistic(run, host, place, match);
    case 'comment':
    case 'nfacct':
      return true;
    case 'physdev':
      return matchPhysdev(skb, match);
    case 'recent':
      return matchRecent(run, host, skb, place, match);
    case 'set':
      return matchSet(run, host, skb, place, match);
    case 'iprange':
      return inAddressRange(match.src, packet.saddr) && inAddressRange(match.dst, packet.daddr);
    case 'mac':
      return matchMac(skb, match);
    case 'tos':
      return ((packet.tos & match.mask) === match.value) !== (match.not === true);
    case 'ttl':
      return matchTtl(packet.ttl, match);
    case 'length':
      return (packet.length >= match.from && packet.length <= match.to) !== (match.not === true);
    case 'owner':
      return matchOwner(skb, match) ?? undecided(run, host, place, ChoiceKind.UNMODELLED, match.text);
    case 'rpfilter':
      return matchReverse(host, skb, match);
    case 'limit':
      return undecided(run, host, place, ChoiceKind.LIMIT, match.text);
    case 'unmodelled':
      return undecided(run, host, place, ChoiceKind.UNMODELLED, match.text);
  }
}
