/**
 * Longest prefix match over the routes of one layer: `prefixesBuild`, `prefixesFind`. A short list is walked, longest prefix first; a
 * long one is hashed by prefix, one probe for each length that occurs. What is found hangs on to what is shorter (`Route.shorter`), so
 * that going back to a shorter prefix (fib_trie.c:fib_table_lookup(), `backtrace`) costs a pointer.
 */
import { allocate } from '../core/memory';
import { fold, mix, roundUp } from '../core/hash';
import { none, some } from '../core/skb';
import { Route, RouteLayer } from '../layout/route';

/** Lists up to this long are walked. */
const SHORT: u32 = 8;

@unmanaged
class PrefixIndex {
  /** Pointers to first routes, a power of two of them; 0: walk `heads`. */
  slots: usize;
  mask: u32;
  /** First routes by falling length. */
  heads: usize;
  headCount: u32;
  /** Lengths that occur, falling, one byte each. */
  lengths: usize;
  lengthCount: u32;
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
function hashPrefix(hi: u64, lo: u64, length: u32): u32 {
  return fold(mix(lo ^ length, hi));
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

function probe(index: PrefixIndex, hi: u64, lo: u64, length: u32): usize {
  const mask = index.mask;
  let at = hashPrefix(hi, lo, length) & mask;
  while (true) {
    const slot = index.slots + (<usize>at << 2);
    const route = changetype<Route>(<usize>load<u32>(slot));
    if (!some(route)) return slot;
    if (route.lo == lo && route.hi == hi && route.length == length) return slot;
    at = (at + 1) & mask;
  }
}

function find(index: PrefixIndex, family: u32, hi: u64, lo: u64, from: u32): Route {
  if (index.slots == 0) {
    for (let i: u32 = from; i < index.headCount; i++) {
      const route = changetype<Route>(<usize>load<u32>(index.heads + (<usize>i << 2)));
      if (covers(route, hi, lo)) return route;
    }
    return none<Route>();
  }
  for (let i: u32 = from; i < index.lengthCount; i++) {
    const length = <u32>load<u8>(index.lengths + i);
    const slot = probe(index, hi & maskHi(family, length), lo & maskLo(family, length), length);
    const route = changetype<Route>(<usize>load<u32>(slot));
    if (some(route)) return route;
  }
  return none<Route>();
}

/** The first route of the longest prefix that covers the address; null where there is none. */
export function prefixesFind(layer: RouteLayer, family: u32, hi: u64, lo: u64): Route {
  const index = family == 4 ? layer.index4 : layer.index6;
  return index == 0 ? none<Route>() : find(changetype<PrefixIndex>(index), family, hi, lo, 0);
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

function build(layer: RouteLayer, family: u32): usize {
  let count: u32 = 0;
  for (let i: u32 = 0; i < layer.routeCount; i++) {
    const route = changetype<Route>(layer.routes + <usize>i * offsetof<Route>());
    if (route.family == family) count++;
  }
  if (count == 0) return 0;
  const index = changetype<PrefixIndex>(allocate(offsetof<PrefixIndex>()));
  index.heads = allocate(<usize>count << 2);
  index.lengths = allocate(132);
  if (count > SHORT) {
    const size = roundUp(count * 2);
    index.slots = allocate(<usize>size << 2);
    index.mask = size - 1;
  }

  // Group routes by prefix.
  const histogram = memory.data(129 * 4, 4);
  memory.fill(histogram, 0, 129 * 4);
  let heads: u32 = 0;
  for (let i: u32 = 0; i < layer.routeCount; i++) {
    const route = changetype<Route>(layer.routes + <usize>i * offsetof<Route>());
    if (route.family != family) continue;
    let slot: usize = 0;
    if (index.slots != 0) {
      slot = probe(index, route.hi, route.lo, route.length);
    } else {
      for (let j: u32 = 0; j < heads; j++) {
        const head = changetype<Route>(<usize>load<u32>(index.heads + (<usize>j << 2)));
        if (head.hi == route.hi && head.lo == route.lo && head.length == route.length) {
          slot = index.heads + (<usize>j << 2);
        }
      }
      if (slot == 0) slot = index.heads + (<usize>heads << 2);
    }
    const head = changetype<Route>(<usize>load<u32>(slot));
    if (some(head)) {
      store<u32>(slot, <u32>changetype<usize>(chain(head, route)));
      continue;
    }
    store<u32>(slot, <u32>changetype<usize>(route));
    heads++;
    const bucket = histogram + (<usize>route.length << 2);
    store<u32>(bucket, load<u32>(bucket) + 1);
  }
  index.headCount = heads;

  // Order the first routes by falling length, counting.
  const unsorted = index.slots != 0 ? index.slots : index.heads;
  const sorted = allocate(<usize>heads << 2);
  let at: u32 = 0;
  for (let length: i32 = 128; length >= 0; length--) {
    const bucket = histogram + (<usize>length << 2);
    const n = load<u32>(bucket);
    if (n == 0) continue;
    store<u8>(index.lengths + index.lengthCount, <u8>length);
    index.lengthCount++;
    store<u32>(bucket, at);
    at += n;
  }
  const scan: u32 = index.slots != 0 ? index.mask + 1 : heads;
  for (let i: u32 = 0; i < scan; i++) {
    const pointer = load<u32>(unsorted + (<usize>i << 2));
    if (pointer == 0) continue;
    const bucket = histogram + (<usize>changetype<Route>(<usize>pointer).length << 2);
    const place = load<u32>(bucket);
    store<u32>(sorted + (<usize>place << 2), pointer);
    store<u32>(bucket, place + 1);
  }
  index.heads = sorted;

  // Let each prefix know the next shorter one that covers it.
  let lengthAt: u32 = 0;
  for (let i: u32 = 0; i < heads; i++) {
    const head = changetype<Route>(<usize>load<u32>(sorted + (<usize>i << 2)));
    while (load<u8>(index.lengths + lengthAt) != head.length) lengthAt++;
    const shorter = find(index, family, head.hi, head.lo, index.slots != 0 ? lengthAt + 1 : i + 1);
    for (let route = head; some(route); route = route.next) route.shorter = shorter;
  }
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
