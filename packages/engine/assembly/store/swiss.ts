/**
 * Hash tables with control bytes: 15 slots share 16 bytes, a tag for each and a count, and one comparison of 16 bytes tells which of
 * them to look at (after Abseil's swiss tables; the counts after Meta's F14).
 *
 *   control   | 15 tags, 0: free | count |   16 bytes for each group of 15 slots
 *   slots     | records of `S`, one behind the other, key first
 *
 * The count is that of records which found the group full and went on to the next; a search ends at the first group where it is 0. So
 * removal leaves no tombstones, and a table of changing contents never needs to be cleaned. At 255 the count stays.
 *
 * `S` is an `@unmanaged` class with `hash(): u64`, well mixed in all bits, and `equals(key: S): bool`, which look at the key alone, and
 * `assign(other: S): void`, which copies all (`memory.copy` is a call, and slow for so little).
 * Pointers to slots hold until something is added.
 */
import { give, take } from './blocks';

const SLOTS: u32 = 15;
/** The table doubles beyond so many records per group, on average. */
const LOAD: u32 = 13;
const GROUP: usize = 16;
const COUNT: usize = 15;
const TAGS: i32 = 0x7fff;
const STUCK: u32 = 255;

@unmanaged
export class Swiss {
  control: usize;
  slots: usize;
  /** Number of groups, less one. */
  mask: u32;
  count: u32;
}

/** A byte of the hash; 0 would be a free slot. */
@inline
function tagOf(hash: u64): u8 {
  return <u8>max<u32>(<u32>(hash >> 56), 1);
}

/** Which places of a group have the tag: bit i for place i. */
@inline
function placesOf(group: v128, tag: u8): i32 {
  return i8x16.bitmask(i8x16.eq(group, i8x16.splat(tag))) & TAGS;
}

@inline
function groupAt(table: Swiss, at: u32): usize {
  return table.control + <usize>at * GROUP;
}

@inline
function slotAt<S>(table: Swiss, at: u32, place: u32): S {
  return swissSlot<S>(table, at * SLOTS + place);
}

function groupsFor(records: u32): u32 {
  let groups: u32 = 1;
  while (groups * LOAD < records) groups <<= 1;
  return groups;
}

export function swissBytes<S>(table: Swiss): usize {
  return <usize>(table.mask + 1) * (GROUP + SLOTS * offsetof<S>());
}

function takeGroups<S>(table: Swiss, groups: u32): bool {
  table.mask = groups - 1;
  table.count = 0;
  table.control = take(swissBytes<S>(table));
  table.slots = table.control + <usize>groups * GROUP;
  return table.control != 0;
}

/** Number of the first occupied slot from `from` on; `swissSlots` where there is none. */
export function swissNext(table: Swiss, from: u32): u32 {
  const end = swissSlots(table);
  while (from < end && load<u8>(groupAt(table, from / SLOTS) + (from % SLOTS)) == 0) from++;
  return from;
}

/** Slots of a table, free ones included. */
@inline
export function swissSlots(table: Swiss): u32 {
  return (table.mask + 1) * SLOTS;
}

@inline
export function swissSlot<S>(table: Swiss, number: u32): S {
  return changetype<S>(table.slots + <usize>number * offsetof<S>());
}

/** An empty table with room for `records`; false where the memory is used up. */
export function swissInit<S>(table: Swiss, records: u32): bool {
  return takeGroups<S>(table, groupsFor(records));
}

/** Makes room for `records` in all, for a table that is empty; false where the memory is used up. */
export function swissReserve<S>(table: Swiss, records: u32): bool {
  assert(table.count == 0);
  if (groupsFor(records) <= table.mask + 1) return true;
  give(table.control, swissBytes<S>(table));
  return swissInit<S>(table, records);
}

export function swissClear(table: Swiss): void {
  memory.fill(table.control, 0, <usize>(table.mask + 1) * GROUP);
  table.count = 0;
}

/** The slot whose key equals that of `key`; null where there is none. `hash` is that of `key`. */
@inline
export function swissFindHashed<S>(table: Swiss, key: S, hash: u64): S {
  const tag = tagOf(hash);
  const mask = table.mask;
  let at = <u32>hash & mask;
  let step: u32 = 0;
  while (true) {
    const group = v128.load(groupAt(table, at));
    let places = placesOf(group, tag);
    while (places != 0) {
      const slot = slotAt<S>(table, at, ctz(places));
      if (slot.equals(key)) return slot;
      places &= places - 1;
    }
    if (i8x16.extract_lane_u(group, <u8>COUNT) == 0 || step == mask) return changetype<S>(0);
    at = (at + ++step) & mask;
  }
}

@inline
export function swissFind<S>(table: Swiss, key: S): S {
  return swissFindHashed<S>(table, key, key.hash());
}

/** The guess for a record that may be in another group than the one where the search begins. */
const ELSEWHERE: usize = 1;

/**
 * Where a record with `hash` probably is; `swissConfirm` tells. It takes few instructions, no jump and no look at the slots: a processor
 * that runs ahead has many of them under way. 0: there is none.
 */
@inline
export function swissGuess<S>(table: Swiss, hash: u64): usize {
  const at = <u32>hash & table.mask;
  const group = v128.load(groupAt(table, at));
  const places = placesOf(group, tagOf(hash));
  const none = <usize>(i8x16.extract_lane_u(group, <u8>COUNT) != 0) * ELSEWHERE;
  return select<usize>(changetype<usize>(slotAt<S>(table, at, ctz(places))), none, places != 0);
}

/** The slot whose key equals that of `key`, given the guess from its hash; null where there is none. */
@inline
export function swissConfirm<S>(table: Swiss, key: S, guess: usize): S {
  if (guess == 0) return changetype<S>(0);
  if (guess != ELSEWHERE && changetype<S>(guess).equals(key)) return changetype<S>(guess);
  return swissFind<S>(table, key);
}

/** How many records more a table takes before it grows. */
@inline
export function swissRoom(table: Swiss): u32 {
  return (table.mask + 1) * LOAD - table.count;
}

/**
 * A slot for a new record, from now on occupied, if one look at one group tells that it is new and goes there; 0 if not. The table must
 * have room.
 */
@inline
export function swissPlace<S>(table: Swiss, hash: u64): usize {
  assert(swissRoom(table) != 0);
  const at = <u32>hash & table.mask;
  const address = groupAt(table, at);
  const group = v128.load(address);
  const tag = tagOf(hash);
  const free = placesOf(group, 0);
  const maybeThere = placesOf(group, tag) | <i32>i8x16.extract_lane_u(group, <u8>COUNT);
  if (maybeThere != 0 || free == 0) return 0;
  const place = ctz(free);
  store<u8>(address + place, tag);
  table.count++;
  return changetype<usize>(slotAt<S>(table, at, place));
}

/** The first free slot on the way of `hash`, from now on occupied. */
@inline
function occupy<S>(table: Swiss, hash: u64): S {
  const mask = table.mask;
  let at = <u32>hash & mask;
  let step: u32 = 0;
  // The load leaves room, and the steps lead to every group: the loop ends.
  while (true) {
    const group = groupAt(table, at);
    const free = placesOf(v128.load(group), 0);
    if (free != 0) {
      const place = ctz(free);
      store<u8>(group + place, tagOf(hash));
      return slotAt<S>(table, at, place);
    }
    const count = <u32>load<u8>(group, COUNT);
    if (count != STUCK) store<u8>(group, <u8>(count + 1), COUNT);
    at = (at + ++step) & mask;
  }
}

function grow<S>(table: Swiss): bool {
  const bytes = swissBytes<S>(table);
  const control = table.control;
  const count = table.count;
  const groups = table.mask + 1;
  let slot = table.slots;
  if (!takeGroups<S>(table, groups * 2)) {
    table.control = control;
    table.slots = slot;
    table.mask = groups - 1;
    table.count = count;
    return false;
  }
  for (let at: u32 = 0; at < groups; at++) {
    let used = ~placesOf(v128.load(control + <usize>at * GROUP), 0) & TAGS;
    while (used != 0) {
      const from = slot + <usize>ctz(used) * offsetof<S>();
      const to = occupy<S>(table, changetype<S>(from).hash());
      to.assign(changetype<S>(from));
      used &= used - 1;
    }
    slot += <usize>SLOTS * offsetof<S>();
  }
  table.count = count;
  give(control, bytes);
  return true;
}

/** A slot for a record that is not there yet, to be filled; null where the memory is used up. */
export function swissAddHashed<S>(table: Swiss, hash: u64): S {
  if (swissRoom(table) == 0 && !grow<S>(table)) return changetype<S>(0);
  table.count++;
  return occupy<S>(table, hash);
}

/** Frees a slot of the table. */
export function swissRemove<S>(table: Swiss, slot: S): void {
  const hash = slot.hash();
  const index = <u32>((changetype<usize>(slot) - table.slots) / offsetof<S>());
  const last = index / SLOTS;
  assert(load<u8>(groupAt(table, last) + (index % SLOTS)) == tagOf(hash));
  store<u8>(groupAt(table, last) + (index % SLOTS), 0);
  table.count--;
  // One record less went past the groups before.
  const mask = table.mask;
  let at = <u32>hash & mask;
  for (let step: u32 = 1; at != last; step++) {
    const group = groupAt(table, at);
    const count = <u32>load<u8>(group, COUNT);
    assert(count != 0);
    if (count != STUCK) store<u8>(group, <u8>(count - 1), COUNT);
    at = (at + step) & mask;
  }
}
