/** Prefix arithmetic on 128 bits, IPv4 in the low 32 of them. */

/** Bits of the address that a prefix leaves open. */
@inline
export function hostHi(family: u32, length: u32): u64 {
  return family == 4 || length >= 64 ? 0 : ~(<u64>0) >> length;
}

@inline
export function hostLo(family: u32, length: u32): u64 {
  if (family == 4) return <u64>0xffffffff >> length;
  return length <= 64 ? ~(<u64>0) : length == 128 ? 0 : ~(<u64>0) >> (length - 64);
}

/** A half address from two words, the more significant one first. */
@inline
export function half(words: usize): u64 {
  return rotl(load<u64>(words), 32);
}
