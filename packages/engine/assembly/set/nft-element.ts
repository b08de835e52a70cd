/** Elements of nftables' sets: where their values stand, and whether a key is theirs. */
import { now } from '../core/clock';
import { fold, mix } from '../core/hash';
import { nameHigh, nameLow } from '../core/names';
import { Value } from '../layout/nft';
import { NftElement, NftSet } from '../layout/nft-set';

const VALUE: usize = offsetof<Value>();
export const FOREVER: u64 = u64.MAX_VALUE;

/** The first value of a component. */
@inline
export function keyFrom(element: NftElement, i: u32): Value {
  return changetype<Value>(changetype<usize>(element) + offsetof<NftElement>() + <usize>i * VALUE);
}

/** The last value of a component. */
@inline
export function keyTo(element: NftElement, components: u32, i: u32): Value {
  return keyFrom(element, element.ranged ? components + i : i);
}

/** The first value of one part of what a map's element leads to. */
@inline
export function dataFrom(set: NftSet, element: NftElement, i: u32): Value {
  return keyFrom(element, (element.ranged ? 2 * set.components : set.components) + i);
}

@inline
export function dataTo(set: NftSet, element: NftElement, i: u32): Value {
  return dataFrom(set, element, set.dataRanges ? set.parts + i : i);
}

@inline
export function valueAt(values: usize, i: u32): Value {
  return changetype<Value>(values + <usize>i * VALUE);
}

@inline
export function isAlive(element: NftElement): bool {
  return now() < element.expires || element.expires == FOREVER;
}

@inline
export function atMost(a: Value, b: Value): bool {
  return a.hi != b.hi ? a.hi < b.hi : a.lo <= b.lo;
}

/** True if the bytes of an interface's name are those of a pattern under its mask. */
@inline
export function nameFits(symbol: u64, from: Value, mask: Value): bool {
  return (((nameLow(<u32>symbol) ^ from.hi) & mask.hi) | ((nameHigh(<u32>symbol) ^ from.lo) & mask.lo)) == 0;
}

export function hashKey(values: usize, components: u32): u32 {
  let hash: u64 = components;
  for (let i: u32 = 0; i < components; i++) {
    const value = valueAt(values, i);
    hash = mix(hash ^ value.lo, value.hi);
  }
  return fold(hash);
}

/** Is the key that of an element of single values? */
@inline
export function sameKey(element: NftElement, values: usize, components: u32): bool {
  for (let i: u32 = 0; i < components; i++) {
    const value = valueAt(values, i);
    const own = keyFrom(element, i);
    if (value.lo != own.lo || value.hi != own.hi) return false;
  }
  return true;
}

/** Is the key within an element of ranges and patterns? */
export function covers(element: NftElement, values: usize, components: u32): bool {
  for (let i: u32 = 0; i < components; i++) {
    const value = valueAt(values, i);
    const from = keyFrom(element, i);
    const to = keyTo(element, components, i);
    if ((<u32>element.wild & (1 << i)) != 0) {
      if (!nameFits(value.lo, from, to)) return false;
    } else if (!atMost(from, value) || !atMost(value, to)) return false;
  }
  return true;
}
