/**
 * Longest prefix match over the routes of one layer: `prefixesBuild`, `prefixesFind`. A short list is walked, a long one is looked up as
 * intervals (`lpm/intervals.ts`). What is found hangs on to what is shorter (`Route.shorter`), so that going back to a shorter prefix
 * (fib_trie.c:fib_table_lookup(), `backtrace`) costs a pointer.
 */
import { indexedRoutes } from '../core/limits';
import { allocate } from '../core/memory';
import { none, some } from '../core/skb';
import { Route, RouteLayer } from '../layout/route';
import { BOUND, boundAt, setPrefix } from '../lpm/bound';
import { NO_ENTRY, valueOf } from '../lpm/entry';
import { Intervals, intervalsBuild, intervalsFind } from '../lpm/intervals';
import { sortBounds } from '../lpm/sort';
import { give, take } from '../store/blocks';

@unmanaged
class PrefixIndex {
  /** Pointers to the first routes of all prefixes, by first address, the shorter prefix first: the last that covers is the longest. */
  heads: usize;
  headCount: u32;
  /** Null: walk `heads`. */
  intervals: Intervals;
}

@inline
export function maskHi(family: u32, length: u32): u64 {
  if (family == 4) return ~(<u64>0);
  return length == 0 ? 0 : length >= 64 ? ~(<u64>0) : ~(<u64>0) << (64 - length);
}

@inline
export function maskLo(family: u32, length: u32): u64 {
  if (family == 4) return length == 0 ? ~(<u64>0xffffffff) : ~(<u64>0) << (32 - length);
  return length <= 64 ? 0 : ~(<u64>0) << (128 - length);
}

@inline
function covers(route: Route, hi: u64, lo: u64): bool {
  const family = <u32>route.family;
  const length = <u32>route.length;
  return ((hi ^ route.hi) & maskHi(family, length)) == 0 && ((lo ^ route.lo) & maskLo(family, length)) == 0;
}

/** True if `a` stands before `b` among routes of one prefix (fib_trie.c:fib_find_alias(): TOS falling, metric rising, order). */
@inline
export function precedes(a: Route, b: Route): bool {
  return a.tos != b.tos ? a.tos > b.tos : a.metric < b.metric;
}

/** Puts a route behind those of its prefix that are better; returns the first of them. */
function chain(head: Route, route: Route): Route {
  if (precedes(route, head)) {
    route.next = head;
    return route;
  }
  let at = head;
  while (some(at.next) && !precedes(route, at.next)) at = at.next;
  route.next = at.next;
  at.next = route;
  return head;
}

@inline
function headAt(index: PrefixIndex, i: u32): Route {
  return changetype<Route>(<usize>load<u32>(index.heads + (<usize>i << 2)));
}

/** The first route of the longest prefix that covers the address; null where there is none. */
export function prefixesFind(layer: RouteLayer, family: u32, hi: u64, lo: u64): Route {
  const index = changetype<PrefixIndex>(family == 4 ? layer.index4 : layer.index6);
  if (!some(index)) return none<Route>();
  if (some(index.intervals)) {
    const entry = intervalsFind(index.intervals, hi, lo);
    return entry == NO_ENTRY ? none<Route>() : headAt(index, valueOf(entry));
  }
  for (let i = index.headCount; i > 0; i--) if (covers(headAt(index, i - 1), hi, lo)) return headAt(index, i - 1);
  return none<Route>();
}

/** Lists the routes of a family as prefixes, each with its number in the layer; returns how many. */
function listPrefixes(layer: RouteLayer, family: u32, prefixes: usize): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < layer.routeCount; i++) {
    const route = changetype<Route>(layer.routes + <usize>i * offsetof<Route>());
    if (route.family != family) continue;
    if (prefixes != 0) setPrefix(prefixes, count, route.hi, route.lo, route.length, i);
    count++;
  }
  return count;
}

/** Makes one of neighbours with the same prefix: their routes in one list, its first in `heads`. */
function groupRoutes(layer: RouteLayer, index: PrefixIndex, prefixes: usize, count: u32): void {
  let heads: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const number = valueOf(boundAt(prefixes, i).entry);
    const route = changetype<Route>(layer.routes + <usize>number * offsetof<Route>());
    const before = heads == 0 ? none<Route>() : headAt(index, heads - 1);
    if (some(before) && before.hi == route.hi && before.lo == route.lo && before.length == route.length) {
      store<u32>(index.heads + (<usize>(heads - 1) << 2), <u32>changetype<usize>(chain(before, route)));
      continue;
    }
    store<u32>(index.heads + (<usize>heads << 2), <u32>changetype<usize>(route));
    setPrefix(prefixes, heads, route.hi, route.lo, route.length, heads);
    heads++;
  }
  index.headCount = heads;
}

/** Lets each prefix know the next shorter one that covers it: among those before it, one that covers the one before or is it. */
function linkShorter(index: PrefixIndex): void {
  let shorter = none<Route>();
  for (let i: u32 = 0; i < index.headCount; i++) {
    const head = headAt(index, i);
    while (some(shorter) && !covers(shorter, head.hi, head.lo)) shorter = shorter.shorter;
    for (let route = head; some(route); route = route.next) route.shorter = shorter;
    shorter = head;
  }
}

function buildIndex(layer: RouteLayer, family: u32, index: PrefixIndex, prefixes: usize, count: u32): void {
  listPrefixes(layer, family, prefixes);
  if (!sortBounds(prefixes, count)) return;
  groupRoutes(layer, index, prefixes, count);
  linkShorter(index);
  if (index.headCount < indexedRoutes) return;
  const intervals = changetype<Intervals>(allocate(offsetof<Intervals>()));
  if (!some(intervals)) return;
  if (intervalsBuild(intervals, family, prefixes, index.headCount)) index.intervals = intervals;
}

/** The index of a family's routes; 0 where there are none, or the memory is used up. */
function build(layer: RouteLayer, family: u32): usize {
  const count = listPrefixes(layer, family, 0);
  if (count == 0) return 0;
  const index = changetype<PrefixIndex>(allocate(offsetof<PrefixIndex>()));
  const room = <usize>count * BOUND;
  const prefixes = take(room);
  if (!some(index) || prefixes == 0) return 0;
  index.heads = allocate(<usize>count << 2);
  if (index.heads != 0) buildIndex(layer, family, index, prefixes, count);
  give(prefixes, room);
  return changetype<usize>(index);
}

/** Indexes a layer, and the layers below it. Shared layers are built once. */
export function prefixesBuild(layer: RouteLayer): void {
  let at = layer;
  while (some(at) && at.built == 0) {
    at.built = 1;
    at.index4 = build(at, 4);
    at.index6 = build(at, 6);
    at = at.base;
  }
}
