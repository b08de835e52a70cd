/** What a chain does with a packet, as leaves of its diagram. */
import type { Diagram, Diagrams } from './diagram.ts';
import { andThen, type Effect, NOTHING } from './effect.ts';

/**
 * `return`: back to whoever called the chain, or its policy. `nat`: accepted, with a translation. `forward`: out of a device at once.
 * `unknown`: a target that nobody here knows.
 */
export type OutcomeVerdict = 'accept' | 'drop' | 'reject' | 'nat' | 'forward' | 'return' | 'unknown';

export interface Outcome {
  verdict: OutcomeVerdict;
  /** How: what it is rejected with, translated to, the target that is not known. Empty for a plain verdict. */
  text: string;
  /** Done on the way. */
  effect: Effect;
}

/** Leaf values 0 and 1 are taken by sets. */
const FIRST_VALUE = 2;

export class Outcomes {
  readonly #diagrams: Diagrams;
  readonly #all: Outcome[] = [];
  readonly #byKey = new Map<string, number>();

  constructor(diagrams: Diagrams) {
    this.#diagrams = diagrams;
  }

  /** The same outcome, the same leaf. */
  leaf(verdict: OutcomeVerdict, text = '', effect: Effect = NOTHING): Diagram {
    const key = JSON.stringify([verdict, text, effect.key]);
    let at = this.#byKey.get(key);
    if (at === undefined) {
      at = this.#all.push({ verdict, text, effect }) - 1;
      this.#byKey.set(key, at);
    }
    return this.#diagrams.leaf(FIRST_VALUE + at);
  }

  /** Undefined for the values that sets have. */
  of(value: number): Outcome | undefined {
    return this.#all[value - FIRST_VALUE];
  }

  /** The same end after one more thing was done before. Values of sets stay. */
  after(first: Effect, value: number): Diagram {
    const outcome = this.of(value);
    if (!outcome) return this.#diagrams.leaf(value);
    return this.leaf(outcome.verdict, outcome.text, andThen(first, outcome.effect));
  }
}
