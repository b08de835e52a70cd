/** Mixes of 64-bit words for hash tables (multiply and fold, after wyhash's idea). */

@inline
export function mix(a: u64, b: u64): u64 {
  let x = (a ^ 0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9;
  x ^= x >> 32;
  x = (x + b) * 0x94d049bb133111eb;
  return x ^ (x >> 29);
}

@inline
export function fold(x: u64): u32 {
  return <u32>(x ^ (x >> 32));
}

/** The power of two that is at least `n` and at least 4. */
export function roundUp(n: u32): u32 {
  let size: u32 = 4;
  while (size < n) size <<= 1;
  return size;
}
