/** Sums of products that are spread over all bits: words are multiplied side by side, so that none waits for another. */

// Odd, and without pattern: the digits of pi.
export const HASH_A: u64 = 0x243f6a8885a308d3;
export const HASH_B: u64 = 0x13198a2e03707345;
export const HASH_C: u64 = 0xa4093822299f31d1;
export const HASH_D: u64 = 0x082efa98ec4e6c89;
export const HASH_E: u64 = 0x452821e638d01377;
export const HASH_F: u64 = 0xbe5466cf34e90c6d;
const LAST: u64 = 0xc0ac29b7c97c50dd;

/** Every bit of a sum of products in every bit of the hash. */
@inline
export function spread(sum: u64): u64 {
  const x = (sum ^ (sum >> 32)) * LAST;
  return x ^ (x >> 32);
}
