import { HASH_A, HASH_B, HASH_C, spread } from '../store/hash';
import { lengthOf } from './entry';

/** A prefix in the hash table of all prefixes of a map: equal where address and length are. */
@unmanaged
export class PrefixSlot {
  hi: u64;
  lo: u64;
  entry: u32;
  reserved: u32;

  @inline
  hash(): u64 {
    const length = <u64>lengthOf(this.entry);
    return spread(this.hi * HASH_A + this.lo * HASH_B + length * HASH_C);
  }

  @inline
  equals(key: PrefixSlot): bool {
    return ((this.hi ^ key.hi) | (this.lo ^ key.lo) | <u64>((this.entry ^ key.entry) >> 24)) == 0;
  }

  @inline
  assign(other: PrefixSlot): void {
    this.hi = other.hi;
    this.lo = other.lo;
    this.entry = other.entry;
  }
}
