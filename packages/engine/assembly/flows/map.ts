/** A map from tuples to numbers, for one family: `S` is `Slot4` or `Slot6`. Keys have the form of a slot without its value. */
import { take } from '../store/blocks';
import {
  Swiss,
  swissAddHashed,
  swissBytes,
  swissClear,
  swissFind,
  swissFindHashed,
  swissInit,
  swissRemove,
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

/** Gives each of `count` keys its value. False where the memory is used up. */
export function flowMapSetAll<S>(table: Swiss, keys: usize, count: u32, values: usize): bool {
  for (let i: u32 = 0; i < count; i++) {
    const key = changetype<S>(keys + <usize>i * keyBytes<S>());
    const hash = key.hash();
    let slot = swissFindHashed<S>(table, key, hash);
    if (changetype<usize>(slot) == 0) {
      slot = swissAddHashed<S>(table, hash);
      if (changetype<usize>(slot) == 0) return false;
      // Reads four bytes behind the key, and overwrites them with the value.
      slot.assign(key);
    }
    slot.value = load<u32>(values + (<usize>i << 2));
  }
  return true;
}

/** Writes the value of each of `count` keys, or `NO_VALUE`. */
export function flowMapFindAll<S>(table: Swiss, keys: usize, count: u32, values: usize): void {
  const end = keys + <usize>count * keyBytes<S>();
  for (; keys < end; keys += keyBytes<S>(), values += 4) {
    const slot = swissFind<S>(table, changetype<S>(keys));
    store<u32>(values, changetype<usize>(slot) == 0 ? NO_VALUE : slot.value);
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
