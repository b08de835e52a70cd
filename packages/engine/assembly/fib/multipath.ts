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
import { RouteKey, routeKey, routeResult } from './lookup';
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

/** Whether protocol and ports belong to the flow (`fib_multipath_hash_policy`). */
@inline
function byPorts(key: RouteKey): bool {
  const bit = key.family == 4 ? NetnsFlag.MULTIPATH_PORTS_4 : NetnsFlag.MULTIPATH_PORTS_6;
  return (key.netns.flags & bit) != 0;
}

function remember(nexthop: u32): void {
  const key = routeKey();
  const bucket = bucketOf(key);
  const way = changetype<Way>(allocate(offsetof<Way>()));
  if (changetype<usize>(way) == 0) return;
  way.saddrHi = key.saddrHi;
  way.saddrLo = key.saddrLo;
  way.daddrHi = key.daddrHi;
  way.daddrLo = key.daddrLo;
  way.route = changetype<usize>(routeResult().route);
  way.netns = changetype<usize>(key.netns);
  if (byPorts(key)) {
    way.ports = (<u32>key.sport << 16) | key.dport;
    way.protocol = key.protocol;
  }
  way.nexthop = nexthop;
  way.next = <usize>load<u32>(bucket);
  store<u32>(bucket, <u32>changetype<usize>(way));
}

/** The remembered way of the flow, -1 where there is none. */
function recall(): i32 {
  const key = routeKey();
  const ports = byPorts(key) ? (<u32>key.sport << 16) | key.dport : 0;
  const protocol = byPorts(key) ? <u32>key.protocol : 0;
  const route = changetype<usize>(routeResult().route);
  let way = changetype<Way>(<usize>load<u32>(bucketOf(key)));
  while (changetype<usize>(way) != 0) {
    if (
      way.route == route &&
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

/** Remembers the way just taken also under the source that was chosen for it. */
export function multipathAlias(): void {
  const result = routeResult();
  if (result.route.nexthopCount < 2 || ways == 0) return;
  const index = <u32>((changetype<usize>(result.nexthop) - result.route.nexthops) / 16);
  if (recall() < 0) remember(index);
}

/** Puts one of the usable nexthops into the result; asks the script where there are several. */
export function multipathSelect(): void {
  const result = routeResult();
  const route = result.route;
  if (route.nexthopCount < 2) return;
  const key = routeKey();
  let alive: u32 = 0;
  for (let i: u32 = 0; i < route.nexthopCount; i++) {
    if (usable(route, linkByName(key.netns, nexthopAt(route, i).dev))) alive++;
  }
  if (alive < 2) return;
  if (ways == 0) {
    ways = allocate(<usize>BUCKETS << 2);
    if (ways == 0) return;
  }
  let index = recall();
  if (index < 0) {
    for (let i: u32 = 0; i < route.nexthopCount; i++) {
      const nexthop = nexthopAt(route, i);
      if (usable(route, linkByName(key.netns, nexthop.dev))) weigh(nexthop.weight);
    }
    const taken = choose(ChoiceKind.MULTIPATH, alive, true, 0, changetype<usize>(route));
    let seen: u32 = 0;
    for (let i: u32 = 0; i < route.nexthopCount; i++) {
      if (!usable(route, linkByName(key.netns, nexthopAt(route, i).dev))) continue;
      if (seen == taken) index = <i32>i;
      seen++;
    }
    remember(<u32>index);
  }
  result.nexthop = nexthopAt(route, <u32>index);
  result.dev = linkByName(key.netns, result.nexthop.dev);
}
