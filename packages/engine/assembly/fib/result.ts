/** What a look-up found, taken over by the packet and written into the trace. */
import { NetnsFlag, RoutePurpose } from '../../src/codes';
import { RouteType } from '../../src/terms';
import { packet, RouteKind, skb, some } from '../core/skb';
import { traceRoute } from '../core/trace';
import { Endpoint } from '../layout/route';
import { isLimitedBroadcast, isMulticast } from './kinds';
import { isLocal, routeResult } from './lookup';
import { addressAt } from './source';
import { Netns } from '../layout/netns';

/** `sourced`: the packet's source was empty, and is what the kernel chose now. `pathMtu`: the remembered one, 0 where none counts. */
export function traceResult(purpose: RoutePurpose, local: bool, sourced: bool, pathMtu: u32 = 0): void {
  const result = routeResult();
  const p = packet();
  let nexthop: i32 = -1;
  assert(!some(result.nexthop) || some(result.route), 'a nexthop of no route');
  if (some(result.nexthop)) nexthop = <i32>((changetype<usize>(result.nexthop) - result.route.nexthops) / 16);
  traceRoute(
    purpose,
    result.rule,
    result.table,
    changetype<usize>(result.route),
    nexthop,
    local,
    p.family,
    sourced,
    p.saddrHi,
    p.saddrLo,
    pathMtu,
  );
}

/** inet_lookup_ifaddr_rcu(): is it an address of an interface here? */
export function hasAddress4(netns: Netns, lo: u64): bool {
  if ((netns.flags & NetnsFlag.VRF) == 0 && !isLocal(netns, 4, 0, lo)) return false;
  for (let i: u32 = 0; i < netns.addressCount; i++) {
    const address = addressAt(netns.addresses, i);
    if (address.family == 4 && address.lo == lo) return true;
  }
  return false;
}

/** Broadcast or multicast. */
export function isMany(): bool {
  const type = routeResult().type;
  return type != RouteType.LOCAL && (type != RouteType.ANYCAST || packet().family == 4);
}

/** True for a decision that keeps the packet on this host: own addresses, broadcast, multicast. */
export function isForHost(): bool {
  const type = routeResult().type;
  const p = packet();
  if (type == RouteType.LOCAL || type == RouteType.BROADCAST || type == RouteType.MULTICAST) return true;
  // An anycast route of IPv4 leads out, like any other.
  if (type == RouteType.ANYCAST && p.family == 6) return true;
  return isMulticast(p.family, p.daddrHi, p.daddrLo) || (p.family == 4 && isLimitedBroadcast(p.daddrLo));
}

/** The packet came for an address that several hosts have. */
export function isAnycast(): bool {
  const s = skb();
  return packet().family == 6 && s.kind == <u8>RouteKind.LOCAL && some(s.route) && s.route.type == RouteType.ANYCAST;
}

/** Does the packet's route lead by its gateway? One that is an own address is none. */
export function hasGateway(): bool {
  const s = skb();
  if (s.direct && s.kind != <u8>RouteKind.NONE) return true;
  if (s.kind == <u8>RouteKind.NONE || !some(s.nexthop) || s.nexthop.via == 0) return false;
  const via = changetype<Endpoint>(s.nexthop.via);
  return via.family == s.gatewayFamily && via.hi == s.gatewayHi && via.lo == s.gatewayLo;
}

/**
 * Without a gateway the next hop is the destination, and rules may have given the packet another one since it was routed
 * (ip_finish_output2(), ip6_finish_output2()).
 */
export function renewNexthop(): void {
  if (hasGateway()) return;
  const s = skb();
  const p = packet();
  s.gatewayHi = p.daddrHi;
  s.gatewayLo = p.daddrLo;
  s.gatewayFamily = p.family;
}

/** The packet goes where the look-up says (`skb_dst_set`). */
export function adopt(): void {
  const s = skb();
  const result = routeResult();
  const p = packet();
  s.kind = <u8>(isForHost() ? (isMany() ? RouteKind.MULTI : RouteKind.LOCAL) : RouteKind.UNICAST);
  s.route = result.route;
  s.nexthop = result.nexthop;
  s.dev = result.dev;
  s.mtu = some(result.route) && result.route.mtu != 0 ? result.route.mtu : some(result.dev) ? result.dev.mtu : 0;
  s.locked = 0;
  s.direct = 0;
  s.gatewayHi = p.daddrHi;
  s.gatewayLo = p.daddrLo;
  s.gatewayFamily = p.family;
  if (some(result.nexthop) && result.nexthop.via != 0) {
    const via = changetype<Endpoint>(result.nexthop.via);
    // An own address is no gateway: it only names the device (rt_set_nexthop(), `nhc_scope` host).
    if (via.family == 4 && hasAddress4(s.netns, via.lo)) return;
    s.gatewayHi = via.hi;
    s.gatewayLo = via.lo;
    s.gatewayFamily = via.family;
  }
}
