/**
 * Routes of several nexthops (fib_semantics.c:fib_select_path(), route.c:fib_multipath_hash()). Nobody knows the kernel's hash seed, so
 * the way is a choice point; but one flow keeps its way. Remembered choices last until the next script.
 */
import { NetnsFlag } from '../../src/codes';
import { ChoiceKind } from '../../src/terms';
import { choose, weigh } from '../core/choice';
import { fold, mix } from '../core/hash';
import { allocate } from '../core/memory';
import { linkByName } from '../core/links';
import { skb, some } from '../core/skb';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Endpoint, Nexthop, Route } from '../layout/route';
import { clearKey, RouteKey, routeKey, routeResult } from './lookup';
import { selectSource4 } from './source';
import { nexthopAt, usable } from './table';

/** What was chosen for one flow. */
@unmanaged
class Way {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  route: usize;
  netns: usize;
  ports: u32;
  protocol: u32;
  nexthop: u32;
  next: usize;
}

const BUCKETS: u32 = 64;
let ways: usize = 0;

export function multipathReset(): void {
  ways = 0;
}

function bucketOf(key: RouteKey): usize {
  const hash = fold(mix(key.daddrLo ^ key.daddrHi, key.saddrLo ^ key.saddrHi));
  return ways + (<usize>(hash & (BUCKETS - 1)) << 2);
}

/**
 * Whether protocol and ports belong to the flow (`fib_multipath_hash_policy`). Policy 0 of IPv6 takes the flow label, which Linux makes of
 * the ports (rt6_multipath_hash(), ip6_make_flowlabel()).
 */
@inline
function byPorts(key: RouteKey): bool {
  return key.family == 6 || (key.netns.flags & NetnsFlag.MULTIPATH_PORTS_4) != 0;
}

/** `subject`: the route, or what else it is that a flow was given one of; `ports`: they belong to the flow. */
function remember(subject: usize, ports: bool, nexthop: u32): void {
  const key = routeKey();
  const bucket = bucketOf(key);
  const way = changetype<Way>(allocate(offsetof<Way>()));
  if (changetype<usize>(way) == 0) return;
  way.saddrHi = key.saddrHi;
  way.saddrLo = key.saddrLo;
  way.daddrHi = key.daddrHi;
  way.daddrLo = key.daddrLo;
  way.route = subject;
  way.netns = changetype<usize>(key.netns);
  if (ports) {
    way.ports = (<u32>key.sport << 16) | key.dport;
    way.protocol = key.protocol;
  }
  way.nexthop = nexthop;
  way.next = <usize>load<u32>(bucket);
  store<u32>(bucket, <u32>changetype<usize>(way));
}

/** The remembered way of the flow, -1 where there is none. */
function recall(subject: usize, byPorts: bool): i32 {
  const key = routeKey();
  const ports = byPorts ? (<u32>key.sport << 16) | key.dport : 0;
  const protocol = byPorts ? <u32>key.protocol : 0;
  let way = changetype<Way>(<usize>load<u32>(bucketOf(key)));
  while (changetype<usize>(way) != 0) {
    if (
      way.route == subject &&
      way.netns == changetype<usize>(key.netns) &&
      way.saddrLo == key.saddrLo &&
      way.saddrHi == key.saddrHi &&
      way.daddrLo == key.daddrLo &&
      way.daddrHi == key.daddrHi &&
      way.ports == ports &&
      way.protocol == protocol
    ) {
      return <i32>way.nexthop;
    }
    way = changetype<Way>(way.next);
  }
  return -1;
}

function waysReady(): bool {
  if (ways == 0) ways = allocate(<usize>BUCKETS << 2);
  return ways != 0;
}

/** One of `count` weighed alternatives for the flow of `routeKey()`, the same again within a script; the weights were just added. */
export function chooseForFlow(subject: usize, count: u32): u32 {
  if (!waysReady()) return 0;
  const taken = choose(ChoiceKind.NUMBER, count, true, 0, 0);
  remember(subject, true, taken);
  return taken;
}

/** What the flow of `routeKey()` was given; -1: nothing yet. */
export function chosenForFlow(subject: usize): i32 {
  return ways == 0 ? -1 : recall(subject, true);
}

/** Most nexthops a route has (the kernel's own bound of 256 in all). */
const MOST: u32 = 256;
/** Indexes of the nexthops that count, u16 each, and their weights, u32 each. */
const OPTIONS: usize = memory.data(512, 4);
const WEIGHTS: usize = memory.data(1024, 4);

/** The source a packet without one would get by this nexthop (fib_info_update_nhc_saddr()). */
function sourceBy(key: RouteKey, nexthop: Nexthop, scope: u32): u64 {
  let toward: u64 = 0;
  if (nexthop.via != 0) {
    const via = changetype<Endpoint>(nexthop.via);
    if (via.family == 4) toward = via.lo;
  }
  const address = selectSource4(key.netns, linkByName(key.netns, nexthop.dev), toward, scope);
  return some(address) ? address.lo : 0;
}

/** Lists the usable nexthops; returns how many. */
function listOptions(): u32 {
  const key = routeKey();
  const route = routeResult().route;
  let count: u32 = 0;
  for (let i: u32 = 0; i < route.nexthopCount && count < MOST; i++) {
    const nexthop = nexthopAt(route, i);
    const dev = linkByName(key.netns, nexthop.dev);
    if (!usable(route, dev)) continue;
    // A destination that one link alone leads to: the others do not count.
    if (key.family == 4 && some(key.oif) && dev != key.oif) continue;
    if (key.strict && dev != (some(key.oif) ? key.oif : key.iif)) continue;
    // In a small resilient group it may have no bucket.
    if (nexthop.weight == 0) continue;
    store<u16>(OPTIONS + (<usize>count << 1), <u16>i);
    store<u32>(WEIGHTS + (<usize>count << 2), nexthop.weight);
    count++;
  }
  return count;
}

/**
 * IPv4, made here, with a source: nexthops that would have given that source come before the others. Each stands for itself and for those
 * passed over before it; what the hash puts past the last of them falls to the first (fib_select_multipath() since Linux 6.16).
 */
function preferOwnSource(count: u32): u32 {
  const key = routeKey();
  const route = routeResult().route;
  let preferred: u32 = 0;
  let passed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const index = load<u16>(OPTIONS + (<usize>i << 1));
    passed += load<u32>(WEIGHTS + (<usize>i << 2));
    if (sourceBy(key, nexthopAt(route, index), route.scope) != key.saddrLo) continue;
    store<u16>(OPTIONS + (<usize>preferred << 1), index);
    store<u32>(WEIGHTS + (<usize>preferred << 2), passed);
    preferred++;
    passed = 0;
  }
  if (preferred == 0) return listOptions();
  store<u32>(WEIGHTS, load<u32>(WEIGHTS) + passed);
  return preferred;
}

/** Lists the nexthops that a packet which comes in may take by the route at hand; returns how many. */
export function listWays(): u32 {
  return listOptions();
}

/** Where one of those that were just listed leads. */
export function wayDev(netns: Netns, route: Route, i: u32): Link {
  return linkByName(netns, nexthopAt(route, load<u16>(OPTIONS + (<usize>i << 1))).dev);
}

/**
 * Which of those that were just listed a question over ARP takes. The hash is of its own bytes as if they were an IP header, which the asker's
 * address is among, and not the one asked for (ip_multipath_l3_keys()); or of nothing at all, where ports count.
 */
export function wayOfQuestion(netns: Netns, route: Route, count: u32, asker: u64): u32 {
  if (!waysReady()) return 0;
  const key = clearKey(netns, 4);
  if (!byPorts(key)) key.saddrLo = asker;
  const subject = changetype<usize>(route) | 1;
  const known = recall(subject, false);
  if (known >= 0) return <u32>known;
  for (let i: u32 = 0; i < count; i++) weigh(load<u32>(WEIGHTS + (<usize>i << 2)));
  // It is the choice of whom is asked.
  const s = skb();
  const here = s.netns;
  s.netns = netns;
  const taken = choose(ChoiceKind.MULTIPATH, count, true, 0, changetype<usize>(route));
  s.netns = here;
  remember(subject, false, taken);
  return taken;
}

/** Puts one of the usable nexthops into the result; asks the script where there are several. */
export function multipathSelect(): void {
  const result = routeResult();
  const route = result.route;
  if (route.nexthopCount < 2) return;
  const key = routeKey();
  // Bound to a device, IPv4 takes the first nexthop by it (fib_semantics.c:fib_select_path()).
  if (key.family == 4 && some(key.oif)) return;
  let count = listOptions();
  if (count == 0) return;
  // Groups of nexthop objects do not look at the source (nexthop_path_fib_result()).
  if (key.family == 4 && !some(key.iif) && key.saddrLo != 0 && route.object == 0) count = preferOwnSource(count);
  let index = <i32>load<u16>(OPTIONS);
  if (count > 1) {
    if (!waysReady()) return;
    index = recall(changetype<usize>(route), byPorts(key));
    if (index < 0) {
      for (let i: u32 = 0; i < count; i++) weigh(load<u32>(WEIGHTS + (<usize>i << 2)));
      const taken = choose(ChoiceKind.MULTIPATH, count, true, 0, changetype<usize>(route));
      index = <i32>load<u16>(OPTIONS + (<usize>taken << 1));
      remember(changetype<usize>(route), byPorts(key), <u32>index);
    }
  }
  result.nexthop = nexthopAt(route, <u32>index);
  result.dev = linkByName(key.netns, result.nexthop.dev);
}
