/** Bob Jenkins' hash as NAT uses it to spread over addresses: jhash2 (include/linux/jhash.h). Words as a little-endian CPU sees them. */

const rol = (word: number, by: number) => ((word << by) | (word >>> (32 - by))) >>> 0;
const INITIAL = 0xdeadbeef;

/** Network to host order. */
export const swap32 = (word: number): number =>
  ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;

/** `(hash * range) >> 32`. */
export const reciprocalScale = (hash: number, range: number): number => Number((BigInt(hash) * BigInt(range)) >> 32n);

/** `bytes`: how many of the last word's count, where it is not full (jhash instead of jhash2). */
export function jhash2(words: readonly number[], seed: number, bytes = words.length * 4): number {
  let a = (INITIAL + bytes + seed) >>> 0;
  let b = a;
  let c = a;
  let at = 0;
  const word = (offset: number) => words[at + offset] ?? 0;
  for (; words.length - at > 3; at += 3) {
    a = (a + word(0)) >>> 0;
    b = (b + word(1)) >>> 0;
    c = (c + word(2)) >>> 0;
    a = ((a - c) >>> 0) ^ rol(c, 4);
    c = (c + b) >>> 0;
    b = ((b - a) >>> 0) ^ rol(a, 6);
    a = (a + c) >>> 0;
    c = ((c - b) >>> 0) ^ rol(b, 8);
    b = (b + a) >>> 0;
    a = ((a - c) >>> 0) ^ rol(c, 16);
    c = (c + b) >>> 0;
    b = ((b - a) >>> 0) ^ rol(a, 19);
    a = (a + c) >>> 0;
    c = ((c - b) >>> 0) ^ rol(b, 4);
    b = (b + a) >>> 0;
  }
  const left = words.length - at;
  if (left === 0) return c >>> 0;
  if (left >= 3) c = (c + word(2)) >>> 0;
  if (left >= 2) b = (b + word(1)) >>> 0;
  a = (a + word(0)) >>> 0;
  c = ((c ^ b) - rol(b, 14)) >>> 0;
  a = ((a ^ c) - rol(c, 11)) >>> 0;
  b = ((b ^ a) - rol(a, 25)) >>> 0;
  c = ((c ^ b) - rol(b, 16)) >>> 0;
  a = ((a ^ c) - rol(c, 4)) >>> 0;
  b = ((b ^ a) - rol(a, 14)) >>> 0;
  c = ((c ^ b) - rol(b, 24)) >>> 0;
  return c;
}
