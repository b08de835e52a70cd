/** Bob Jenkins' hash of bytes, as the kernel has it (linux/jhash.h:jhash()), on a little-endian machine. */

const INITIAL: u32 = 0xdeadbeef;

/** `at` holds `length` bytes, and zeros behind them up to the next 12. */
export function jhash(at: usize, length: u32, seed: u32): u32 {
  let a = INITIAL + length + seed;
  let b = a;
  let c = a;
  let left = length;
  while (left > 12) {
    a += load<u32>(at);
    b += load<u32>(at, 4);
    c += load<u32>(at, 8);
    a = (a - c) ^ rotl<u32>(c, 4);
    c += b;
    b = (b - a) ^ rotl<u32>(a, 6);
    a += c;
    c = (c - b) ^ rotl<u32>(b, 8);
    b += a;
    a = (a - c) ^ rotl<u32>(c, 16);
    c += b;
    b = (b - a) ^ rotl<u32>(a, 19);
    a += c;
    c = (c - b) ^ rotl<u32>(b, 4);
    b += a;
    at += 12;
    left -= 12;
  }
  if (left == 0) return c;
  a += load<u32>(at);
  b += load<u32>(at, 4);
  c += load<u32>(at, 8);
  c = (c ^ b) - rotl<u32>(b, 14);
  a = (a ^ c) - rotl<u32>(c, 11);
  b = (b ^ a) - rotl<u32>(a, 25);
  c = (c ^ b) - rotl<u32>(b, 16);
  a = (a ^ c) - rotl<u32>(c, 4);
  b = (b ^ a) - rotl<u32>(a, 14);
  return (c ^ b) - rotl<u32>(b, 24);
}

/** reciprocal_scale(): a hash as a number below `range`. */
@inline
export function scale(hash: u32, range: u32): u32 {
  return <u32>((<u64>hash * <u64>range) >> 32);
}
