/** Seeded random numbers: the same seed makes the same network and packets anywhere (splitmix32). */

export interface Random {
  /** An integer from 0 below `limit`. */
  below(limit: number): number;
  /** True `times` in `of`. */
  chance(times: number, of: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Some of the items, in their order. */
  some<T>(items: readonly T[], times: number, of: number): T[];
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const below = (limit: number) => next() % limit;
  return {
    below,
    chance: (times, of) => below(of) < times,
    pick: (items) => {
      if (items.length === 0) throw new RangeError('nothing to pick from');
      return items[below(items.length)] as (typeof items)[number];
    },
    some: (items, times, of) => items.filter(() => below(of) < times),
  };
}

/** A seed for the n-th part of a run. */
export const partSeed = (seed: number, part: number): number =>
  (Math.imul(seed ^ (part * 0x9e3779b1), 0x85ebca6b) ^ part) >>> 0;
