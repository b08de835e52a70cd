/**
 * Ordered multi-terminal binary decision diagrams (Bryant 1986; Fujita, McGeer, Yang 1997): one node tests one bit, every path tests bits in
 * the same order, and no two nodes are alike. So two diagrams of the same function are the same number, whatever way they were made.
 *
 * Why bits and not intervals, as firewalls' interval diagrams have, or lists of boxes: a chain is read rule by rule, and rule ten thousand
 * takes one address out of what nine thousand nine hundred left. In an interval diagram that copies a node of ten thousand entries, in a
 * list of boxes it asks every box; here it makes one path new and shares the rest. Masks (`0x4000/0x4000`, TCP flags, `10.0.0.1/255.0.0.255`)
 * and names of interfaces, which the kernel compares as masked bytes, are paths as well; so are tests that nobody can look into.
 * ARCHITECTURE.md has the figures.
 */

/** A diagram: the number of its first node. Equal numbers, equal functions. */
export type Diagram = number;

export const FALSE: Diagram = 0;
export const TRUE: Diagram = 1;

/** The variable of a leaf: behind all others. */
const LEAF = 0x7fffffff;
const NODES_MIN = 1 << 14;
const CACHE_MIN = 1 << 14;
const CACHE_MAX = 1 << 20;

/** The sets at hand need more memory than they may have. */
export class AlgebraLimitError extends Error {
  override readonly name = 'AlgebraLimitError';
}

/** Thrown through what is tried. */
class TooManySteps extends Error {}

export interface Diagrams {
  /** The leaf with this value. Values 0 and 1 are `FALSE` and `TRUE`. */
  leaf(value: number): Diagram;
  /** Undefined for a diagram that is no leaf. */
  leafValue(diagram: Diagram): number | undefined;
  /** `whole` where the variable is 1, `none` where it is 0. Both must test later variables only. */
  node(variable: number, none: Diagram, whole: Diagram): Diagram;
  /** Of the first node; larger than any variable for a leaf. */
  variableOf(diagram: Diagram): number;
  /** What is left where the first variable is 0, and where it is 1. */
  low(diagram: Diagram): Diagram;
  high(diagram: Diagram): Diagram;
  /** `then` where `test` holds, `otherwise` elsewhere. `test` has only the leaves `FALSE` and `TRUE`. */
  choose(test: Diagram, then: Diagram, otherwise: Diagram): Diagram;
  /** All diagrams of `parts`, joined in pairs: each bit is gone through about log(parts) times. */
  union(parts: readonly Diagram[]): Diagram;
  /** True where some value of the variables for which `hidden` holds makes it true. */
  exists(set: Diagram, hidden: (variable: number) => boolean): Diagram;
  /** Another leaf for each leaf. */
  mapLeaves(diagram: Diagram, to: (value: number) => Diagram): Diagram;
  /** Values of all leaves, in the order in which they are met. */
  leavesOf(diagram: Diagram): number[];
  /** What `make` makes; undefined where it takes more steps than these. May not be called within itself. */
  attempt(steps: number, make: () => Diagram): Diagram | undefined;
  /** Nodes of one diagram, leaves not counted. */
  sizeOf(diagram: Diagram): number;
  /** Nodes of all diagrams ever made here. */
  size(): number;
}

/** `maxNodes`: beyond it `AlgebraLimitError` is thrown. A node takes about 24 bytes. */
export function createDiagrams(maxNodes = 1 << 25): Diagrams {
  let capacity = NODES_MIN;
  let variables = new Int32Array(capacity);
  let lows = new Int32Array(capacity);
  let highs = new Int32Array(capacity);
  let count = 0;
  // Open addressing; 0 is free, since no inner node has number 0.
  let buckets = new Int32Array(capacity * 2);
  let bucketMask = buckets.length - 1;
  // Answers given before, each in the one place its question hashes to. Losing one costs time only.
  let cache = new Int32Array(CACHE_MIN * 4);
  let cacheMask = CACHE_MIN - 1;

  const hash = (a: number, b: number, c: number): number => {
    let h = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b) ^ Math.imul(c, 0xc2b2ae35);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    return (h ^ (h >>> 13)) >>> 0;
  };

  /** While something is tried: as many steps are left. */
  let steps = Number.POSITIVE_INFINITY;

  function grow(): void {
    if (capacity >= maxNodes) throw new AlgebraLimitError(`more than ${maxNodes} nodes are needed`);
    capacity *= 2;
    const wider = (old: Int32Array): Int32Array<ArrayBuffer> => {
      const made = new Int32Array(capacity);
      made.set(old);
      return made;
    };
    variables = wider(variables);
    lows = wider(lows);
    highs = wider(highs);
    buckets = new Int32Array(capacity * 2);
    bucketMask = buckets.length - 1;
    for (let node = 2; node < count; node++) {
      let at = hash(variables[node] as number, lows[node] as number, highs[node] as number) & bucketMask;
      while (buckets[at] !== 0) at = (at + 1) & bucketMask;
      buckets[at] = node;
    }
    if (cacheMask + 1 < CACHE_MAX && cacheMask + 1 < capacity) {
      cache = new Int32Array((cacheMask + 1) * 8);
      cacheMask = cache.length / 4 - 1;
    }
  }

  function intern(variable: number, none: number, whole: number): Diagram {
    let at = hash(variable, none, whole) & bucketMask;
    for (let node = buckets[at] as number; node !== 0; node = buckets[at] as number) {
      if (variables[node] === variable && lows[node] === none && highs[node] === whole) return node;
      at = (at + 1) & bucketMask;
    }
    if (count === capacity) {
      grow();
      return intern(variable, none, whole);
    }
    variables[count] = variable;
    lows[count] = none;
    highs[count] = whole;
    buckets[at] = count;
    return count++;
  }

  const variableOf = (diagram: Diagram): number => variables[diagram] as number;
  const low = (diagram: Diagram): Diagram => lows[diagram] as number;
  const high = (diagram: Diagram): Diagram => highs[diagram] as number;
  const node = (variable: number, none: Diagram, whole: Diagram): Diagram =>
    none === whole ? none : intern(variable, none, whole);

  for (const value of [0, 1]) {
    variables[count] = LEAF;
    lows[count] = value;
    highs[count++] = 0;
  }

  function choose(test: Diagram, then: Diagram, otherwise: Diagram): Diagram {
    if (test === FALSE) return otherwise;
    if (test === TRUE || then === otherwise) return then;
    if (then === TRUE && otherwise === FALSE) return test;
    // The question with fewer parts: what is asked once more under `test` is known there.
    if (then === test) return choose(test, TRUE, otherwise);
    if (otherwise === test) return choose(test, then, FALSE);
    const slot = (hash(test, then, otherwise) & cacheMask) << 2;
    if (cache[slot] === test && cache[slot + 1] === then && cache[slot + 2] === otherwise)
      return cache[slot + 3] as number;
    if (--steps < 0) throw new TooManySteps();
    const a = variables[test] as number;
    const b = variables[then] as number;
    const c = variables[otherwise] as number;
    const first = Math.min(a, b, c);
    const inTest = a === first;
    const inThen = b === first;
    const inOtherwise = c === first;
    const none = choose(
      inTest ? (lows[test] as number) : test,
      inThen ? (lows[then] as number) : then,
      inOtherwise ? (lows[otherwise] as number) : otherwise,
    );
    const whole = choose(
      inTest ? (highs[test] as number) : test,
      inThen ? (highs[then] as number) : then,
      inOtherwise ? (highs[otherwise] as number) : otherwise,
    );
    const made = none === whole ? none : intern(first, none, whole);
    // The cache may have grown meanwhile.
    const place = (hash(test, then, otherwise) & cacheMask) << 2;
    cache[place] = test;
    cache[place + 1] = then;
    cache[place + 2] = otherwise;
    cache[place + 3] = made;
    return made;
  }

  function union(parts: readonly Diagram[]): Diagram {
    let level = [...parts];
    while (level.length > 1) {
      const next: Diagram[] = [];
      for (let i = 0; i < level.length; i += 2) next.push(choose(level[i] as number, TRUE, level[i + 1] ?? FALSE));
      level = next;
    }
    return level[0] ?? FALSE;
  }

  function exists(set: Diagram, hidden: (variable: number) => boolean): Diagram {
    const known = new Map<Diagram, Diagram>();
    const visit = (at: Diagram): Diagram => {
      if (at === FALSE || at === TRUE) return at;
      const before = known.get(at);
      if (before !== undefined) return before;
      const none = visit(low(at));
      const whole = visit(high(at));
      const variable = variableOf(at);
      const made = hidden(variable) ? choose(none, TRUE, whole) : node(variable, none, whole);
      known.set(at, made);
      return made;
    };
    return visit(set);
  }

  function mapLeaves(diagram: Diagram, to: (value: number) => Diagram): Diagram {
    const known = new Map<Diagram, Diagram>();
    const visit = (at: Diagram): Diagram => {
      const before = known.get(at);
      if (before !== undefined) return before;
      const variable = variableOf(at);
      const made = variable === LEAF ? to(low(at)) : node(variable, visit(low(at)), visit(high(at)));
      known.set(at, made);
      return made;
    };
    return visit(diagram);
  }

  /** Every node once, leaves too. */
  function eachNode(diagram: Diagram, see: (node: Diagram) => void): void {
    const seen = new Set<Diagram>([diagram]);
    const waiting = [diagram];
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      see(at);
      if (variableOf(at) === LEAF) continue;
      for (const child of [high(at), low(at)]) {
        if (seen.has(child)) continue;
        seen.add(child);
        waiting.push(child);
      }
    }
  }

  return {
    leaf: (value) => (value < 2 ? value : intern(LEAF, value, 0)),
    leafValue: (diagram) => (variableOf(diagram) === LEAF ? low(diagram) : undefined),
    node,
    variableOf,
    low,
    high,
    choose,
    union,
    exists,
    mapLeaves,
    leavesOf(diagram) {
      const values: number[] = [];
      eachNode(diagram, (at) => {
        if (variableOf(at) === LEAF) values.push(low(at));
      });
      return values;
    },
    attempt(most, make) {
      steps = most;
      try {
        return make();
      } catch (error) {
        if (error instanceof TooManySteps) return undefined;
        throw error;
      } finally {
        steps = Number.POSITIVE_INFINITY;
      }
    },
    sizeOf(diagram) {
      let size = 0;
      eachNode(diagram, (at) => {
        if (variableOf(at) !== LEAF) size++;
      });
      return size;
    },
    size: () => count,
  };
}
