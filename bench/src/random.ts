/** Seeded pseudo-random numbers and skewed choices, so that a run can be repeated exactly. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  }

  /** 32 random bits (xorshift32, Marsaglia 2003). */
  word(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** From 0 to 1, 1 excluded. */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** An integer from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** The numbers from 0 to `count` - 1 in random order. */
  permutation(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = order[i] as number;
      order[i] = order[j] as number;
      order[j] = held;
    }
    return order;
  }
}

/** Draws numbers below `count` with Zipf's law (s = 1): the k-th favourite comes k times less often than the first. */
export class Zipf {
  readonly #sums: Float64Array;
  readonly #favourites: Uint32Array;
  readonly #random: Random;

  constructor(count: number, random: Random) {
    this.#random = random;
    this.#favourites = random.permutation(count);
    this.#sums = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += 1 / (i + 1);
      this.#sums[i] = sum;
    }
  }

  next(): number {
    const sums = this.#sums;
    const wanted = this.#random.fraction() * (sums[sums.length - 1] as number);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return this.#favourites[low] as number;
  }
}
