/** Source validation of IPv4 packets that come in (fib_frontend.c:fib_validate_source()). */
import { LinkFlag, NetnsFlag } from '../../src/codes';
import { Reason, RouteType } from '../../src/terms';
import { linkByName, LOOPBACK_NAME, isVrf, vrfOf } from '../core/links';
import { some } from '../core/skb';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Route } from '../layout/route';
import { clearKey, routeLookup, routeResult } from './lookup';
import { hasAddress4 } from './result';
import { addressAt } from './source';
import { nexthopAt } from './table';

/** True if any nexthop leaves by the link (fib_semantics.c:fib_info_nh_uses_dev()). */
export function usesDev(netns: Netns, route: Route, dev: Link): bool {
  for (let i: u32 = 0; i < route.nexthopCount; i++) {
    const out = linkByName(netns, nexthopAt(route, i).dev);
    // A VRF has the links that it holds.
    if (out == dev || (some(out) && isVrf(dev) && vrfOf(out) == dev)) return true;
  }
  return false;
}

function hasAny4(link: Link): bool {
  for (let i: u32 = 0; i < link.addressCount; i++) {
    if (addressAt(link.addresses, i).family == 4) return true;
  }
  return false;
}

/** `Reason.NONE` where the source is fine. `out`: the link the packet would leave by; null for one that stays. */
export function validateSource(
  link: Link,
  lo: u64,
  destination: u64,
  mark: u32,
  tos: u32,
  out: Link,
  protocol: u32,
  sport: u32,
  dport: u32,
): Reason {
  const netns = link.netns;
  const flags = link.flags;
  const strict = (flags & LinkFlag.RP_STRICT) != 0;
  const loose = (flags & LinkFlag.RP_LOOSE) != 0;
  if (!strict && !loose && (out != link || (flags & LinkFlag.NO_REDIRECTS) != 0)) {
    if ((flags & LinkFlag.ACCEPT_LOCAL) != 0) return Reason.NONE;
    if ((netns.flags & (NetnsFlag.CUSTOM_RULES | NetnsFlag.CUSTOM_LOCAL)) == 0) {
      return hasAddress4(netns, lo) ? Reason.MARTIAN_SOURCE : Reason.NONE;
    }
  }
  const key = clearKey(netns, 4);
  key.daddrLo = lo;
  key.saddrLo = destination;
  key.tos = <u8>tos;
  key.iif = some(out) ? out : linkByName(netns, LOOPBACK_NAME);
  key.vrf = vrfOf(link);
  if ((flags & LinkFlag.SRC_VALID_MARK) != 0) key.mark = mark;
  key.protocol = <u8>protocol;
  key.sport = <u16>dport;
  key.dport = <u16>sport;
  const result = routeResult();
  if (routeLookup() && result.type < <u32>RouteType.BLACKHOLE) {
    if (result.type != RouteType.UNICAST) {
      if (result.type != RouteType.LOCAL || (flags & LinkFlag.ACCEPT_LOCAL) == 0) return Reason.MARTIAN_SOURCE;
    }
    if (usesDev(netns, result.route, link)) return Reason.NONE;
    if (result.type == RouteType.LOCAL && (link.flags & LinkFlag.LOOPBACK) != 0) return Reason.NONE;
    if (hasAny4(link)) return strict ? Reason.RP_FILTER : Reason.NONE;
  }
  return strict || loose ? Reason.RP_FILTER : Reason.NONE;
}
