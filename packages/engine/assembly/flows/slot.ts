/**
 * Slots of flow tables: a tuple (layout/flow.ts) and what it stands for. IPv4 addresses take 4 bytes; what follows them is the same.
 *
 *   0       4       8          12      14      16     18      19        20      24
 *   | saddr | daddr | netns    | sport | dport | zone | family| protocol| value |
 *
 *   0            16           32       36      38      40     42      43        44      48
 *   | saddr      | daddr      | netns  | sport | dport | zone | family| protocol| value |
 */

import { HASH_A, HASH_B, HASH_C, HASH_D, HASH_E, HASH_F, spread } from '../store/hash';

@unmanaged
export class Slot4 {
  addresses: u64;
  netnsPorts: u64;
  rest: u32;
  value: u32;

  @inline
  hash(): u64 {
    return spread(this.addresses * HASH_A + this.netnsPorts * HASH_B + this.rest * HASH_C);
  }

  @inline
  equals(key: Slot4): bool {
    return (
      ((this.addresses ^ key.addresses) | (this.netnsPorts ^ key.netnsPorts) | <u64>(this.rest ^ key.rest)) == 0
    );
  }

  /** Takes the key, and the value in the same store as its end. */
  @inline
  put(key: Slot4, value: u32): void {
    v128.store(changetype<usize>(this), v128.load(changetype<usize>(key)));
    store<u64>(changetype<usize>(this), <u64>key.rest | (<u64>value << 32), 16);
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
      this.saddrHi * HASH_A +
        this.saddrLo * HASH_B +
        this.daddrHi * HASH_C +
        this.daddrLo * HASH_D +
        this.netnsPorts * HASH_E +
        this.rest * HASH_F,
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

  /** Takes the key, and the value in the same store as its end. */
  @inline
  put(key: Slot6, value: u32): void {
    const to = changetype<usize>(this);
    const from = changetype<usize>(key);
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    this.netnsPorts = key.netnsPorts;
    store<u64>(to, <u64>key.rest | (<u64>value << 32), 40);
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
