/**
 * Slots of flow tables: a tuple (layout/flow.ts) and what it stands for. IPv4 addresses take 4 bytes; what follows them is the same.
 *
 *   0       4       8          12      14      16     18      19        20      24
 *   | saddr | daddr | netns    | sport | dport | zone | family| protocol| value |
 *
 *   0            16           32       36      38      40     42      43        44      48
 *   | saddr      | daddr      | netns  | sport | dport | zone | family| protocol| value |
 */

// Odd, and without pattern: the digits of pi.
const A: u64 = 0x243f6a8885a308d3;
const B: u64 = 0x13198a2e03707345;
const C: u64 = 0xa4093822299f31d1;
const D: u64 = 0x082efa98ec4e6c89;
const E: u64 = 0x452821e638d01377;
const F: u64 = 0xbe5466cf34e90c6d;
const G: u64 = 0xc0ac29b7c97c50dd;

/** Spreads a sum of products over all bits. */
@inline
function spread(sum: u64): u64 {
  const x = (sum ^ (sum >> 32)) * G;
  return x ^ (x >> 32);
}

@unmanaged
export class Slot4 {
  addresses: u64;
  netnsPorts: u64;
  rest: u32;
  value: u32;

  @inline
  hash(): u64 {
    return spread(this.addresses * A + this.netnsPorts * B + this.rest * C);
  }

  @inline
  equals(key: Slot4): bool {
    return (
      ((this.addresses ^ key.addresses) | (this.netnsPorts ^ key.netnsPorts) | <u64>(this.rest ^ key.rest)) == 0
    );
  }

  @inline
  assign(other: Slot4): void {
    this.addresses = other.addresses;
    this.netnsPorts = other.netnsPorts;
    this.rest = other.rest;
    this.value = other.value;
  }
}

@unmanaged
export class Slot6 {
  saddrHi: u64;
  saddrLo: u64;
  daddrHi: u64;
  daddrLo: u64;
  netnsPorts: u64;
  rest: u32;
  value: u32;

  @inline
  hash(): u64 {
    return spread(
      this.saddrHi * A +
        this.saddrLo * B +
        this.daddrHi * C +
        this.daddrLo * D +
        this.netnsPorts * E +
        this.rest * F,
    );
  }

  @inline
  equals(key: Slot6): bool {
    const a = changetype<usize>(this);
    const b = changetype<usize>(key);
    const addresses = v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16)));
    const rest = (this.netnsPorts ^ key.netnsPorts) | <u64>(this.rest ^ key.rest);
    return !v128.any_true(addresses) && rest == 0;
  }

  @inline
  assign(other: Slot6): void {
    const to = changetype<usize>(this);
    const from = changetype<usize>(other);
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
  }
}
