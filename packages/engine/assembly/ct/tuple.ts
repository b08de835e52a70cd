/** Tuples of packets and their inverses (nf_conntrack_core.c:nf_ct_get_tuple(), nf_ct_invert_tuple()). */
import { Protocol } from '../../src/terms';
import { Tuple } from '../layout/flow';
import { Packet } from '../layout/packet';

/** UDP-Lite has ports, too. */
const UDPLITE: u32 = 136;

@inline
export function isIcmp(protocol: u32): bool {
  return protocol == Protocol.ICMP || protocol == Protocol.ICMPV6;
}

@inline
export function hasPorts(protocol: u32): bool {
  return protocol == Protocol.TCP || protocol == Protocol.UDP || protocol == Protocol.SCTP || protocol == UDPLITE;
}

/** The type that answers an ICMP query, and the reverse (`invmap`); -1 where there is none. */
export function icmpPair(protocol: u32, type: u32): i32 {
  if (protocol == Protocol.ICMP) {
    if (type == 8) return 0;
    if (type == 0) return 8;
    if (type >= 13 && type <= 18) return <i32>(((type - 13) ^ 1) + 13);
    return -1;
  }
  return type == 128 || type == 129 || type == 139 || type == 140 ? <i32>(type == 128 || type == 139 ? type + 1 : type - 1) : -1;
}

/** ICMP types that may open a connection (`valid_new`); every other protocol may. */
export function mayOpen(p: Packet): bool {
  const type = <u32>p.icmpType;
  if (p.protocol == <u8>Protocol.ICMP) return type == 8 || type == 13 || type == 15 || type == 17;
  if (p.protocol == <u8>Protocol.ICMPV6) return type == 128 || type == 139;
  return true;
}

/** Destination unreachable, source quench, redirect, time exceeded, parameter problem; IPv6: all below 128. */
export function isIcmpError(p: Packet): bool {
  const type = <u32>p.icmpType;
  if (p.protocol == <u8>Protocol.ICMP) return (type >= 3 && type <= 5) || type == 11 || type == 12;
  return p.protocol == <u8>Protocol.ICMPV6 && type < 128;
}

/** An ICMP message with an identifier that NAT may change. */
export function isIcmpQuery(p: Packet): bool {
  return isIcmp(p.protocol) && icmpPair(p.protocol, p.icmpType) >= 0;
}

export function packetTuple(p: Packet, netns: u32, tuple: Tuple): void {
  const protocol = <u32>p.protocol;
  tuple.saddrHi = p.saddrHi;
  tuple.saddrLo = p.saddrLo;
  tuple.daddrHi = p.daddrHi;
  tuple.daddrLo = p.daddrLo;
  tuple.netns = netns;
  tuple.family = p.family;
  tuple.protocol = p.protocol;
  tuple.zone = 0;
  if (isIcmp(protocol)) {
    tuple.sport = p.icmpId;
    tuple.dport = ((<u16>p.icmpType) << 8) | p.icmpCode;
  } else {
    const ports = hasPorts(protocol);
    tuple.sport = ports ? p.sport : 0;
    tuple.dport = ports ? p.dport : 0;
  }
}

/** False for ICMP types that have no answer. The zone is left to the caller. */
export function invertTuple(from: Tuple, to: Tuple): bool {
  let sport = from.dport;
  let dport = from.sport;
  if (isIcmp(from.protocol)) {
    const type = icmpPair(from.protocol, from.dport >> 8);
    if (type < 0) return false;
    sport = from.sport;
    dport = <u16>(type << 8) | (from.dport & 255);
  }
  const hi = from.saddrHi;
  const lo = from.saddrLo;
  to.saddrHi = from.daddrHi;
  to.saddrLo = from.daddrLo;
  to.daddrHi = hi;
  to.daddrLo = lo;
  to.sport = sport;
  to.dport = dport;
  to.netns = from.netns;
  to.family = from.family;
  to.protocol = from.protocol;
  return true;
}
