/**
 * The compact look-up: prefixes as disjoint intervals in a tree. IPv4 is one tree of 32-bit keys. IPv6 is a tree over the upper 64 bits;
 * where prefixes longer than /64 lie in such a half address, the entry is a link to a tree over its lower 64 bits.
 */
import { give, take } from '../store/blocks';
import { BOUND, Bound, boundAt, setBound } from './bound';
import { LINK, NO_ENTRY } from './entry';
import { half } from './prefix';
import { sortBounds } from './sort';
import { sweep } from './sweep';
import { Tree, treeBuild, treeFind, treeFindAll, treeFree } from './tree';

@unmanaged
export class Intervals {
  tree: Tree;
  /** Trees that links lead to, one u32 each; `bytes` of them. */
  lower: usize;
  lowerCount: u32;
  /** All memory behind this. */
  bytes: u32;
  family: u32;
}

const KEY_HI: usize = offsetof<Bound>('hi');
const KEY_LO: usize = offsetof<Bound>('lo');

@inline
function lowerTree(intervals: Intervals, link: u32): Tree {
  return changetype<Tree>(<usize>load<u32>(intervals.lower + (<usize>(link & ~LINK) << 2)));
}

@inline
export function intervalsFind(intervals: Intervals, hi: u64, lo: u64): u32 {
  if (intervals.family == 4) return treeFind<i32>(intervals.tree, lo);
  const entry = treeFind<i64>(intervals.tree, hi);
  return entry < LINK ? entry : treeFind<i64>(lowerTree(intervals, entry), lo);
}

/** Looks up `count` addresses, a u32 each, writing an entry for each. */
export function intervalsFindAll4(intervals: Intervals, keys: usize, count: u32, entries: usize): void {
  treeFindAll<i32>(intervals.tree, keys, count, entries);
}

@inline
function followLink(intervals: Intervals, key: usize, entry: usize): void {
  const found = load<u32>(entry);
  if (found >= LINK) store<u32>(entry, treeFind<i64>(lowerTree(intervals, found), half(key + 8)));
}

/** Looks up `count` addresses, four u32 each, the most significant first, writing an entry for each. */
export function intervalsFindAll6(intervals: Intervals, keys: usize, count: u32, entries: usize): void {
  treeFindAll<i64>(intervals.tree, keys, count, entries);
  for (let i: u32 = 0; i < count; i++) followLink(intervals, keys + (<usize>i << 4), entries + (<usize>i << 2));
}

/** Looks up those addresses that have no entry yet. */
export function intervalsFindRest6(intervals: Intervals, keys: usize, count: u32, entries: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const entry = entries + (<usize>i << 2);
    if (load<u32>(entry) != NO_ENTRY) continue;
    const key = keys + (<usize>i << 4);
    store<u32>(entry, treeFind<i64>(intervals.tree, half(key)));
    followLink(intervals, key, entry);
  }
}

/** How many half addresses have intervals that begin inside them. */
function countLower(bounds: usize, count: u32): u32 {
  let lower: u32 = 0;
  let last: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const bound = boundAt(bounds, i);
    if (bound.lo == 0 || (lower != 0 && bound.hi == last)) continue;
    last = bound.hi;
    lower++;
  }
  return lower;
}

/**
 * Builds the trees of the lower halves, and writes the intervals of the upper ones to `upper`; returns how many, 0 where the memory is
 * used up. `bounds` is used up on the way: a half address whose first interval came from the one before gets it in its place.
 */
function splitHalves(intervals: Intervals, bounds: usize, count: u32, upper: usize): u32 {
  let uppers: u32 = 0;
  let i: u32 = 0;
  while (i < count) {
    const hi = boundAt(bounds, i).hi;
    let end = i + 1;
    while (end < count && boundAt(bounds, end).hi == hi) end++;
    let first = i;
    if (boundAt(bounds, i).lo != 0) {
      // The first interval of all begins at 0, so there is one before.
      first = i - 1;
      setBound(bounds, first, hi, 0, boundAt(bounds, first).entry);
    }
    const last = boundAt(bounds, end - 1).entry;
    if (end - first == 1) {
      setBound(upper, uppers++, hi, 0, last);
    } else {
      const tree = treeBuild<i64>(boundAddress(bounds, first), end - first, KEY_LO);
      if (changetype<usize>(tree) == 0) return 0;
      intervals.bytes += tree.bytes;
      store<u32>(intervals.lower + (<usize>intervals.lowerCount << 2), <u32>changetype<usize>(tree));
      setBound(upper, uppers++, hi, 0, LINK | intervals.lowerCount++);
      // What holds at the end goes on in the next half address, unless that begins with something else.
      if (hi != ~(<u64>0) && (end == count || boundAt(bounds, end).hi != hi + 1)) setBound(upper, uppers++, hi + 1, 0, last);
    }
    i = end;
  }
  return uppers;
}

@inline
function boundAddress(bounds: usize, i: u32): usize {
  return bounds + <usize>i * BOUND;
}

function buildHalves(intervals: Intervals, bounds: usize, count: u32): bool {
  const lower = countLower(bounds, count);
  if (lower == 0) {
    intervals.tree = treeBuild<i64>(bounds, count, KEY_HI);
    return changetype<usize>(intervals.tree) != 0;
  }
  intervals.lower = take(<usize>lower << 2);
  const room = <usize>(count + lower) * BOUND;
  const upper = take(room);
  if (intervals.lower == 0 || upper == 0) return false;
  const uppers = splitHalves(intervals, bounds, count, upper);
  if (uppers == 0) return false;
  intervals.tree = treeBuild<i64>(upper, uppers, KEY_HI);
  give(upper, room);
  return changetype<usize>(intervals.tree) != 0;
}

/**
 * Builds over distinct prefixes (see `setPrefix`), which are sorted in place; false where the memory is used up.
 */
export function intervalsBuild(intervals: Intervals, family: u32, prefixes: usize, count: u32): bool {
  memory.fill(changetype<usize>(intervals), 0, offsetof<Intervals>());
  intervals.family = family;
  if (!sortBounds(prefixes, count)) return false;
  const room = <usize>(count * 2 + 1) * BOUND;
  const bounds = take(room);
  if (bounds == 0) return false;
  const boundCount = sweep(prefixes, count, bounds, family);
  if (family == 4) intervals.tree = treeBuild<i32>(bounds, boundCount, KEY_LO);
  else if (!buildHalves(intervals, bounds, boundCount)) return false;
  give(bounds, room);
  if (changetype<usize>(intervals.tree) == 0) return false;
  intervals.bytes += intervals.tree.bytes + (intervals.lowerCount << 2);
  return true;
}

export function intervalsFree(intervals: Intervals): void {
  treeFree(intervals.tree);
  for (let i: u32 = 0; i < intervals.lowerCount; i++) treeFree(lowerTree(intervals, i));
  give(intervals.lower, <usize>intervals.lowerCount << 2);
  memory.fill(changetype<usize>(intervals), 0, offsetof<Intervals>());
}
