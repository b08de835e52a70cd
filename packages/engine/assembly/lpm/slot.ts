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
    const x = this.hi * 0x243f6a8885a308d3 + this.lo * 0x13198a2e03707345 + length * 0xa4093822299f31d1;
    const y = (x ^ (x >> 32)) * 0xc0ac29b7c97c50dd;
    return y ^ (y >> 32);
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
