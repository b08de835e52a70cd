/** The routing decision for a packet made here (route.c:ip_route_output_key_hash_rcu(), ip6_output.c:ip6_dst_lookup_tail()). */
import { LinkFlag, RoutePurpose, Unsaid } from '../../src/codes';
import { PacketL4 } from '../../src/ct-codes';
import { SocketOf } from '../../src/match-codes';
import { Disposition, Protocol, Reason, RouteType, TcpFlag } from '../../src/terms';
import { finish } from '../core/end';
import { linkByName, LOOPBACK_NAME, vrfOf } from '../core/links';
import { none, packet, Relayed, RouteKind, skb, some } from '../core/skb';
import { InterfaceAddress } from '../layout/address';
import { Link } from '../layout/link';
import { Packet } from '../layout/packet';
import { Endpoint } from '../layout/route';
import { isLinkLocal6, isLoopback4, isLoopback6, isMulticast6 } from './kinds';
import { clearKey, RouteKey, routeKey, routeLookup, routeResult } from './lookup';
import { multipathSelect } from './multipath';
import { measure, wayLocked, wayMtu, wayPathMtu } from './path-mtu';
import { adopt, isForHost, isMany, traceResult } from './result';
import { selectSource4, selectSource6 } from './source';

/** Whose socket it is: what the stack makes, an outer packet too and what a device routes once more, is root's. */
function fillSender(key: RouteKey, again: bool): void {
  const p = packet();
  const s = skb();
  const isProcess = s.socket == <u8>SocketOf.PROCESS;
  if (isProcess && (again || s.relayed == 0)) {
    if ((p.l4 & PacketL4.OWNER_UID) != 0) key.uid = p.uid;
    else key.unsaid = <u8>Unsaid.UID;
  }
  if (p.family != 6) return;
  const isOuter = (s.relayed & <u8>Relayed.OUTER) != 0;
  if ((s.relayed & <u8>Relayed.AGAIN) != 0 || (isProcess && !isOuter)) key.unsaid |= <u8>Unsaid.LABEL;
}

function fillKey(again: bool): void {
  const p = packet();
  const key = clearKey(skb().netns, p.family);
  key.saddrHi = p.saddrHi;
  key.saddrLo = p.saddrLo;
  key.daddrHi = p.daddrHi;
  key.daddrLo = p.daddrLo;
  key.mark = p.mark;
  key.tos = p.tos;
  key.protocol = p.protocol;
  // Who sends a piece by itself tells nobody its ports (raw_sendmsg()).
  key.sport = p.fragment != 0 ? 0 : p.sport;
  key.dport = p.fragment != 0 ? 0 : p.dport;
  fillSender(key, again);
}

/** True where the look-up leads somewhere. */
function lookup(): bool {
  if (!routeLookup()) return false;
  const result = routeResult();
  if (result.type >= <u32>RouteType.BLACKHOLE) return false;
  // What is local over IPv4 is found before a path is selected.
  if (packet().family == 6 || result.type != RouteType.LOCAL) multipathSelect();
  return true;
}

/** The source of the route that was found, put into the packet; false where this host has none. */
function chooseSource(): bool {
  const p = packet();
  const result = routeResult();
  const route = result.route;
  if (some(route) && route.prefsrc != 0) {
    const source = changetype<Endpoint>(route.prefsrc);
    p.saddrHi = source.hi;
    p.saddrLo = source.lo;
    return true;
  }
  let address = none<InterfaceAddress>();
  if (p.family == 4) {
    if (result.type == RouteType.LOCAL) {
      p.saddrLo = p.daddrLo;
      return true;
    }
    let toward: u64 = 0;
    if (result.nexthop.via != 0) {
      const via = changetype<Endpoint>(result.nexthop.via);
      if (via.family == 4) toward = via.lo;
    }
    address = selectSource4(skb().netns, result.dev, toward, route.scope);
  } else {
    address = selectSource6(skb().netns, result.dev, p.daddrHi, p.daddrLo);
  }
  if (!some(address)) return false;
  p.saddrHi = address.hi;
  p.saddrLo = address.lo;
  return true;
}

/** The end that a failed look-up makes; the process itself is told, so nothing is sent. */
function unreachable(): bool {
  const result = routeResult();
  if (result.type == RouteType.BLACKHOLE) finish(Disposition.DROPPED, Reason.ROUTE_BLACKHOLE);
  else if (result.type == RouteType.PROHIBIT) finish(Disposition.UNREACHABLE, Reason.ROUTE_PROHIBIT);
  else if (result.type == RouteType.UNREACHABLE && some(result.route)) {
    finish(Disposition.UNREACHABLE, Reason.ROUTE_UNREACHABLE);
  } else finish(Disposition.UNREACHABLE, Reason.NO_ROUTE);
  return false;
}

/** Takes the route over: local destinations leave by lo. */
function take(): bool {
  adopt();
  const s = skb();
  s.mtu = wayMtu;
  s.locked = wayLocked;
  const p = packet();
  if (s.kind == <u8>RouteKind.LOCAL) {
    const loopback = linkByName(s.netns, LOOPBACK_NAME);
    if (some(loopback)) s.dev = loopback;
  } else if (p.family == 4 && isLoopback4(p.saddrLo)) {
    // __mkroute_output(): loopback addresses stay on lo.
    if ((s.dev.flags & (LinkFlag.LOOPBACK | LinkFlag.ROUTE_LOCALNET)) == 0) {
      finish(Disposition.DROPPED, Reason.BAD_SCOPE);
      return false;
    }
  }
  s.oif = s.dev;
  return true;
}

function isOfOneLink(p: Packet): bool {
  return p.family == 6 && (isMulticast6(p.daddrHi) || isLinkLocal6(p.daddrHi));
}

/** An echo names the link that the question came in by, and keeps to it while its source is open (icmpv6_echo_reply(), ip6_route_output_flags_noref()). */
function isEcho6(p: Packet): bool {
  return p.protocol == <u8>Protocol.ICMPV6 && p.icmpType == 129;
}

function isToLoopback6(p: Packet): bool {
  return p.family == 6 && isLoopback6(p.daddrHi, p.daddrLo);
}

/**
 * To ::1 resets, and echoes, go back by the link that has the address which the packet was for: where that is another one than lo, nowhere
 * (tcp_v6_send_response(): rt6_need_strict()).
 */
function isOwnReset(p: Packet): bool {
  return p.protocol == <u8>Protocol.TCP && (p.tcpFlags & <u8>TcpFlag.RST) != 0 && isToLoopback6(p);
}

/** An answer to an address of one link goes back by the link that the packet came in by (icmp6_iif(), inet6_iif()). */
function bindAnswer(): void {
  const p = packet();
  const s = skb();
  const key = routeKey();
  if (some(s.through)) {
    key.oif = s.through;
    key.strict = p.family == 6 && p.sourceless != 0;
  }
  key.vrf = vrfOf(s.bound);
  key.leaves = 1;
  if (!some(s.bound) || !(isOfOneLink(p) || isEcho6(p) || isOwnReset(p))) return;
  key.oif = s.bound;
  key.strict = isOfOneLink(p) || p.sourceless != 0 || isToLoopback6(p) ? 1 : 0;
}

/** Routes the packet that this host makes; chooses its source where it has none. False where the walk ended. */
export function routeOutput(): bool {
  const p = packet();
  const open = p.sourceless != 0;
  fillKey(false);
  bindAnswer();
  let found = lookup();
  if (open) {
    if (!found && p.family == 6) {
      // Routes by source may still lead there.
      if (chooseSourceBlind()) {
        fillKey(false);
        bindAnswer();
        found = lookup();
      }
    } else if (found) {
      if (!chooseSource()) {
        traceResult(RoutePurpose.OUTPUT, false, false);
        finish(Disposition.UNREACHABLE, Reason.NO_SOURCE_ADDRESS);
        return false;
      }
      const key = routeKey();
      key.saddrHi = p.saddrHi;
      key.saddrLo = p.saddrLo;
      if (p.family == 4 && (p.protocol == <u8>Protocol.TCP || p.protocol == <u8>Protocol.SCTP)) found = lookup();
    }
  }
  const here = found && isForHost();
  if (found) measure(false, here && !isMany(), !(here && isMany()));
  traceResult(RoutePurpose.OUTPUT, here, open && found, found ? wayPathMtu : 0);
  if (found) p.sourceless = 0;
  return found ? take() : unreachable();
}

/** IPv6: the source that a packet without any route would have; rules that look at it get a second look. */
function chooseSourceBlind(): bool {
  const p = packet();
  const address = selectSource6(skb().netns, none<Link>(), p.daddrHi, p.daddrLo);
  if (!some(address)) return false;
  p.saddrHi = address.hi;
  p.saddrLo = address.lo;
  return true;
}

/**
 * The way to an address on behalf of nobody: no source, no mark, no ports (ip_vs_xmit.c:do_output_route4(), __ip_vs_route_output_v6()). It
 * stays in `routeResult()` until `takeUnsent`; false where there is none.
 */
export function lookupUnsent(hi: u64, lo: u64): bool {
  const p = packet();
  const daddrHi = p.daddrHi;
  const daddrLo = p.daddrLo;
  const key = clearKey(skb().netns, p.family);
  key.daddrHi = hi;
  key.daddrLo = lo;
  p.daddrHi = hi;
  p.daddrLo = lo;
  const found = lookup();
  const here = found && isForHost();
  if (found) measure(false, here && !isMany(), !(here && isMany()));
  traceResult(RoutePurpose.OUTPUT, here, false, found ? wayPathMtu : 0);
  p.daddrHi = daddrHi;
  p.daddrLo = daddrLo;
  return found;
}

/** The packet goes that way, though it may be for another address. */
export function takeUnsent(hi: u64, lo: u64): void {
  const p = packet();
  const s = skb();
  const daddrHi = p.daddrHi;
  const daddrLo = p.daddrLo;
  p.daddrHi = hi;
  p.daddrLo = lo;
  adopt();
  s.mtu = wayMtu;
  s.locked = wayLocked;
  s.oif = s.dev;
  p.daddrHi = daddrHi;
  p.daddrLo = daddrLo;
}

/** Routes again what a hook changed (netfilter.c:ip_route_me_harder()). False where the walk ended. */
export function reroute(): bool {
  fillKey(true);
  const p = packet();
  if (some(skb().through)) routeKey().oif = skb().through;
  // The VRF of the link that it was to leave by.
  const left = vrfOf(skb().dev);
  routeKey().vrf = some(left) ? left : vrfOf(skb().bound);
  if (isOfOneLink(p)) {
    // Rewritten to an address of one link, it stays with the link it was to leave by.
    const key = routeKey();
    key.oif = skb().dev;
    key.strict = 1;
  }
  const found = lookup();
  const here = found && isForHost();
  if (found) measure(false, here && !isMany(), !(here && isMany()));
  traceResult(RoutePurpose.REROUTE, here, false, found ? wayPathMtu : 0);
  if (!found) return unreachable();
  // All chains of one hook see the same links (struct nf_hook_state).
  const out = skb().oif;
  const taken = take();
  skb().oif = out;
  return taken;
}
