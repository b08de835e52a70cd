/**
 * How much goes to a destination in one piece, and what errors taught a host about it (route.c:ip_rt_update_pmtu(), find_exception(),
 * ip_dst_mtu_maybe_forward(); ipv6/route.c:ip6_rt_update_pmtu(), rt6_find_cached_rt(); ip_tunnel_core.c:skb_tunnel_check_pmtu()).
 */
import { NetnsFlag } from '../../src/codes';
import { RouteType } from '../../src/terms';
import { now } from '../core/clock';
import { fold, mix } from '../core/hash';
import { linkByName, LOOPBACK_NAME } from '../core/links';
import { allocate } from '../core/memory';
import { packet, skb, some } from '../core/skb';
import { traceLearn } from '../core/trace';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { Nexthop, Route } from '../layout/route';
import { isLimitedBroadcast, isMulticast } from './kinds';
import { clearKey, isLocal, RouteKey, routeKey, routeLookup, routeResult } from './lookup';

/** What is remembered of one destination by one route (`fib_nh_exception`, `rt6_exception`). */
@unmanaged
class PathMtu {
  daddrHi: u64;
  daddrLo: u64;
  /** Milliseconds of the clock. */
  expires: u64;
  netns: Netns;
  route: Route;
  /** IPv6 remembers by nexthop; 0: for all of the route. */
  nexthop: usize;
  mtu: u32;
  /** It was told to be smaller than is believed: packets may be cut. */
  locked: u32;
  next: PathMtu;
}

const BUCKETS: u32 = 64;
let buckets: usize = 0;

export function pathMtuReset(): void {
  buckets = 0;
}

const IP_MAX_MTU: u32 = 0xffff;
const MINIMUM_MTU_6: u32 = 1280;

@inline
function bucketOf(hi: u64, lo: u64): usize {
  return buckets + (<usize>(fold(mix(lo, hi)) & (BUCKETS - 1)) << 2);
}

/** Whatever is written of it, run out or not. */
function find(netns: Netns, route: Route, nexthop: Nexthop, hi: u64, lo: u64): PathMtu {
  const own: usize = route.family == 6 ? changetype<usize>(nexthop) : 0;
  let at = changetype<PathMtu>(<usize>load<u32>(bucketOf(hi, lo)));
  while (some(at)) {
    if (at.daddrLo == lo && at.daddrHi == hi && at.route == route && at.netns == netns && at.nexthop == own) break;
    at = at.next;
  }
  return at;
}

/** What a packet may measure; what is remembered where that counts, else 0; 1 where packets may be cut on their way (`ip_mtu_locked`). */
export let wayMtu: u32 = 0;
export let wayPathMtu: u32 = 0;
export let wayLocked: bool = false;

/**
 * Measures the way that the look-up found, out of `dev`. Forwarding believes its own routes and links alone, unless it is told to.
 */
function measureWay(key: RouteKey, dev: Link, forwards: bool, remembers: bool): void {
  const result = routeResult();
  const route = result.route;
  const v4 = key.family == 4;
  wayMtu = some(route) && route.mtu != 0 ? route.mtu : v4 ? min(dev.mtu, IP_MAX_MTU) : dev.mtu6;
  wayPathMtu = 0;
  wayLocked = v4 && remembers && some(route) && route.locked != 0;
  if (buckets == 0 || !remembers || !some(route)) return;
  const known = find(key.netns, route, result.nexthop, key.daddrHi, key.daddrLo);
  if (!some(known) || known.expires < now()) return;
  if (v4 && known.locked != 0) wayLocked = true;
  if (v4 && forwards && !wayLocked && (key.netns.flags & NetnsFlag.FORWARD_PATH_MTU) == 0) return;
  wayMtu = known.mtu;
  wayPathMtu = known.mtu;
}

/** The way of the packet in flight, by what was looked up for it last; `local`: it leaves by lo. */
export function measure(forwards: bool, local: bool, remembers: bool): void {
  const dev = routeResult().dev;
  const loopback = local ? linkByName(skb().netns, LOOPBACK_NAME) : dev;
  measureWay(routeKey(), some(loopback) ? loopback : dev, forwards, remembers);
}

function remember(key: RouteKey, mtu: u32, locked: bool, seconds: u32): void {
  if (buckets == 0) {
    buckets = allocate(<usize>BUCKETS << 2);
    if (buckets == 0) return;
  }
  const result = routeResult();
  const route = result.route;
  let known = find(key.netns, route, result.nexthop, key.daddrHi, key.daddrLo);
  if (!some(known)) {
    known = changetype<PathMtu>(allocate(offsetof<PathMtu>()));
    if (!some(known)) return;
    known.daddrHi = key.daddrHi;
    known.daddrLo = key.daddrLo;
    known.netns = key.netns;
    known.route = route;
    known.nexthop = route.family == 6 ? changetype<usize>(result.nexthop) : 0;
    const bucket = bucketOf(key.daddrHi, key.daddrLo);
    known.next = changetype<PathMtu>(<usize>load<u32>(bucket));
    store<u32>(bucket, <u32>changetype<usize>(known));
  }
  known.mtu = mtu;
  known.locked = locked;
  known.expires = now() + <u64>seconds * 1000;
  traceLearn(key.netns, changetype<usize>(route), key.family, key.daddrHi, key.daddrLo, mtu);
}

/** ip_rt_update_pmtu() */
function learn4(key: RouteKey, told: u32): void {
  if (wayLocked || wayMtu < told) return;
  const netns = key.netns;
  const locks = told < netns.paths.minimum;
  const mtu = locks ? min(wayMtu, netns.paths.minimum) : told;
  if (wayPathMtu != 0 && wayPathMtu == mtu && !locks) {
    const known = find(netns, routeResult().route, routeResult().nexthop, key.daddrHi, key.daddrLo);
    // It is young enough.
    if (now() + <u64>netns.paths.expires4 * 500 < known.expires) return;
  }
  remember(key, mtu, locks, netns.paths.expires4);
}

/** `routeKey()` says where to. The first of several nexthops stands for all. */
function learn(told: u32): void {
  const key = routeKey();
  if (!routeLookup()) return;
  const result = routeResult();
  const type = result.type;
  if (!some(result.route) || !some(result.nexthop) || type >= <u32>RouteType.BLACKHOLE) return;
  if (isMulticast(key.family, key.daddrHi, key.daddrLo)) return;
  const v4 = key.family == 4;
  if (v4 && (isLimitedBroadcast(key.daddrLo) || (type != RouteType.UNICAST && type != RouteType.LOCAL))) return;
  const local = type == RouteType.LOCAL || (type == RouteType.ANYCAST && !v4);
  const loopback = local ? linkByName(key.netns, LOOPBACK_NAME) : result.dev;
  measureWay(key, some(loopback) ? loopback : result.dev, false, true);
  if (v4) learn4(key, told);
  else if (told >= MINIMUM_MTU_6 && told < wayMtu) remember(key, told, false, key.netns.paths.expires6);
}

/** No ports: rules that look at them do not see this look-up (build_flow_key()). */
function keyFor(netns: Netns, p: Packet, mark: u32): RouteKey {
  const key = clearKey(netns, p.family);
  key.saddrHi = p.saddrHi;
  key.saddrLo = p.saddrLo;
  key.daddrHi = p.daddrHi;
  key.daddrLo = p.daddrLo;
  key.mark = mark;
  key.tos = p.tos;
  key.protocol = p.protocol;
  return key;
}

/** What this host sent was too big for somebody, who says how big it may be. */
export function learnFromError(about: Packet, told: u32, mark: u32): void {
  const netns = skb().netns;
  // Nothing is looked up for an address that is not the host's (ip_route_output_key_hash_rcu()).
  if (about.family == 4 && !isLocal(netns, 4, 0, about.saddrLo)) return;
  keyFor(netns, about, mark);
  learn(told);
}

/** A tunnel's packets have less room than the link that its outer packets leave by. */
export function learnFromTunnel(link: Link, inner: Packet, told: u32): void {
  keyFor(link.netns, inner, inner.mark).oif = link;
  learn(told);
}

/** A packet that does not fit whole, and asks to stay so. */
@inline
export function isTooLong(): bool {
  const p = packet();
  const s = skb();
  if (p.length <= s.mtu || s.ignoresDf) return false;
  if (p.dontFragment != 0) return true;
  return p.family == 6 && (s.widest == 0 ? some(s.iif) : s.widest > s.mtu);
}

/** The size of the pieces that the packet has to leave in, which is not more than that of those it came in; 0: it fits. */
@inline
export function pieceSize(): u32 {
  const length = packet().length;
  const s = skb();
  const widest = s.widest;
  if (widest == 0) return length > s.mtu ? max<u32>(s.appended == 0 ? s.mtu : min(s.mtu, s.appended), 1) : 0;
  const v4 = packet().family == 4;
  if (length <= s.mtu && !v4 && length <= widest) return 0;
  return v4 ? max<u32>(min(s.mtu, widest), 1) : max(min(s.mtu, widest), MINIMUM_MTU_6);
}
