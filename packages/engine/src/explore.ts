/**
 * Choice is replayed, not rolled: runs the same question once for every way its choice points can fall, depth first, and weighs the
 * outcomes exactly. What has no weights stays open: a result then has a least and a most probability.
 */
import { addFractions, compareFractions, type Fraction, fraction, multiplyFractions, ONE, ZERO } from './fraction.ts';
import type { Machine } from './machine.ts';
import type { Choice } from './walk.ts';

/** One way it can go. */
export interface Branch<T> {
  /** Answers that lead here: `Machine.script(script)` repeats it. */
  script: number[];
  choices: Choice[];
  /** Product of the known weights: the probability, given the choices without weights on the way. */
  odds: Fraction;
  /** Choices on the way whose odds nobody knows. */
  open: Choice[];
  result: T;
}

export interface Exploration<T> {
  branches: Branch<T>[];
  /** More branches exist than were asked for. */
  truncated: boolean;
}

export interface ExploreOptions {
  /** Most branches to run; 4096 where absent. */
  limit?: number;
  /** Runs after each reset and before the script counts: traffic that went before. Its own choices take alternative 0. */
  prepare?: () => void;
}

const DEFAULT_LIMIT = 4096;

const weightOf = (choice: Choice): Fraction | undefined => {
  const { weights, taken } = choice;
  if (!weights) return undefined;
  return fraction(
    weights[taken] ?? 0,
    weights.reduce((sum, weight) => sum + weight, 0),
  );
};

/** The next alternative that can happen; undefined past the last. */
function nextAlternative({ weights, alternatives, taken }: Choice): number | undefined {
  for (let next = taken + 1; next < alternatives; next++) if (!weights || (weights[next] ?? 0) > 0) return next;
  return undefined;
}

/** The script of the next branch in depth-first order. */
function nextScript(choices: readonly Choice[]): number[] | undefined {
  for (let i = choices.length - 1; i >= 0; i--) {
    const next = nextAlternative(choices[i] as Choice);
    if (next !== undefined) return [...choices.slice(0, i).map((choice) => choice.taken), next];
  }
  return undefined;
}

/** `run` sends and answers packets from the state as loaded (after `prepare`); it must do the same for the same script. */
export function explore<T>(machine: Machine, run: () => T, options: ExploreOptions = {}): Exploration<T> {
  const limit = options.limit ?? DEFAULT_LIMIT;
  const branches: Branch<T>[] = [];
  let script: number[] | undefined = [];
  while (script) {
    if (branches.length >= limit) return { branches, truncated: true };
    machine.reset();
    options.prepare?.();
    machine.script(script);
    const result = run();
    const choices = machine.choices();
    const weights = choices.map(weightOf);
    const odds = weights.reduce<Fraction>(
      (product, weight) => (weight ? multiplyFractions(product, weight) : product),
      ONE,
    );
    // A first alternative that cannot happen is met because nothing was asked for yet.
    const possible = weights.every((weight) => !weight || weight.numerator > 0n);
    const open = choices.filter((choice) => !choice.weights);
    if (possible) branches.push({ script: choices.map((choice) => choice.taken), choices, odds, open, result });
    script = nextScript(choices);
  }
  return { branches, truncated: false };
}

/** Probability of one kind of result: exact where `least` equals `most`. */
export interface Odds {
  least: Fraction;
  most: Fraction;
}

type Tally = Map<string, Odds>;

const smaller = (a: Fraction, b: Fraction) => (compareFractions(a, b) <= 0 ? a : b);
const larger = (a: Fraction, b: Fraction) => (compareFractions(a, b) >= 0 ? a : b);
const NEVER: Odds = { least: ZERO, most: ZERO };

/** Known weights add up; open alternatives leave room between the smallest and the largest. */
function tallyAt<T>(
  branches: readonly Branch<T>[],
  depth: number,
  keyOf: (result: T) => string,
  whole: boolean,
): Tally {
  const first = branches[0] as Branch<T>;
  const choice = first.choices[depth];
  if (!choice) return new Map([[keyOf(first.result), { least: ONE, most: ONE }]]);
  const parts: { share: Fraction | undefined; tally: Tally }[] = [];
  for (let taken = 0; taken < choice.alternatives; taken++) {
    const under = branches.filter((branch) => branch.choices[depth]?.taken === taken);
    if (under.length === 0) continue;
    const share = weightOf({ ...choice, taken });
    parts.push({ share, tally: tallyAt(under, depth + 1, keyOf, whole) });
  }
  const keys = [...new Set(parts.flatMap(({ tally }) => [...tally.keys()]))];
  return new Map(keys.map((key) => [key, combine(parts, key, whole)]));
}

function combine(parts: readonly { share: Fraction | undefined; tally: Tally }[], key: string, whole: boolean): Odds {
  const of = (tally: Tally) => tally.get(key) ?? NEVER;
  if (parts.every(({ share }) => share !== undefined)) {
    let odds = NEVER;
    let covered = ZERO;
    for (const { share, tally } of parts) {
      const { least, most } = of(tally);
      const weight = share as Fraction;
      covered = addFractions(covered, weight);
      odds = {
        least: addFractions(odds.least, multiplyFractions(weight, least)),
        most: addFractions(odds.most, multiplyFractions(weight, most)),
      };
    }
    if (whole) return odds;
    const missing = fraction(covered.denominator - covered.numerator, covered.denominator);
    return { least: odds.least, most: addFractions(odds.most, missing) };
  }
  let least = ONE;
  let most = ZERO;
  for (const { tally } of parts) {
    least = smaller(least, of(tally).least);
    most = larger(most, of(tally).most);
  }
  return whole ? { least, most } : { least: ZERO, most: ONE };
}

/** Groups results by `keyOf`, with their probability; keys in the order first met. A truncated exploration widens the bounds. */
export function tally<T>({ branches, truncated }: Exploration<T>, keyOf: (result: T) => string): Map<string, Odds> {
  return branches.length === 0 ? new Map() : tallyAt(branches, 0, keyOf, !truncated);
}
