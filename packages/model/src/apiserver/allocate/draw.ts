/** In which order allocators try what is free: by the hash of a name where the real ones draw, so that one Service more does not move the others. */
import { hash32 } from '../../objects/drawn-names.ts';

/** Addresses that the allocator leaves to explicit requests as long as it can (pkg/registry/core/service/ipallocator, `calculateRangeOffset`). */
function lowerBand(size: number): number {
  return size < 32 ? 1 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
}

/** The same for node ports (portallocator, `calculateRangeOffset`). */
function lowerPorts(size: number): number {
  return size < 32 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

/** The upper band from a place that the seed says, then the lower one. */
function* drawn(low: number, count: number, seed: string): Generator<number> {
  const start = count > 0 ? hash32(seed) % count : 0;
  for (let i = 0; i < Math.min(count, 1 << 20); i++) yield low + ((start + i) % count);
  for (let i = 0; i < low; i++) yield i;
}

/** Offsets of addresses in a range of `size`; the network's own and the last one are nobody's. */
export function* addressOffsets(size: number, seed: string): Generator<number> {
  const low = lowerBand(size);
  for (const offset of drawn(low, Math.max(1, Math.min(2 ** 31, size) - low - 1), seed)) if (offset > 0) yield offset;
}

/** Node ports between two, both included. */
export function* portsBetween(from: number, to: number, seed: string): Generator<number> {
  const size = to - from + 1;
  const low = lowerPorts(size);
  for (const offset of drawn(low, size - low, seed)) yield from + offset;
}
