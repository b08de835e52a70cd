/** The value that a selector gave last. */
export let valueHi: u64 = 0;
export let valueLo: u64 = 0;

@inline
export function give(hi: u64, lo: u64): bool {
  valueHi = hi;
  valueLo = lo;
  return true;
}

/** A number. */
@inline
export function giveNumber(lo: u64): bool {
  return give(0, lo);
}
