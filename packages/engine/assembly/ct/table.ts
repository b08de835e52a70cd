/**
 * Hash tables keyed by tuples: `tableFirst`, `tableNext`, `tableInsert`, `tableRemove`. Slots hold a hash and the address of a tuple
 * record with one bit of the caller's (addresses are even), probed one after the other; half of them stay free. Equal keys are found in
 * the order they were inserted.
 */
import { allocate } from '../core/memory';
import { fold, mix } from '../core/hash';

@unmanaged
export class TupleTable {
  /** Pairs of u32: hash, address of the tuple and bit; 0 free, 1 removed. */
  slots: usize;
  mask: u32;
  /** Slots that are not free, removed ones included. */
  filled: u32;
  count: u32;
}

const FIRST_SIZE: u32 = 64;
const REMOVED: u32 = 1;

@inline
export function hashTuple(tuple: usize): u32 {
  const a = mix(load<u64>(tuple, 8) ^ load<u64>(tuple), load<u64>(tuple, 24) ^ load<u64>(tuple, 16));
  return fold(mix(a ^ load<u64>(tuple, 32), load<u64>(tuple, 40)));
}

@inline
export function sameTuple(a: usize, b: usize): bool {
  return (
    ((load<u64>(a, 8) ^ load<u64>(b, 8)) |
      (load<u64>(a, 24) ^ load<u64>(b, 24)) |
      (load<u64>(a, 32) ^ load<u64>(b, 32)) |
      (load<u64>(a, 40) ^ load<u64>(b, 40)) |
      (load<u64>(a) ^ load<u64>(b)) |
      (load<u64>(a, 16) ^ load<u64>(b, 16))) ==
    0
  );
}

/** Forgets everything; the memory of the slots is the arena's to take back. */
export function tableReset(table: TupleTable): void {
  table.slots = 0;
  table.mask = 0;
  table.filled = 0;
  table.count = 0;
}

/** The slot that `tableFirst` or `tableNext` stopped at. */
let cursor: u32 = 0;

function findFrom(table: TupleTable, tuple: usize, hash: u32, start: u32): usize {
  const mask = table.mask;
  let at = start;
  while (true) {
    const slot = table.slots + (<usize>at << 3);
    const value = load<u32>(slot, 4);
    if (value == 0) return 0;
    if (load<u32>(slot) == hash && value != REMOVED && sameTuple(<usize>(value & ~1), tuple)) {
      cursor = at;
      return <usize>value;
    }
    at = (at + 1) & mask;
  }
}

/** The first record equal to the tuple, with the bit it was inserted with; 0: none. */
export function tableFirst(table: TupleTable, tuple: usize): usize {
  if (table.count == 0) return 0;
  const hash = hashTuple(tuple);
  return findFrom(table, tuple, hash, hash & table.mask);
}

/** The next record equal to the tuple that `tableFirst` was asked for. */
export function tableNext(table: TupleTable, tuple: usize): usize {
  return findFrom(table, tuple, hashTuple(tuple), (cursor + 1) & table.mask);
}

function put(slots: usize, mask: u32, hash: u32, pointer: u32): void {
  let at = hash & mask;
  while (load<u32>(slots + (<usize>at << 3), 4) != 0) at = (at + 1) & mask;
  store<u32>(slots + (<usize>at << 3), hash);
  store<u32>(slots + (<usize>at << 3), pointer, 4);
}

/** Makes room; walks the old slots from the head of a run of occupied ones, so that equal keys keep their order. */
function grow(table: TupleTable): bool {
  const old = table.slots;
  const oldSize: u32 = old == 0 ? 0 : table.mask + 1;
  let size = oldSize == 0 ? FIRST_SIZE : oldSize;
  while (size < table.count * 4) size <<= 1;
  const slots = allocate(<usize>size << 3);
  if (slots == 0) return false;
  let start: u32 = 0;
  while (start < oldSize && load<u32>(old + (<usize>start << 3), 4) != 0) start++;
  for (let i: u32 = 0; i < oldSize; i++) {
    const slot = old + (<usize>((start + i) & table.mask) << 3);
    const pointer = load<u32>(slot, 4);
    if (pointer > REMOVED) put(slots, size - 1, load<u32>(slot), pointer);
  }
  table.slots = slots;
  table.mask = size - 1;
  table.filled = table.count;
  return true;
}

export function tableInsert(table: TupleTable, tuple: usize, bit: u32): void {
  if (table.slots == 0 || table.filled * 2 >= table.mask + 1) {
    if (!grow(table)) return;
  }
  put(table.slots, table.mask, hashTuple(tuple), <u32>tuple | bit);
  table.filled++;
  table.count++;
}

/** Removes this very record, not an equal one. */
export function tableRemove(table: TupleTable, tuple: usize): void {
  if (table.count == 0) return;
  const mask = table.mask;
  let at = hashTuple(tuple) & mask;
  while (true) {
    const slot = table.slots + (<usize>at << 3);
    const pointer = load<u32>(slot, 4);
    if (pointer == 0) return;
    if (<usize>(pointer & ~1) == tuple) {
      store<u32>(slot, REMOVED, 4);
      table.count--;
      return;
    }
    at = (at + 1) & mask;
  }
}
