/**
 * Packets on their way through a chain, of which the same was made. A set, as long as it is small; where each rule takes something else out of
 * it, what it was and what was taken, so that a thousand rules that have nothing to do with each other stay a thousand small sets.
 */
import { AlgebraLimitError, type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { andThen, before, type Effect, isNothing, NOTHING } from './space/effect.ts';
import type { PacketSpace } from './space/packet-space.ts';

/** Packets as they came to the chain. */
export interface Flow {
  effect: Effect;
  /** Those in all of these, and in none of those. */
  all: readonly Diagram[];
  none: readonly Diagram[];
}

/** What takes more steps is put off. The path of one rule through all fields of a packet is shorter. */
const SMALL = 1000;
/** Sets looked at to see whether a flow is empty. */
const STEPS_MAX = 20_000_000;

export const flowOf = (packets: Diagram, effect = NOTHING): Flow => ({ effect, all: [packets], none: [] });

/** Its set where that is known. */
export const plainSet = ({ all, none }: Flow): Diagram | undefined =>
  all.length === 1 && none.length === 0 ? all[0] : undefined;

/** A set of packets that had the flow's effect, in terms of the packets before. */
const seen = (space: PacketSpace, set: Diagram, effect: Effect): Diagram =>
  isNothing(effect) ? set : before(space, set, effect);

const nobody = ({ effect }: Flow): Flow => ({ effect, all: [FALSE], none: [] });

/** Those of the flow that are in the set, as they are now. */
export function meet(space: PacketSpace, flow: Flow, now: Diagram): Flow {
  const set = seen(space, now, flow.effect);
  if (set === TRUE) return flow;
  const last = flow.all.at(-1) ?? TRUE;
  const joined = space.diagrams.attempt(SMALL, () => space.and(last, set));
  if (joined === FALSE) return nobody(flow);
  return { ...flow, all: joined === undefined ? [...flow.all, set] : [...flow.all.slice(0, -1), joined] };
}

/** Those of the flow that are not in the set, as they are now. */
export function minus(space: PacketSpace, flow: Flow, now: Diagram): Flow {
  const set = seen(space, now, flow.effect);
  if (set === FALSE) return flow;
  if (set === TRUE) return nobody(flow);
  const { attempt } = space.diagrams;
  const plain = plainSet(flow);
  if (plain !== undefined) {
    const left = attempt(SMALL, () => space.without(plain, set));
    return left === undefined ? { ...flow, none: [set] } : { ...flow, all: [left] };
  }
  const last = flow.none.at(-1) ?? FALSE;
  const joined = attempt(SMALL, () => space.or(last, set));
  return { ...flow, none: joined === undefined ? [...flow.none, set] : [...flow.none.slice(0, -1), joined] };
}

/** Those of the flow that are in the other one, which counts from what this one has become. */
export function onward(space: PacketSpace, flow: Flow, other: Flow): Flow {
  let joined = flow;
  for (const set of other.all) joined = meet(space, joined, set);
  for (const set of other.none) joined = minus(space, joined, set);
  return { ...joined, effect: andThen(flow.effect, other.effect) };
}

/** One set, where it takes no more steps than these. */
export function setOf(space: PacketSpace, { all, none }: Flow, steps: number): Diagram | undefined {
  return space.diagrams.attempt(steps, () =>
    none.reduce((left, taken) => space.without(left, taken), space.and(...all)),
  );
}

export function isEmpty(space: PacketSpace, { all, none }: Flow): boolean {
  const { variableOf, low, high } = space.diagrams;
  let steps = 0;
  const isNone = (some: readonly Diagram[], others: readonly Diagram[]): boolean => {
    if (some.includes(FALSE) || others.includes(TRUE)) return true;
    const wanted = some.filter((set) => set !== TRUE);
    const taken = others.filter((set) => set !== FALSE);
    if (taken.length === 0 && wanted.length <= 1) return false;
    if (wanted.length === 0 && taken.length === 1) return false;
    steps += wanted.length + taken.length;
    if (steps > STEPS_MAX) throw new AlgebraLimitError(`more than ${STEPS_MAX} steps are needed`);
    let first = Number.POSITIVE_INFINITY;
    for (const set of wanted) first = Math.min(first, variableOf(set));
    for (const set of taken) first = Math.min(first, variableOf(set));
    const halves = (sets: readonly Diagram[], half: (set: Diagram) => Diagram) => [
      ...new Set(sets.map((set) => (variableOf(set) === first ? half(set) : set))),
    ];
    return isNone(halves(wanted, low), halves(taken, low)) && isNone(halves(wanted, high), halves(taken, high));
  };
  return isNone(all, none);
}

/** Flows of one effect are one where that is small; empty ones are left out. */
export function merge(space: PacketSpace, flows: readonly Flow[]): Flow[] {
  const kept: Flow[] = [];
  for (const flow of flows) {
    const plain = plainSet(flow);
    if (plain === FALSE) continue;
    const at = kept.findIndex((other) => other.effect.key === flow.effect.key && plainSet(other) !== undefined);
    const other = kept[at];
    const joined =
      plain === undefined || !other
        ? undefined
        : space.diagrams.attempt(SMALL, () => space.or(other.all[0] ?? FALSE, plain));
    if (joined === undefined) kept.push(flow);
    else kept[at] = { ...flow, all: [joined] };
  }
  return kept;
}
