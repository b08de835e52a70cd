/** A map from tuples to numbers, for one family: `S` is `Slot4` or `Slot6`. Keys have the form of a slot without its value. */
import { take } from '../store/blocks';
import { STAGE_KEYS } from '../store/stage';
import {
  Swiss,
  swissAddHashed,
  swissBytes,
  swissClear,
  swissConfirm,
  swissFind,
  swissFindHashed,
  swissGuess,
  swissInit,
  swissPlace,
  swissRemove,
  swissRoom,
} from '../store/swiss';

/** What stands for nothing. */
export const NO_VALUE: u32 = 0xffffffff;

/** A map with room for `count` tuples; null where the memory is used up. */
export function flowMapNew<S>(count: u32): Swiss {
  const table = changetype<Swiss>(take(offsetof<Swiss>()));
  if (changetype<usize>(table) == 0) return table;
  return swissInit<S>(table, count) ? table : changetype<Swiss>(0);
}

/** Bytes of a key. */
@inline
export function keyBytes<S>(): usize {
  return offsetof<S>('value');
}

@inline
function keyAt<S>(keys: usize, i: u32): S {
  return changetype<S>(keys + <usize>i * keyBytes<S>());
}

@inline
function wordAt(words: usize, i: u32): usize {
  return words + (<usize>i << 2);
}

/** Slots of keys that are new, to be filled. */
const PLACES: usize = memory.data(1024 * 4, 16);

/** Fills the places of the keys from `from` to `end`. */
@inline
function fillPlaces<S>(keys: usize, values: usize, from: u32, end: u32): void {
  for (let i = from; i < end; i++) {
    changetype<S>(<usize>load<u32>(wordAt(PLACES, i))).put(keyAt<S>(keys, i), load<u32>(wordAt(values, i)));
  }
}

/** Gives a key its value; false where the memory is used up. */
function setOne<S>(table: Swiss, key: S, value: u32): bool {
  const hash = key.hash();
  let slot = swissFindHashed<S>(table, key, hash);
  if (changetype<usize>(slot) == 0) slot = swissAddHashed<S>(table, hash);
  if (changetype<usize>(slot) == 0) return false;
  slot.put(key, value);
  return true;
}

/**
 * Gives each of `count` keys (`STAGE_KEYS` at most) its value. False where the memory is used up. Slots are chosen first and filled later,
 * so that many writes wait for memory side by side; and before a key is compared with any.
 */
export function flowMapSetAll<S>(table: Swiss, keys: usize, count: u32, values: usize): bool {
  assert(count <= STAGE_KEYS);
  let filled: u32 = 0;
  let room = swissRoom(table);
  for (let i: u32 = 0; i < count; i++) {
    const key = keyAt<S>(keys, i);
    const place = room == 0 ? <usize>0 : swissPlace<S>(table, key.hash());
    if (place != 0) {
      store<u32>(wordAt(PLACES, i), <u32>place);
      room--;
      continue;
    }
    fillPlaces<S>(keys, values, filled, i);
    filled = i + 1;
    if (!setOne<S>(table, key, load<u32>(wordAt(values, i)))) return false;
    room = swissRoom(table);
  }
  fillPlaces<S>(keys, values, filled, count);
  return true;
}

/**
 * Writes the value of each of `count` keys, or `NO_VALUE`. Slots are guessed for all keys and compared later, so that many reads wait
 * for memory side by side.
 */
export function flowMapFindAll<S>(table: Swiss, keys: usize, count: u32, values: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(wordAt(values, i), <u32>swissGuess<S>(table, keyAt<S>(keys, i).hash()));
  }
  for (let i: u32 = 0; i < count; i++) {
    const slot = swissConfirm<S>(table, keyAt<S>(keys, i), <usize>load<u32>(wordAt(values, i)));
    store<u32>(wordAt(values, i), changetype<usize>(slot) == 0 ? NO_VALUE : slot.value);
  }
}

/** Removes each of `count` keys; writes the value it had, or `NO_VALUE`. */
export function flowMapDeleteAll<S>(table: Swiss, keys: usize, count: u32, values: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = swissFind<S>(table, changetype<S>(keys + <usize>i * keyBytes<S>()));
    const found = changetype<usize>(slot) != 0;
    store<u32>(values + (<usize>i << 2), found ? slot.value : NO_VALUE);
    if (found) swissRemove<S>(table, slot);
  }
}

export function flowMapClear(table: Swiss): void {
  swissClear(table);
}

export function flowMapBytes<S>(table: Swiss): usize {
  return swissBytes<S>(table);
}
