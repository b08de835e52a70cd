/**
 * A map from prefixes to numbers, asked by address: all prefixes of one family in a hash table, and over them what finds the longest
 * one fast. That is, for IPv4, `Direct` (64 MB, changed in place) or `Intervals` (compact, built anew at the first look-up after a
 * change); for IPv6 `Intervals` over all but the /128, which the hash table itself answers.
 */
import { give, take } from '../store/blocks';
import {
  Swiss,
  swissAddHashed,
  swissBytes,
  swissConfirm,
  swissFind,
  swissGuess,
  swissInit,
  swissNext,
  swissRemove,
  swissReserve,
  swissSlot,
  swissSlots,
} from '../store/swiss';
import { BOUND, setBound } from './bound';
import { Direct, directBytes, directDelete, directFind, directFindAll, directInit, directSet } from './direct';
import { entryOf, lengthOf, NO_ENTRY } from './entry';
import {
  Intervals,
  intervalsBuild,
  intervalsFind,
  intervalsFindAll4,
  intervalsFindAll6,
  intervalsFindRest6,
  intervalsFree,
} from './intervals';
import { half, hostHi, hostLo } from './prefix';
import { PrefixSlot } from './slot';

@unmanaged
export class PrefixMap {
  all: Swiss;
  /** Null where `intervals` answers. */
  direct: Direct;
  intervals: Intervals;
  /** How many prefixes there are of each length, a u32 each. */
  lengths: usize;
  /** `Direct` is built from so many IPv4 prefixes on. */
  directFrom: u32;
  family: u8;
  /** `intervals` is out of date. */
  stale: bool;
}

const HOST: u32 = 128;
const KEY = changetype<PrefixSlot>(memory.data(offsetof<PrefixSlot>(), 8));

/** An empty map, for IPv4 answered by `Direct` from `directFrom` prefixes on; 0 where the memory is used up. */
export function prefixMapNew(family: u32, directFrom: u32): PrefixMap {
  const map = changetype<PrefixMap>(take(offsetof<PrefixMap>()));
  if (changetype<usize>(map) == 0) return map;
  map.all = changetype<Swiss>(take(offsetof<Swiss>()));
  map.direct = changetype<Direct>(0);
  map.intervals = changetype<Intervals>(take(offsetof<Intervals>()));
  map.lengths = take(129 * 4);
  map.directFrom = family == 4 ? directFrom : u32.MAX_VALUE;
  map.family = <u8>family;
  map.stale = true;
  const isWhole = changetype<usize>(map.all) != 0 && changetype<usize>(map.intervals) != 0 && map.lengths != 0;
  return isWhole && swissInit<PrefixSlot>(map.all, 0) ? map : changetype<PrefixMap>(0);
}

@inline
function isDirect(map: PrefixMap): bool {
  return changetype<usize>(map.direct) != 0;
}

@inline
function countOf(map: PrefixMap, length: u32): u32 {
  return load<u32>(map.lengths + (<usize>length << 2));
}

@inline
function addToCount(map: PrefixMap, length: u32, n: u32): void {
  store<u32>(map.lengths + (<usize>length << 2), countOf(map, length) + n);
}

/** Hosts of IPv6 are answered by the hash table. */
@inline
function isHashed(length: u32): bool {
  return length == HOST;
}

@inline
function keyOf(hi: u64, lo: u64, length: u32): PrefixSlot {
  KEY.hi = hi;
  KEY.lo = lo;
  KEY.entry = entryOf(length, 0);
  return KEY;
}

@inline
function slotOf(map: PrefixMap, hi: u64, lo: u64, length: u32): PrefixSlot {
  return swissFind<PrefixSlot>(map.all, keyOf(hi, lo, length));
}

@inline
function entryIn(slot: PrefixSlot): u32 {
  return changetype<usize>(slot) == 0 ? NO_ENTRY : slot.entry;
}

/** The entry of this very prefix. */
export function prefixMapGet(map: PrefixMap, hi: u64, lo: u64, length: u32): u32 {
  return entryIn(slotOf(map, hi, lo, length));
}

/** The entry of the longest prefix shorter than `length` that covers the address. */
export function prefixMapShorter(map: PrefixMap, hi: u64, lo: u64, length: u32): u32 {
  const family = <u32>map.family;
  for (let i = <i32>length - 1; i >= 0; i--) {
    if (countOf(map, i) == 0) continue;
    const entry = prefixMapGet(map, hi & ~hostHi(family, i), lo & ~hostLo(family, i), i);
    if (entry != NO_ENTRY) return entry;
  }
  return NO_ENTRY;
}

function buildDirect(map: PrefixMap): bool {
  const direct = changetype<Direct>(take(offsetof<Direct>()));
  if (changetype<usize>(direct) == 0 || !directInit(direct)) return false;
  const all = map.all;
  for (let i = swissNext(all, 0); i < swissSlots(all); i = swissNext(all, i + 1)) {
    const slot = swissSlot<PrefixSlot>(all, i);
    if (!directSet(direct, <u32>slot.lo, lengthOf(slot.entry), slot.entry)) return false;
  }
  map.direct = direct;
  intervalsFree(map.intervals);
  return true;
}

function buildIntervals(map: PrefixMap): bool {
  const all = map.all;
  const room = <usize>all.count * BOUND;
  const prefixes = take(room);
  if (prefixes == 0) return false;
  let count: u32 = 0;
  for (let i = swissNext(all, 0); i < swissSlots(all); i = swissNext(all, i + 1)) {
    const slot = swissSlot<PrefixSlot>(all, i);
    if (!isHashed(lengthOf(slot.entry))) setBound(prefixes, count++, slot.hi, slot.lo, slot.entry);
  }
  intervalsFree(map.intervals);
  const isBuilt = intervalsBuild(map.intervals, map.family, prefixes, count);
  give(prefixes, room);
  map.stale = !isBuilt;
  return isBuilt;
}

/** What looks up is there and up to date; false where the memory is used up. */
@inline
function isReady(map: PrefixMap): bool {
  return isDirect(map) || !map.stale || buildIntervals(map);
}

/** Adds a prefix (host bits 0), or gives it another value; false where the memory is used up. */
export function prefixMapSet(map: PrefixMap, hi: u64, lo: u64, length: u32, value: u32): bool {
  const entry = entryOf(length, value);
  let slot = slotOf(map, hi, lo, length);
  if (changetype<usize>(slot) != 0) {
    if (slot.entry == entry) return true;
  } else {
    slot = swissAddHashed<PrefixSlot>(map.all, KEY.hash());
    if (changetype<usize>(slot) == 0) return false;
    slot.assign(KEY);
    addToCount(map, length, 1);
  }
  slot.entry = entry;
  if (isDirect(map)) return directSet(map.direct, <u32>lo, length, entry);
  if (!isHashed(length)) map.stale = true;
  return map.all.count < map.directFrom || buildDirect(map);
}

/** Removes a prefix; false where it is not there. */
export function prefixMapDelete(map: PrefixMap, hi: u64, lo: u64, length: u32): bool {
  const slot = slotOf(map, hi, lo, length);
  if (changetype<usize>(slot) == 0) return false;
  const entry = slot.entry;
  swissRemove<PrefixSlot>(map.all, slot);
  addToCount(map, length, -1);
  if (isDirect(map)) directDelete(map.direct, <u32>lo, length, entry, prefixMapShorter(map, hi, lo, length));
  else if (!isHashed(length)) map.stale = true;
  return true;
}

/** Makes room for `count` prefixes in all, where the map is empty. */
export function prefixMapReserve(map: PrefixMap, count: u32): bool {
  if (map.all.count != 0) return true;
  if (!swissReserve<PrefixSlot>(map.all, count)) return false;
  return isDirect(map) || count < map.directFrom || buildDirect(map);
}

/** The entry of the longest prefix that covers the address. A failure (memory) counts as none. */
export function prefixMapFind(map: PrefixMap, hi: u64, lo: u64): u32 {
  if (isDirect(map)) return directFind(map.direct, <u32>lo);
  if (countOf(map, HOST) != 0) {
    const entry = prefixMapGet(map, hi, lo, HOST);
    if (entry != NO_ENTRY) return entry;
  }
  return isReady(map) ? intervalsFind(map.intervals, hi, lo) : NO_ENTRY;
}

@inline
function takeHost(words: usize): PrefixSlot {
  return keyOf(half(words), half(words + 8), HOST);
}

/** Answers hosts from the hash table, guessing all of them before it looks at any; returns how many there are. */
function findHosts(map: PrefixMap, keys: usize, count: u32, entries: usize): u32 {
  if (countOf(map, HOST) == 0) return 0;
  for (let i: u32 = 0; i < count; i++) {
    const guess = swissGuess<PrefixSlot>(map.all, takeHost(keys + (<usize>i << 4)).hash());
    store<u32>(entries + (<usize>i << 2), <u32>guess);
  }
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const at = entries + (<usize>i << 2);
    const entry = entryIn(swissConfirm<PrefixSlot>(map.all, takeHost(keys + (<usize>i << 4)), <usize>load<u32>(at)));
    store<u32>(at, entry);
    found += <u32>(entry != NO_ENTRY);
  }
  return found;
}

/**
 * Looks up `count` addresses: a u32 each for IPv4, four for IPv6, the most significant first. Writes an entry for each; false where the
 * memory is used up.
 */
export function prefixMapFindAll(map: PrefixMap, keys: usize, count: u32, entries: usize): bool {
  if (isDirect(map)) {
    directFindAll(map.direct, keys, count, entries);
    return true;
  }
  if (!isReady(map)) return false;
  if (map.family == 4) {
    intervalsFindAll4(map.intervals, keys, count, entries);
    return true;
  }
  const hosts = findHosts(map, keys, count, entries);
  if (hosts == 0) intervalsFindAll6(map.intervals, keys, count, entries);
  else if (hosts < count) intervalsFindRest6(map.intervals, keys, count, entries);
  return true;
}

/** Memory that the map takes, in bytes. */
export function prefixMapBytes(map: PrefixMap): usize {
  const bytes = swissBytes<PrefixSlot>(map.all);
  return bytes + (isDirect(map) ? directBytes(map.direct) : map.intervals.bytes);
}

export function prefixMapSize(map: PrefixMap): u32 {
  return map.all.count;
}
