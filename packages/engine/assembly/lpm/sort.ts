/** Orders prefixes by first address, then length: radix sort by bytes, skipping bytes that are the same in all. */
import { give, take } from '../store/blocks';
import { BOUND, before, boundAt } from './bound';

/** Bytes of a bound from the least to the most significant: the length, `lo`, `hi`. */
const DIGITS: u32 = 17;
const COUNTS: usize = memory.data(17 * 256 * 4, 16);
/** Up to so many are sorted by insertion. */
const FEW: u32 = 48;

@inline
function offsetOf(digit: u32): usize {
  // `hi` at 0, `lo` at 8, the length in the top byte of `entry` at 16.
  return digit == 0 ? 19 : digit <= 8 ? 7 + digit : digit - 9;
}

function isSorted(bounds: usize, count: u32): bool {
  for (let i: u32 = 1; i < count; i++) if (before(boundAt(bounds, i), boundAt(bounds, i - 1))) return false;
  return true;
}

const HELD: usize = memory.data(24, 8);

function sortFew(bounds: usize, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    memory.copy(HELD, bounds + <usize>i * BOUND, BOUND);
    let j = i;
    while (j > 0 && before(boundAt(HELD, 0), boundAt(bounds, j - 1))) j--;
    memory.copy(bounds + <usize>(j + 1) * BOUND, bounds + <usize>j * BOUND, <usize>(i - j) * BOUND);
    memory.copy(bounds + <usize>j * BOUND, HELD, BOUND);
  }
}

function countDigits(bounds: usize, count: u32): void {
  memory.fill(COUNTS, 0, DIGITS * 1024);
  for (let i: u32 = 0; i < count; i++) {
    const bound = bounds + <usize>i * BOUND;
    for (let digit: u32 = 0; digit < DIGITS; digit++) {
      const cell = COUNTS + <usize>(digit << 10) + (<usize>load<u8>(bound + offsetOf(digit)) << 2);
      store<u32>(cell, load<u32>(cell) + 1);
    }
  }
}

/** Turns the counts of a digit into first places; false where all bounds have the same one. */
function placesOf(digit: u32, count: u32): bool {
  const counts = COUNTS + <usize>(digit << 10);
  let sum: u32 = 0;
  for (let i: usize = 0; i < 1024; i += 4) {
    const n = load<u32>(counts + i);
    if (n == count) return false;
    store<u32>(counts + i, sum);
    sum += n;
  }
  return true;
}

function scatter(from: usize, to: usize, count: u32, digit: u32): void {
  const places = COUNTS + <usize>(digit << 10);
  const offset = offsetOf(digit);
  for (const end = from + <usize>count * BOUND; from < end; from += BOUND) {
    const cell = places + (<usize>load<u8>(from + offset) << 2);
    const place = load<u32>(cell);
    store<u32>(cell, place + 1);
    const target = to + <usize>place * BOUND;
    v128.store(target, v128.load(from));
    store<u64>(target, load<u64>(from, 16), 16);
  }
}

/** Sorts in place; false where the memory is used up. */
export function sortBounds(bounds: usize, count: u32): bool {
  if (count <= FEW) {
    sortFew(bounds, count);
    return true;
  }
  if (isSorted(bounds, count)) return true;
  const bytes = <usize>count * BOUND;
  const spare = take(bytes);
  if (spare == 0) return false;
  countDigits(bounds, count);
  let from = bounds;
  let to = spare;
  for (let digit: u32 = 0; digit < DIGITS; digit++) {
    if (!placesOf(digit, count)) continue;
    scatter(from, to, count, digit);
    const swap = from;
    from = to;
    to = swap;
  }
  if (from != bounds) memory.copy(bounds, from, bytes);
  give(spare, bytes);
  return true;
}
