/**
 * What a look-up yields: prefix length and value in one u32, so that the answer needs no second access.
 *
 *   31        24 23                       0
 *   | length + 1 | value                  |     0: no prefix covers the address
 *   | 255        | where the answer is    |     a link, inside the tables only
 */
export const NO_ENTRY: u32 = 0;
export const MAX_VALUE: u32 = 0xffffff;
/** Entries from here on are links. */
export const LINK: u32 = 0xff000000;

@inline
export function entryOf(length: u32, value: u32): u32 {
  return ((length + 1) << 24) | value;
}

@inline
export function lengthOf(entry: u32): i32 {
  return <i32>(entry >> 24) - 1;
}

@inline
export function valueOf(entry: u32): u32 {
  return entry & MAX_VALUE;
}

/** Every entry of a prefix this long or shorter is below. */
@inline
export function entryLimit(length: u32): u32 {
  return (length + 2) << 24;
}
