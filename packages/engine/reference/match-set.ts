/** ip_set_test, ip_set_add and ip_set_del with what each type of set reads from a packet (net/netfilter/ipset/). */
import { ChoiceKind, formatPrefix, type Match, networkOf, type Packet, Protocol } from '../src/index.ts';
import { addressOf, prefixOf } from './addresses.ts';
import type { Place } from './chain.ts';
import { choose } from './choice.ts';
import { isLater } from './fragment.ts';
import type { Host, Run, SetState, Skb } from './state.ts';
import { hasPorts, isIcmp } from './tuple.ts';

type Side = 'src' | 'dst';

type Kind = 'ip' | 'net' | 'port' | 'bare-port' | 'iface' | 'mark';

/** Dimensions by type; others are not modelled. */
const DIMENSIONS: Record<string, readonly Kind[]> = {
  'hash:ip': ['ip'],
  'hash:net': ['net'],
  'hash:ip,port': ['ip', 'port'],
  'hash:net,port': ['net', 'port'],
  'hash:ip,port,ip': ['ip', 'port', 'ip'],
  'hash:ip,port,net': ['ip', 'port', 'net'],
  'hash:net,net': ['net', 'net'],
  'hash:net,port,net': ['net', 'port', 'net'],
  'hash:net,iface': ['net', 'iface'],
  'hash:ip,mark': ['ip', 'mark'],
  'bitmap:ip': ['ip'],
  'bitmap:port': ['bare-port'],
};

const PROTOCOLS: Record<string, number> = {
  tcp: Protocol.TCP,
  udp: Protocol.UDP,
  sctp: Protocol.SCTP,
  udplite: 136,
  icmp: Protocol.ICMP,
  icmpv6: Protocol.ICMPV6,
  'ipv6-icmp': Protocol.ICMPV6,
};

const isTcpOrUdp = (protocol: number) => protocol === Protocol.TCP || protocol === Protocol.UDP;

/** A piece behind the first says nothing of ports that its protocol has; over IPv6 it has no protocol (ip_set_get_ip4_port, ip_set_get_ip6_port). */
const hidesPort = (packet: Packet): boolean =>
  isLater(packet) && (packet.family === 6 || hasPorts(packet.protocol) || packet.protocol === Protocol.ICMP);

/** What stands for a port: type and code of ICMP, 0 for protocols without any (get_port, ip_set_getport.c). */
function portOf(skb: Skb, side: Side): number {
  const { packet } = skb;
  if (isIcmp(packet.protocol)) return packet.icmpType * 256 + packet.icmpCode;
  if (!hasPorts(packet.protocol)) return 0;
  return side === 'src' ? packet.sport : packet.dport;
}

/** `tcp:80`, `80` (TCP), `icmp:8/0`, `gre:0`. */
function portMatches(text: string, skb: Skb, side: Side): boolean {
  const colon = text.indexOf(':');
  const name = colon < 0 ? 'tcp' : text.slice(0, colon).toLowerCase();
  const protocol = PROTOCOLS[name] ?? Number(name);
  if (protocol !== skb.packet.protocol) return false;
  const value = text.slice(colon + 1);
  const slash = value.indexOf('/');
  const number = slash < 0 ? Number(value) : Number(value.slice(0, slash)) * 256 + Number(value.slice(slash + 1));
  return number === portOf(skb, side);
}

const addressAt = (skb: Skb, side: Side) => (side === 'src' ? skb.packet.saddr : skb.packet.daddr);

/** Length of the prefix where it covers the address, else -1. */
function covers(prefix: string, address: string): number {
  const parsed = prefixOf(prefix);
  const { family } = addressOf(address);
  if (parsed.family !== family) return -1;
  const network = formatPrefix(networkOf({ ...addressOf(address), length: parsed.length }));
  return network === formatPrefix(networkOf(parsed)) ? parsed.length : -1;
}

function partMatches(kind: Kind, part: string, skb: Skb, side: Side): number {
  switch (kind) {
    case 'ip':
    case 'net':
      return covers(part, addressAt(skb, side));
    case 'port':
      if (hidesPort(skb.packet)) return -1;
      return portMatches(part, skb, side) ? 0 : -1;
    case 'bare-port':
      if (hidesPort(skb.packet)) return -1;
      // bitmap:port looks into TCP and UDP alone (ip_set_get_ip_port, ip_set_bitmap_port.c).
      return isTcpOrUdp(skb.packet.protocol) && Number(part) === portOf(skb, side) ? 0 : -1;
    case 'iface': {
      const physical = part.startsWith('physdev:');
      const bridge = side === 'src' ? skb.bridge?.physin : skb.bridge?.physout;
      const device = physical ? bridge : side === 'src' ? skb.indev : skb.outdev;
      return device?.name === (physical ? part.slice('physdev:'.length) : part) ? 0 : -1;
    }
    case 'mark':
      return Number(part) >>> 0 === skb.packet.mark >>> 0 ? 0 : -1;
  }
}

const isLive = (entry: { expires?: number }, now: number) => entry.expires === undefined || entry.expires > now;

/** Undefined: a type that is not modelled. The longest prefixes decide, an entry with `nomatch` denies. */
function contains(run: Run, host: Host, state: SetState, skb: Skb, flags: readonly Side[]): boolean | undefined {
  const { set } = state;
  const now = run.world.clockMs;
  if (set.type === 'list:set') {
    let unknown = false;
    for (const entry of state.entries.values()) {
      const member = host.sets.get(entry.value);
      if (!member || !isLive(entry, now)) continue;
      const held = contains(run, host, member, skb, flags);
      if (held) return true;
      unknown ||= held === undefined;
    }
    return unknown ? undefined : false;
  }
  const kinds = DIMENSIONS[set.type];
  if (!kinds) return undefined;
  if ((set.family === 'inet6' ? 6 : 4) !== skb.packet.family && set.type !== 'bitmap:port') return false;
  if (flags.length < kinds.length) return false;
  let best = -1;
  let denied = false;
  for (const entry of state.entries.values()) {
    if (!isLive(entry, now)) continue;
    const parts = entry.value.split(',');
    const lengths = kinds.map((kind, i) => partMatches(kind, parts[i] ?? '', skb, flags[i] as Side));
    if (lengths.some((length) => length < 0)) continue;
    const weight = lengths.reduce((sum, length) => sum * 129 + length, 0);
    if (weight <= best) continue;
    best = weight;
    denied = entry.nomatch;
  }
  return best >= 0 && !denied;
}

export function matchSet(run: Run, host: Host, skb: Skb, place: Place, match: Match & { kind: 'set' }): boolean {
  const state = host.sets.get(match.set) as SetState;
  const held = contains(run, host, state, skb, match.flags);
  if (held !== undefined) return held !== (match.not === true);
  const { table, chain, index } = place;
  const not = match.not ? '! ' : '';
  const text = `-m set ${not}--match-set ${match.set} ${match.flags.join(',')}`;
  const rule = { table, chain, index };
  return choose(run, { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name, rule, text }) === 0;
}

const protocolName = (protocol: number) =>
  Object.entries(PROTOCOLS).find(([, number]) => number === protocol)?.[0] ?? String(protocol);

/** The longest prefix that the set has in a dimension, by which packets add and remove networks (INIT_CIDR); undefined: it has none. */
function longestIn(state: SetState, dimension: number, now: number): number | undefined {
  const lengths = [...state.entries.values()].flatMap((entry) =>
    isLive(entry, now) ? [prefixOf(entry.value.split(',')[dimension] ?? '').length] : [],
  );
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

/** The network that a packet's address stands for; a host without its length. */
function networkFor(address: string, length: number | undefined): string {
  const own = addressOf(address);
  return length === undefined || length === (own.family === 4 ? 32 : 128)
    ? address
    : formatPrefix(networkOf({ ...own, length }));
}

/** Empty: the packet has no such thing. */
function partFor(kind: Kind, skb: Skb, side: Side, longest: () => number | undefined): string {
  switch (kind) {
    case 'ip':
      return addressAt(skb, side);
    case 'net':
      return networkFor(addressAt(skb, side), longest());
    case 'port': {
      if (hidesPort(skb.packet)) return '';
      const port = portOf(skb, side);
      const { protocol } = skb.packet;
      const text = isIcmp(protocol) ? `${port >>> 8}/${port & 255}` : String(port);
      return `${protocolName(protocol)}:${text}`;
    }
    case 'bare-port':
      return isTcpOrUdp(skb.packet.protocol) && !hidesPort(skb.packet) ? String(portOf(skb, side)) : '';
    case 'iface':
      return (side === 'src' ? skb.indev?.name : skb.outdev?.name) ?? '';
    case 'mark':
      return String(skb.packet.mark >>> 0);
  }
}

/** The entry that the SET target would write for this packet; empty where it has none or the type is not modelled. */
export function entryFor(state: SetState, skb: Skb, flags: readonly Side[], now: number): string {
  const kinds = DIMENSIONS[state.set.type];
  if (!kinds || flags.length < kinds.length) return '';
  if ((state.set.family === 'inet6' ? 6 : 4) !== skb.packet.family && state.set.type !== 'bitmap:port') return '';
  const parts = kinds.map((kind, i) => partFor(kind, skb, flags[i] as Side, () => longestIn(state, i, now)));
  return parts.includes('') ? '' : parts.join(',');
}
