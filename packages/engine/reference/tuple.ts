/** Tuples of packets and their inverses: nf_ct_get_tuple, nf_ct_invert_tuple (net/netfilter/nf_conntrack_core.c). */
import { type Packet, Protocol, type Tuple } from '../src/index.ts';

export const isIcmp = (protocol: number): boolean => protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;

/** Protocols whose ports conntrack and NAT know; 136 is UDP-Lite. */
export const hasPorts = (protocol: number): boolean =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP || protocol === 136;

/** Query and answer types; 0 and 8, 13 and 14, 15 and 16, 17 and 18 for ICMP. */
const PAIRS: ReadonlyMap<number, ReadonlyMap<number, number>> = new Map([
  [
    Protocol.ICMP,
    new Map([
      [8, 0],
      [0, 8],
      [13, 14],
      [14, 13],
      [15, 16],
      [16, 15],
      [17, 18],
      [18, 17],
    ]),
  ],
  [
    Protocol.ICMPV6,
    new Map([
      [128, 129],
      [129, 128],
      [139, 140],
      [140, 139],
    ]),
  ],
]);

/** Types that may open a connection. */
const OPENING: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [Protocol.ICMP, new Set([8, 13, 15, 17])],
  [Protocol.ICMPV6, new Set([128, 139])],
]);

export const mayOpen = (packet: Packet): boolean =>
  !isIcmp(packet.protocol) || OPENING.get(packet.protocol)?.has(packet.icmpType) === true;

/** Types with an identifier that NAT may change. */
export const isIcmpQuery = (packet: Packet): boolean =>
  isIcmp(packet.protocol) && PAIRS.get(packet.protocol)?.has(packet.icmpType) === true;

/** Destination unreachable, source quench, redirect, time exceeded, parameter problem; IPv6: all below 128. */
export const isIcmpError = (packet: Packet): boolean =>
  packet.protocol === Protocol.ICMP
    ? [3, 4, 5, 11, 12].includes(packet.icmpType)
    : packet.protocol === Protocol.ICMPV6 && packet.icmpType < 128;

export function tupleOf(packet: Packet): Tuple {
  const { protocol, saddr, daddr } = packet;
  if (isIcmp(protocol)) return { saddr, daddr, sport: packet.icmpId, dport: packet.icmpType * 256 + packet.icmpCode };
  if (hasPorts(protocol)) return { saddr, daddr, sport: packet.sport, dport: packet.dport };
  return { saddr, daddr, sport: 0, dport: 0 };
}

/** Undefined for ICMP types that have no answer. */
export function invert(protocol: number, tuple: Tuple): Tuple | undefined {
  const { saddr, daddr, sport, dport } = tuple;
  if (!isIcmp(protocol)) return { saddr: daddr, daddr: saddr, sport: dport, dport: sport };
  const type = PAIRS.get(protocol)?.get(dport >>> 8);
  if (type === undefined) return undefined;
  return { saddr: daddr, daddr: saddr, sport, dport: type * 256 + (dport & 255) };
}

export const sameTuple = (a: Tuple, b: Tuple): boolean =>
  a.sport === b.sport && a.dport === b.dport && a.saddr === b.saddr && a.daddr === b.daddr;
