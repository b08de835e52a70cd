import { entryOf } from './entry';

/**
 * An address and an entry: a prefix (its first address) before `sweep`, the start of an interval after it. IPv4 stands in the low 32
 * bits of `lo`.
 */
@unmanaged
export class Bound {
  hi: u64;
  lo: u64;
  entry: u32;
  reserved: u32;
}

export const BOUND: usize = offsetof<Bound>();

@inline
export function boundAt(bounds: usize, i: u32): Bound {
  return changetype<Bound>(bounds + <usize>i * BOUND);
}

@inline
export function setBound(bounds: usize, i: u32, hi: u64, lo: u64, entry: u32): void {
  const bound = boundAt(bounds, i);
  bound.hi = hi;
  bound.lo = lo;
  bound.entry = entry;
}

/** Writes the prefix number `i`; host bits are 0. */
@inline
export function setPrefix(bounds: usize, i: u32, hi: u64, lo: u64, length: u32, value: u32): void {
  setBound(bounds, i, hi, lo, entryOf(length, value));
}

/** True if prefix `a` comes before `b`: by first address, the shorter (covering) one first. */
@inline
export function before(a: Bound, b: Bound): bool {
  if (a.hi != b.hi) return a.hi < b.hi;
  if (a.lo != b.lo) return a.lo < b.lo;
  return a.entry >> 24 < b.entry >> 24;
}
