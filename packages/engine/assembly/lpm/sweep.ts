/**
 * From nested prefixes to disjoint intervals: one pass over sorted prefixes with a stack of those that are open. An interval begins
 * where a prefix begins, and behind the last address of one, where the next shorter prefix that covers it goes on.
 */
import { boundAt, setBound } from './bound';
import { lengthOf, NO_ENTRY } from './entry';
import { hostHi, hostLo } from './prefix';

/** Open prefixes, the longest on top: last address and entry of each. There is one of each length at most. */
const STACK: usize = memory.data(130 * 24, 8);

let out: usize = 0;
let count: u32 = 0;

function emit(hi: u64, lo: u64, entry: u32): void {
  if (count != 0) {
    const last = boundAt(out, count - 1);
    if (last.hi == hi && last.lo == lo) {
      // Nothing lies between; and the interval before may go on.
      if (count > 1 && boundAt(out, count - 2).entry == entry) count--;
      else last.entry = entry;
      return;
    }
    if (last.entry == entry) return;
  }
  setBound(out, count, hi, lo, entry);
  count++;
}

/**
 * Writes the intervals of `prefixes` (sorted, distinct) to `intervals`, which has room for twice as many and one; returns how many. The
 * first begins at 0. Neighbours with equal entries are one.
 */
export function sweep(prefixes: usize, prefixCount: u32, intervals: usize, family: u32): u32 {
  out = intervals;
  count = 0;
  emit(0, 0, NO_ENTRY);
  const end = family == 4 ? <u64>0xffffffff : ~(<u64>0);
  let depth: u32 = 0;
  for (let i: u32 = 0; i <= prefixCount; i++) {
    const next = boundAt(prefixes, i);
    while (depth > 0) {
      const open = boundAt(STACK, depth - 1);
      if (i < prefixCount && (next.hi < open.hi || (next.hi == open.hi && next.lo <= open.lo))) break;
      depth--;
      const isLast = open.lo == end && (family == 4 || open.hi == end);
      if (isLast) continue;
      const lo = open.lo + 1;
      emit(open.hi + (lo == 0 ? 1 : 0), lo, depth > 0 ? boundAt(STACK, depth - 1).entry : NO_ENTRY);
    }
    if (i == prefixCount) break;
    emit(next.hi, next.lo, next.entry);
    const length = <u32>lengthOf(next.entry);
    setBound(STACK, depth, next.hi | hostHi(family, length), next.lo | hostLo(family, length), next.entry);
    depth++;
  }
  return count;
}
