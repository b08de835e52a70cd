/** Names of interfaces as bytes, for tests with a trailing `+`. Symbol 0 is the empty name; 16 bytes each (IFNAMSIZ). */
let names: usize = 0;
let count: u32 = 0;

/** `at` holds 16 bytes for each symbol from 0 to `n - 1`. */
export function namesSet(at: usize, n: u32): void {
  names = at;
  count = n;
}

@inline
export function nameLow(symbol: u32): u64 {
  return symbol < count ? load<u64>(names + (<usize>symbol << 4)) : 0;
}

@inline
export function nameHigh(symbol: u32): u64 {
  return symbol < count ? load<u64>(names + (<usize>symbol << 4), 8) : 0;
}
