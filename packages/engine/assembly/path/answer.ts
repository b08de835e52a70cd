/**
 * What goes back: replies, resets and ICMP errors as the stack builds them (icmp.c:icmp_send(), icmp6_send(); tcp_v4_send_reset();
 * nf_reject_ipv4.c:nf_send_reset()).
 */
import { LinkFlag, NetnsFlag } from '../../src/codes';
import { PacketL4 } from '../../src/ct-codes';
import { FamilyCode } from '../../src/nft-codes';
import { Disposition, Hook, Protocol, Reason, RouteType, TcpFlag } from '../../src/terms';
import { endRecord, ReplyKind } from '../core/end';
import { PACKET_BASE } from '../core/memory';
import { CtInfo, directionOf, innerPacket, isLater, none, packet, RouteKind, skb, some } from '../core/skb';
import { isIcmp, isIcmpError } from '../ct/tuple';
import { segmentEnd } from '../ct/window';
import { isVrf, linkByName, vrfOf } from '../core/links';
import { isLimitedBroadcast, isLinkLocal6, isMulticast, isUnspecified } from '../fib/kinds';
import { clearKey, localType, RouteKey, routeLookup, routeResult } from '../fib/lookup';
import { hasAddress4, isAnycast } from '../fib/result';
import { foundRoute, nexthopAt } from '../fib/table';
import { addressAt, selectSource6 } from '../fib/source';
import { InterfaceAddress } from '../layout/address';
import { Link } from '../layout/link';
import { Packet } from '../layout/packet';

/** The packet is ICMP of this family that the stack itself makes: until it has left, its socket sends no other (icmp.c:icmp_xmit_lock()); 0: none. */
let locked: u8 = 0;

export function unlockIcmp(): void {
  locked = 0;
}

export function icmpLock(): u8 {
  return locked;
}

/** As it was when a packet was cut. */
export function lockIcmp(family: u8): void {
  locked = family;
}

/** A rule refused it before it was routed. */
function isRefusedEarly(): bool {
  const s = skb();
  if (endRecord().reason != <u8>Reason.REJECT_RULE || s.kind != <u8>RouteKind.NONE) return false;
  if (s.hook != Hook.PREROUTING && s.hook != Hook.INGRESS) return false;
  const family = s.base.table.family;
  return family != <u8>FamilyCode.BRIDGE && family != <u8>FamilyCode.NETDEV;
}

/**
 * Where the packet's route leads. One that a rule refuses before it was routed gets the way to its sender for its own
 * (nf_reject_fill_skb_dst(), nf_reject6_fill_skb_dst()); NONE: there is none.
 */
function wayKind(p: Packet): RouteKind {
  const s = skb();
  if (!isRefusedEarly()) return s.kind == <u8>RouteKind.NONE ? RouteKind.UNICAST : <RouteKind>s.kind;
  const key = clearKey(s.netns, p.family);
  key.daddrHi = p.saddrHi;
  key.daddrLo = p.saddrLo;
  if (!routeLookup()) return RouteKind.NONE;
  const type = routeResult().type;
  if (type >= <u32>RouteType.BLACKHOLE) return RouteKind.NONE;
  if (type == RouteType.LOCAL || (type == RouteType.ANYCAST && p.family == 6)) return RouteKind.LOCAL;
  if (type == RouteType.BROADCAST || type == RouteType.MULTICAST) return RouteKind.MULTI;
  if (isMulticast(p.family, p.saddrHi, p.saddrLo)) return RouteKind.MULTI;
  return p.family == 4 && isLimitedBroadcast(p.saddrLo) ? RouteKind.MULTI : RouteKind.UNICAST;
}

/** No error about an error, about what was sent to many, or to nobody in particular. */
function allowsError(way: RouteKind): bool {
  const p = packet();
  const s = skb();
  if (locked == p.family && !some(s.iif) && endRecord().reason == <u8>Reason.REJECT_RULE) return false;
  if (isIcmpError(p) || way == RouteKind.MULTI) return false;
  // Of pieces IPv4 speaks of the first alone (icmp_send()).
  if (p.family == 4 && isLater(p)) return false;
  if (isMulticast(p.family, p.daddrHi, p.daddrLo)) return false;
  if (p.family == 4 && isLimitedBroadcast(p.daddrLo)) return false;
  if (p.sourceless || isUnspecified(p.saddrHi, p.saddrLo)) return false;
  if (isMulticast(p.family, p.saddrHi, p.saddrLo)) return false;
  if (p.family == 6) return !isForSubnet(p);
  return way != RouteKind.LOCAL || isOwn(p);
}

/** Local only by a route outside the local table: IPv4 finds no route for an answer from there (ip_route_output_key_hash_rcu()). */
function isForeignLocal(): bool {
  const s = skb();
  const p = packet();
  return p.family == 4 && s.kind == <u8>RouteKind.LOCAL && some(s.iif) && !isOwn(p);
}

/** True where the end of the walk has something to send back. */
export function answers(): bool {
  const p = packet();
  const reply = <i32>endRecord().reply;
  if (reply == <i32>ReplyKind.NONE) return false;
  const way = wayKind(p);
  if (way == RouteKind.NONE) return false;
  if (reply == <i32>ReplyKind.ICMP) return allowsError(way);
  if (way == RouteKind.MULTI) return false;
  if (reply != <i32>ReplyKind.REJECT_RESET) return !isForeignLocal();
  // A rule's reset may come from anywhere (ip_route_me_harder(): FLOWI_FLAG_ANYSRC).
  return p.protocol == <u8>Protocol.TCP && (p.tcpFlags & <u8>TcpFlag.RST) == 0 && !isLater(p);
}

/** The packet's own mark comes back only where a sysctl says so. */
export function reflectedMark(p: Packet): u32 {
  const flag = p.family == 4 ? NetnsFlag.FWMARK_REFLECT_4 : NetnsFlag.FWMARK_REFLECT_6;
  return (skb().netns.flags & flag) != 0 ? p.mark : 0;
}

function ttlOf(p: Packet): u8 {
  const netns = skb().netns;
  return <u8>(p.family == 4 ? netns.ttl4 : netns.ttl6);
}

/** From the one the packet was for to the one it came from. */
function turn(p: Packet): void {
  const hi = p.saddrHi;
  const lo = p.saddrLo;
  const port = p.sport;
  p.saddrHi = p.daddrHi;
  p.saddrLo = p.daddrLo;
  p.daddrHi = hi;
  p.daddrLo = lo;
  p.sport = p.dport;
  p.dport = port;
  p.ttl = ttlOf(p);
  p.dontFragment = 1;
  p.fragment = 0;
  p.offset = 0;
  p.whole = 0;
  p.hasInner = 0;
  // What a process would answer in sequence numbers or chunks nobody knows.
  p.l4 = 0;
}

function openSource(p: Packet): void {
  p.saddrHi = 0;
  p.saddrLo = 0;
  p.sourceless = 1;
}

function buildReply(p: Packet): void {
  const mark = p.mark;
  const tos = p.tos;
  const reflected = reflectedMark(p);
  turn(p);
  p.tos = 0;
  p.mark = 0;
  if (p.protocol == <u8>Protocol.TCP) {
    p.tcpFlags = <u8>(TcpFlag.SYN | TcpFlag.ACK);
    p.length = p.family == 4 ? 40 : 60;
    if ((skb().netns.flags & NetnsFlag.FWMARK_ACCEPT) != 0) p.mark = mark;
  } else if (isIcmp(p.protocol)) {
    p.icmpType = p.protocol == <u8>Protocol.ICMP ? 0 : 129;
    // Nobody sends an echo from an address of many (icmpv6_echo_reply()).
    if (isAnycast()) openSource(p);
    p.tos = tos;
    p.mark = reflected;
    p.dontFragment = 0;
  }
}

/** The numbers of a reset follow from the segment it is about (tcp_v4_send_reset(), nf_reject_ip_tcphdr_put()). */
function resetNumbers(p: Packet, acknowledges: bool): void {
  const end = segmentEnd(p);
  const seq = p.ack;
  p.l4 = <u8>PacketL4.TCP;
  p.seq = acknowledges ? seq : 0;
  p.ack = acknowledges ? 0 : end;
  p.window = 0;
  p.header = 20;
  p.scale = 0;
}

function buildReset(p: Packet, tos: u8): void {
  const mark = reflectedMark(p);
  const acknowledges = (p.tcpFlags & <u8>TcpFlag.ACK) != 0;
  const numbered = (p.l4 & PacketL4.TCP) != 0;
  if (numbered) resetNumbers(p, acknowledges);
  turn(p);
  if (numbered) p.l4 = <u8>PacketL4.TCP;
  p.tcpFlags = <u8>(acknowledges ? TcpFlag.RST : TcpFlag.RST | TcpFlag.ACK);
  p.length = p.family == 4 ? 40 : 60;
  p.tos = tos;
  p.mark = mark;
}

/** Is the destination an address of this host, so that an error may come from it? */
function isOwn(p: Packet): bool {
  const netns = skb().netns;
  if (p.family == 4) {
    if (localType(netns, 4, 0, p.daddrLo, none<Link>()) == RouteType.LOCAL) return true;
    return (netns.flags & NetnsFlag.VRF) != 0 && hasAddress4(netns, p.daddrLo);
  }
  for (let i: u32 = 0; i < netns.addressCount; i++) {
    const address = addressAt(netns.addresses, i);
    if (address.family == 6 && address.lo == p.daddrLo && address.hi == p.daddrHi) return true;
  }
  // ipv6_chk_acast_addr_src()
  return localType(netns, 6, p.daddrHi, p.daddrLo, none<Link>()) == RouteType.ANYCAST && foundRoute.length == 128;
}

/** The link that the packet came in by; back by lo or by a VRF, the one that has its address (icmp6_dev()). */
export function cameBy(): Link {
  const s = skb();
  if (!some(s.iif) || ((s.iif.flags & LinkFlag.LOOPBACK) == 0 && !isVrf(s.iif))) return s.iif;
  if (s.kind == <u8>RouteKind.NONE || !some(s.nexthop)) return s.iif;
  return linkByName(s.netns, s.nexthop.dev);
}

/** Asks the way of an IPv6 error to the sender. */
function errorKey(p: Packet): RouteKey {
  const key = clearKey(skb().netns, 6);
  key.daddrHi = p.saddrHi;
  key.daddrLo = p.saddrLo;
  key.protocol = <u8>Protocol.ICMPV6;
  key.vrf = vrfOf(cameBy());
  return key;
}

/**
 * IPv6: whom an error about a packet for somebody else comes from: an address that suits the link it came in by, unless the route back
 * names a source (icmp6_send()). Null: routing chooses.
 */
function errorSource6(p: Packet): InterfaceAddress {
  const s = skb();
  if (!some(s.iif)) return none<InterfaceAddress>();
  errorKey(p);
  routeLookup();
  const route = routeResult().route;
  if (some(route) && route.prefsrc != 0) return none<InterfaceAddress>();
  return selectSource6(s.netns, s.iif, p.saddrHi, p.saddrLo);
}

/** The way back to the sender is that of an anycast address, or of a whole subnet by its first one (ipv6_anycast_destination()). */
function isForSubnet(p: Packet): bool {
  const own = isOwn(p);
  const source = own ? none<InterfaceAddress>() : errorSource6(p);
  const key = errorKey(p);
  key.saddrHi = own ? p.daddrHi : some(source) ? source.hi : 0;
  key.saddrLo = own ? p.daddrLo : some(source) ? source.lo : 0;
  key.mark = reflectedMark(p);
  if (isLinkLocal6(p.saddrHi)) {
    key.oif = cameBy();
    key.strict = some(key.oif);
  }
  routeLookup();
  const route = routeResult().route;
  if (!some(route)) return false;
  if (route.type == RouteType.ANYCAST) return true;
  if (route.length >= 127 || route.hi != p.saddrHi || route.lo != p.saddrLo) return false;
  for (let i: u32 = 0; i < route.nexthopCount; i++) if (nexthopAt(route, i).via != 0) return false;
  return true;
}

function buildError(p: Packet): void {
  const end = endRecord();
  const mark = reflectedMark(p);
  const v4 = p.family == 4;
  // IPv4: the packet's route ends here (icmp_send(): RTCF_LOCAL).
  const own = v4 ? wayKind(p) == RouteKind.LOCAL : isOwn(p);
  memory.copy(changetype<usize>(innerPacket()), PACKET_BASE, offsetof<Packet>());
  innerPacket().hasInner = 0;
  const hi = p.saddrHi;
  const lo = p.saddrLo;
  let source = none<InterfaceAddress>();
  if (!own && !v4) source = errorSource6(p);
  p.saddrHi = own ? p.daddrHi : some(source) ? source.hi : 0;
  p.saddrLo = own ? p.daddrLo : some(source) ? source.lo : 0;
  p.sourceless = !own && !some(source);
  p.daddrHi = hi;
  p.daddrLo = lo;
  p.protocol = <u8>(v4 ? Protocol.ICMP : Protocol.ICMPV6);
  p.sport = 0;
  p.dport = 0;
  p.tcpFlags = 0;
  p.icmpType = end.icmpType;
  p.icmpCode = end.icmpCode;
  p.icmpId = 0;
  p.ttl = ttlOf(p);
  p.tos = v4 ? (p.tos & 0x1e) | 0xc0 : 0;
  p.mark = mark;
  p.length = v4 ? min<u32>(576, p.length + 28) : min<u32>(1280, p.length + 48);
  p.dontFragment = 0;
  p.fragment = 0;
  p.offset = 0;
  p.whole = 0;
  p.l4 = end.mtu != 0 ? <u8>PacketL4.HEADER : 0;
  p.seq = end.mtu;
  p.hasInner = 1;
}

/** The answer made last comes from a process: the reply of a listener, but not an echo. */
export let answersByProcess: bool = false;

/** Turns the packet that ended the walk into what goes back. True: the connection goes along, in the other direction (nf_ct_attach()). */
export function buildAnswer(): bool {
  const attached = build();
  locked = isIcmp(packet().protocol) ? packet().family : 0;
  answersByProcess = endRecord().reply == <u8>ReplyKind.REPLY && locked == 0;
  return attached;
}

function build(): bool {
  const s = skb();
  const p = packet();
  const kind = <i32>endRecord().reply;
  if (some(s.flow)) s.ctInfo = directionOf(s.ctInfo) == 0 ? CtInfo.RELATED_REPLY : CtInfo.RELATED;
  else if (s.ctInfo != 0) s.ctInfo = CtInfo.RELATED;
  switch (kind) {
    case <i32>ReplyKind.REPLY:
      buildReply(p);
      return false;
    case <i32>ReplyKind.STACK_RESET:
      // The ECN bits stay behind (ip_send_unicast_reply(), tcp_v6_send_response()).
      buildReset(p, p.tos & 0xfc);
      return false;
    case <i32>ReplyKind.REJECT_RESET:
      buildReset(p, 0);
      return true;
    default:
      // UDP lets go of the connection before it refuses a datagram (udp.c:__udp4_lib_rcv(): nf_reset_ct()).
      const attached = endRecord().disposition != <u8>Disposition.REFUSED || p.protocol != <u8>Protocol.UDP;
      buildError(p);
      return attached;
  }
}
