/**
 * Hash tables keyed by tuples: `tableFirst`, `tableNext`, `tableInsert`, `tableRemove`. A `Swiss` table for each family holds the address
 * of a tuple record, with one bit of the caller's (addresses are even). Records with equal keys hang together in the order they were
 * inserted, by the word behind the tuple.
 */
import { Slot4, Slot6 } from '../flows/slot';
import { Swiss, swissAddHashed, swissFindHashed, swissInit, swissRemove } from '../store/swiss';
import { Tuple } from '../layout/flow';

/** A `Swiss` table for IPv4, and one for IPv6 behind it. */
@unmanaged
export class TupleTable {
  control4: usize;
  slots4: usize;
  mask4: u32;
  count4: u32;
  control6: usize;
  slots6: usize;
  mask6: u32;
  count6: u32;
}

/** The word behind a tuple: the next record of the same key, with its bit; 0 at the end. */
const NEXT: usize = offsetof<Tuple>();

@inline
function nextOf(record: u32): u32 {
  return load<u32>(<usize>(record & ~1), NEXT);
}

@inline
function setNext(record: u32, next: u32): void {
  store<u32>(<usize>(record & ~1), next, NEXT);
}

@inline
export function sameTuple(a: usize, b: usize): bool {
  return changetype<Slot6>(a).equals(changetype<Slot6>(b));
}

@inline
function isV4(tuple: usize): bool {
  return changetype<Tuple>(tuple).family == 4;
}

@inline
function swiss4(table: TupleTable): Swiss {
  return changetype<Swiss>(changetype<usize>(table));
}

@inline
function swiss6(table: TupleTable): Swiss {
  return changetype<Swiss>(changetype<usize>(table) + offsetof<TupleTable>('control6'));
}

const KEY4 = changetype<Slot4>(memory.data(offsetof<Slot4>(), 8));

/** A tuple as a key: that of IPv6 has the form of its slot already. */
@inline
function keyOf4(tuple: usize): Slot4 {
  const t = changetype<Tuple>(tuple);
  KEY4.addresses = (t.saddrLo & 0xffffffff) | (t.daddrLo << 32);
  KEY4.netnsPorts = load<u64>(tuple, offsetof<Tuple>('netns'));
  KEY4.rest = load<u32>(tuple, offsetof<Tuple>('zone'));
  return KEY4;
}

/** Forgets everything; the memory of the slots is the arena's to take back. */
export function tableReset(table: TupleTable): void {
  memory.fill(changetype<usize>(table), 0, offsetof<TupleTable>());
}

/** What `tableFirst` or `tableNext` found last. */
let found: u32 = 0;

@inline
function first<S>(table: Swiss, key: S): u32 {
  if (table.count == 0) return 0;
  const slot = swissFindHashed<S>(table, key, key.hash());
  return changetype<usize>(slot) == 0 ? 0 : slot.value;
}

/** The first record equal to the tuple, with the bit it was inserted with; 0: none. */
export function tableFirst(table: TupleTable, tuple: usize): usize {
  found = isV4(tuple)
    ? first<Slot4>(swiss4(table), keyOf4(tuple))
    : first<Slot6>(swiss6(table), changetype<Slot6>(tuple));
  return <usize>found;
}

/** The next record equal to the one found last. */
export function tableNext(): usize {
  found = nextOf(found);
  return <usize>found;
}

function append(head: u32, record: u32): void {
  let last = head;
  while (nextOf(last) != 0) last = nextOf(last);
  setNext(last, record);
}

@inline
function insert<S>(table: Swiss, key: S, record: u32): void {
  if (table.control == 0 && !swissInit<S>(table, 0)) return;
  const hash = key.hash();
  let slot = swissFindHashed<S>(table, key, hash);
  if (changetype<usize>(slot) != 0) {
    append(slot.value, record);
    return;
  }
  slot = swissAddHashed<S>(table, hash);
  if (changetype<usize>(slot) == 0) return;
  slot.assign(key);
  slot.value = record;
}

export function tableInsert(table: TupleTable, tuple: usize, bit: u32): void {
  const record = <u32>tuple | bit;
  setNext(record, 0);
  if (isV4(tuple)) insert<Slot4>(swiss4(table), keyOf4(tuple), record);
  else insert<Slot6>(swiss6(table), changetype<Slot6>(tuple), record);
}

@inline
function remove<S>(table: Swiss, key: S, tuple: usize): void {
  if (table.count == 0) return;
  const slot = swissFindHashed<S>(table, key, key.hash());
  if (changetype<usize>(slot) == 0) return;
  let before: u32 = 0;
  let record = slot.value;
  while (record != 0 && <usize>(record & ~1) != tuple) {
    before = record;
    record = nextOf(record);
  }
  if (record == 0) return;
  const next = nextOf(record);
  if (before != 0) setNext(before, next);
  else if (next != 0) slot.value = next;
  else swissRemove<S>(table, slot);
}

/** Removes this very record, not an equal one. */
export function tableRemove(table: TupleTable, tuple: usize): void {
  if (isV4(tuple)) remove<Slot4>(swiss4(table), keyOf4(tuple), tuple);
  else remove<Slot6>(swiss6(table), changetype<Slot6>(tuple), tuple);
}
