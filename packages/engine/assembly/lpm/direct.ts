/**
 * IPv4 look-up in one or two accesses (DIR-24-8, Gupta, Lin and McKeown 1998): a cell for every /24, and where longer prefixes lie in
 * it, a link to 256 cells of its own. Every cell knows the length of its prefix, so that prefixes come and go in any order.
 *
 * 64 MB, and 1 KB for each /24 that holds longer prefixes. A link is the number of a KB of memory.
 */
import { give, take } from '../store/blocks';
import { entryLimit, LINK, NO_ENTRY } from './entry';

const CELLS: usize = (1 << 24) * 4;
const GROUP: usize = 1024;
/** Groups are taken so many at a time. */
const GROUPS = 32;

@unmanaged
export class Direct {
  cells: usize;
  /** Groups that are free, linked by their first word. */
  free: usize;
  /** The latest slab; each has the one before it in its first word. */
  slab: usize;
}

const SLAB_BYTES: usize = GROUP * (GROUPS + 1);

/** An empty table; false where the memory is used up. */
export function directInit(direct: Direct): bool {
  memory.fill(changetype<usize>(direct), 0, offsetof<Direct>());
  direct.cells = take(CELLS);
  return direct.cells != 0;
}

export function directBytes(direct: Direct): usize {
  let bytes = CELLS;
  for (let slab = direct.slab; slab != 0; slab = <usize>load<u32>(slab)) bytes += SLAB_BYTES;
  return bytes;
}

export function directFree(direct: Direct): void {
  while (direct.slab != 0) {
    const slab = direct.slab;
    direct.slab = <usize>load<u32>(slab);
    give(slab, SLAB_BYTES);
  }
  give(direct.cells, CELLS);
  direct.cells = 0;
}

@inline
function entryOf(cells: usize, address: u32): u32 {
  const entry = load<u32>(cells + (<usize>(address >> 8) << 2));
  return entry < LINK ? entry : load<u32>(cellOf(entry, address));
}

export function directFind(direct: Direct, address: u32): u32 {
  return entryOf(direct.cells, address);
}

/** Looks up `count` addresses, a u32 each, writing an entry for each. */
export function directFindAll(direct: Direct, keys: usize, count: u32, entries: usize): void {
  const cells = direct.cells;
  const end = keys + (<usize>count << 2);
  for (; keys + 16 <= end; keys += 16, entries += 16) {
    store<u32>(entries, entryOf(cells, load<u32>(keys)));
    store<u32>(entries, entryOf(cells, load<u32>(keys, 4)), 4);
    store<u32>(entries, entryOf(cells, load<u32>(keys, 8)), 8);
    store<u32>(entries, entryOf(cells, load<u32>(keys, 12)), 12);
  }
  for (; keys < end; keys += 4, entries += 4) store<u32>(entries, entryOf(cells, load<u32>(keys)));
}

/** The cells behind a link. The shift drops what makes it a link. */
@inline
function groupOf(link: u32): usize {
  return <usize>(link << 10);
}

@inline
function cellOf(link: u32, address: u32): usize {
  return groupOf(link) + (<usize>(address & 255) << 2);
}

function takeSlab(direct: Direct): bool {
  const slab = take(SLAB_BYTES);
  if (slab == 0) return false;
  store<u32>(slab, <u32>direct.slab);
  direct.slab = slab;
  // The slab's own word stands before the first KB.
  const first = (slab + GROUP) & ~(GROUP - 1);
  for (let i = GROUPS - 1; i >= 0; i--) {
    const group = first + <usize>i * GROUP;
    store<u32>(group, <u32>direct.free);
    direct.free = group;
  }
  return true;
}

function splitCell(direct: Direct, cell: usize): bool {
  if (direct.free == 0 && !takeSlab(direct)) return false;
  const group = direct.free;
  direct.free = <usize>load<u32>(group);
  fillCells(group, GROUP, load<u32>(cell));
  store<u32>(cell, LINK | <u32>(group >> 10));
  return true;
}

@inline
function fillCells(cells: usize, bytes: usize, entry: u32): void {
  const all = i32x4.splat(entry);
  for (const end = cells + bytes; cells < end; cells += 16) v128.store(cells, all);
}

/** Gives `entry` to the cells whose prefix is not longer than its own (`limit`). */
function cover(cells: usize, count: u32, entry: u32, limit: u32): void {
  for (const end = cells + (<usize>count << 2); cells < end; cells += 4) {
    const old = load<u32>(cells);
    if (old < limit) store<u32>(cells, entry);
    else if (old >= LINK) cover(groupOf(old), 256, entry, limit);
  }
}

/** Adds a prefix, or gives it another value; false where the memory is used up. */
export function directSet(direct: Direct, address: u32, length: u32, entry: u32): bool {
  const limit = entryLimit(length);
  const cell = direct.cells + (<usize>(address >> 8) << 2);
  if (length <= 24) {
    cover(cell, 1 << (24 - length), entry, limit);
    return true;
  }
  if (load<u32>(cell) < LINK && !splitCell(direct, cell)) return false;
  cover(cellOf(load<u32>(cell), address), 1 << (32 - length), entry, limit);
  return true;
}

/** Gives the cells of one prefix to the next shorter one. */
function uncover(cells: usize, count: u32, entry: u32, shorter: u32): void {
  for (const end = cells + (<usize>count << 2); cells < end; cells += 4) {
    const old = load<u32>(cells);
    if (old == entry) store<u32>(cells, shorter);
    else if (old >= LINK) uncover(groupOf(old), 256, entry, shorter);
  }
}

/** A group without prefixes longer than 24 becomes one cell again. */
function joinCell(direct: Direct, cell: usize): void {
  const group = groupOf(load<u32>(cell));
  const limit = entryLimit(24);
  for (let i: usize = 0; i < GROUP; i += 4) if (load<u32>(group + i) >= limit) return;
  store<u32>(cell, load<u32>(group));
  store<u32>(group, <u32>direct.free);
  direct.free = group;
}

/** Removes a prefix whose entry is `entry`; `shorter` is that of the longest one that covers it, or `NO_ENTRY`. */
export function directDelete(direct: Direct, address: u32, length: u32, entry: u32, shorter: u32): void {
  const cell = direct.cells + (<usize>(address >> 8) << 2);
  if (length <= 24) {
    uncover(cell, 1 << (24 - length), entry, shorter);
    return;
  }
  assert(load<u32>(cell) >= LINK && entry != NO_ENTRY);
  uncover(cellOf(load<u32>(cell), address), 1 << (32 - length), entry, shorter);
  joinCell(direct, cell);
}
