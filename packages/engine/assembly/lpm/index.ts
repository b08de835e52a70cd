/** Prefix maps, as the host calls them: addresses in four words, the most significant first, IPv4 in the last; entries as in `entry.ts`. */
import { STAGE_IN, STAGE_OUT } from '../store/stage';
import {
  PrefixMap,
  prefixMapBytes,
  prefixMapDelete,
  prefixMapFind,
  prefixMapFindAll,
  prefixMapGet,
  prefixMapNew,
  prefixMapReserve,
  prefixMapSet,
  prefixMapShorter,
  prefixMapSize,
} from './map';
import { half, hostHi, hostLo } from './prefix';

@inline
function mapAt(map: usize): PrefixMap {
  return changetype<PrefixMap>(map);
}

@inline
function join(high: u32, low: u32): u64 {
  return (<u64>high << 32) | <u64>low;
}

/** A new map, 0 where the memory is used up. IPv4 maps change to 64 MB of direct cells at `directFrom` prefixes. */
export function prefixesNew(family: u32, directFrom: u32): usize {
  return changetype<usize>(prefixMapNew(family, directFrom));
}

/** Adds or changes `count` prefixes, staged as six words each: address, length, value. False where the memory is used up. */
export function prefixesSet(map: usize, count: u32): bool {
  const family = <u32>mapAt(map).family;
  for (let i: u32 = 0; i < count; i++) {
    const record = STAGE_IN + <usize>i * 24;
    const length = load<u32>(record, 16);
    const hi = half(record) & ~hostHi(family, length);
    const lo = half(record + 8) & ~hostLo(family, length);
    if (!prefixMapSet(mapAt(map), hi, lo, length, load<u32>(record, 20))) return false;
  }
  return true;
}

/** Room for `count` prefixes in all; does nothing for a map with contents. */
export function prefixesReserve(map: usize, count: u32): bool {
  return prefixMapReserve(mapAt(map), count);
}

export function prefixesDelete(map: usize, a: u32, b: u32, c: u32, d: u32, length: u32): bool {
  return prefixMapDelete(mapAt(map), join(a, b), join(c, d), length);
}

export function prefixesGet(map: usize, a: u32, b: u32, c: u32, d: u32, length: u32): u32 {
  return prefixMapGet(mapAt(map), join(a, b), join(c, d), length);
}

export function prefixesFind(map: usize, a: u32, b: u32, c: u32, d: u32): u32 {
  return prefixMapFind(mapAt(map), join(a, b), join(c, d));
}

export function prefixesShorter(map: usize, a: u32, b: u32, c: u32, d: u32, length: u32): u32 {
  return prefixMapShorter(mapAt(map), join(a, b), join(c, d), length);
}

/** Looks up the staged addresses (one word each for IPv4, four for IPv6). */
export function prefixesFindStaged(map: usize, count: u32): bool {
  return prefixMapFindAll(mapAt(map), STAGE_IN, count, STAGE_OUT);
}

export function prefixesSize(map: usize): u32 {
  return prefixMapSize(mapAt(map));
}

export function prefixesBytes(map: usize): usize {
  return prefixMapBytes(mapAt(map));
}
