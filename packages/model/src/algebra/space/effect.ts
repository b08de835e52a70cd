/**
 * What rules do to a packet on its way through a chain, as functions of the packet as it came: marks, which are copied between packet and
 * connection bit by bit, and the state that NOTRACK gives. Every `--set-xmark`, `--save-mark` and `--restore-mark` with its masks, and
 * any number of them one after the other, is of the form below, so that no mark has to be guessed.
 */
import { CtState } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from './diagram.ts';
import { connmarkVariable, FIRST_CHANGEABLE, markVariable, STATE_FIELD } from './fields.ts';
import type { PacketSpace } from './packet-space.ts';

/** One mark afterwards: (mark & ofMark) ^ (connmark & ofConnmark) ^ plus. */
interface Written {
  ofMark: number;
  ofConnmark: number;
  plus: number;
}

export interface Effect {
  mark: Written;
  connmark: Written;
  /** The packet is untracked from here on. */
  untracked: boolean;
  /** What else was done, in order: entries added to sets, zones. It decides nothing here, but is a difference between rules. */
  did: readonly string[];
  /** Equal keys, equal effects. */
  key: string;
}

const keep = {
  mark: { ofMark: 0xffffffff, ofConnmark: 0, plus: 0 },
  connmark: { ofMark: 0, ofConnmark: 0xffffffff, plus: 0 },
};

function effect(parts: Partial<Omit<Effect, 'key'>>): Effect {
  const { mark = keep.mark, connmark = keep.connmark, untracked = false, did = [] } = parts;
  const words = [mark.ofMark, mark.ofConnmark, mark.plus, connmark.ofMark, connmark.ofConnmark, connmark.plus];
  const key = JSON.stringify([...words.map((word) => word >>> 0), untracked, ...did]);
  return { mark, connmark, untracked, did, key };
}

export const NOTHING = effect({});

export const isNothing = ({ key }: Effect): boolean => key === NOTHING.key;

/** mark = (mark & ~mask) ^ value. */
export const setMark = (value: number, mask: number): Effect =>
  effect({ mark: { ofMark: ~mask, ofConnmark: 0, plus: value } });

/** Only where there is a connection. */
export const setConnmark = (value: number, mask: number): Effect =>
  effect({ connmark: { ofMark: 0, ofConnmark: ~mask, plus: value } });

/** connmark = (connmark & ~ctmask) ^ (mark & nfmask). Only where there is a connection. */
export const saveMark = (nfmask: number, ctmask: number): Effect =>
  effect({ connmark: { ofMark: nfmask, ofConnmark: ~ctmask, plus: 0 } });

/** mark = (mark & ~nfmask) ^ (connmark & ctmask). Only where there is a connection. */
export const restoreMark = (nfmask: number, ctmask: number): Effect =>
  effect({ mark: { ofMark: ~nfmask, ofConnmark: ctmask, plus: 0 } });

export const UNTRACK = effect({ untracked: true });

export const doing = (what: string): Effect => effect({ did: [what] });

/** `first`, then `second`. */
export function andThen(first: Effect, second: Effect): Effect {
  if (isNothing(first)) return second;
  if (isNothing(second)) return first;
  const written = ({ ofMark, ofConnmark, plus }: Written): Written => ({
    ofMark: (ofMark & first.mark.ofMark) ^ (ofConnmark & first.connmark.ofMark),
    ofConnmark: (ofMark & first.mark.ofConnmark) ^ (ofConnmark & first.connmark.ofConnmark),
    plus: (ofMark & first.mark.plus) ^ (ofConnmark & first.connmark.plus) ^ plus,
  });
  return effect({
    mark: written(second.mark),
    connmark: written(second.connmark),
    untracked: first.untracked || second.untracked,
    did: [...first.did, ...second.did],
  });
}

interface Bit {
  bit: number;
  written: 'mark' | 'connmark';
}

/** By variable: which bit of which mark it is. */
const bits = new Map<number, Bit>(
  Array.from({ length: 32 }, (_, bit) => bit).flatMap((bit): [number, Bit][] => [
    [markVariable(bit), { bit, written: 'mark' }],
    [connmarkVariable(bit), { bit, written: 'connmark' }],
  ]),
);

/** What the bit of this variable is afterwards, as a set of packets before. */
function after(space: PacketSpace, { mark, connmark, untracked }: Effect, variable: number): Diagram {
  if (variable < FIRST_CHANGEABLE + STATE_FIELD.width)
    // UNTRACKED is the first of the three bits alone.
    return untracked ? (variable === FIRST_CHANGEABLE ? TRUE : FALSE) : space.variable(variable);
  const { bit, written } = bits.get(variable) as Bit;
  const word = written === 'mark' ? mark : connmark;
  const has = (value: number) => ((value >>> bit) & 1) === 1;
  const { choose } = space.diagrams;
  let value = has(word.plus) ? TRUE : FALSE;
  for (const [takes, from] of [
    [has(word.ofConnmark), connmarkVariable(bit)],
    [has(word.ofMark), markVariable(bit)],
  ] as const)
    if (takes) value = choose(space.variable(from), space.not(value), value);
  return value;
}

/**
 * The function of packets before the effect that is `diagram` of packets after it; `leaf` says what becomes of a leaf's value.
 * Substitutes all bits at once.
 */
export function before(
  space: PacketSpace,
  diagram: Diagram,
  effect: Effect,
  leaf: (value: number) => Diagram = (value) => space.diagrams.leaf(value),
): Diagram {
  const { diagrams } = space;
  const known = new Map<Diagram, Diagram>();
  const visit = (at: Diagram): Diagram => {
    const seen = known.get(at);
    if (seen !== undefined) return seen;
    const value = diagrams.leafValue(at);
    const variable = diagrams.variableOf(at);
    let made: Diagram;
    if (value !== undefined) made = leaf(value);
    else {
      const none = visit(diagrams.low(at));
      const whole = visit(diagrams.high(at));
      made =
        variable < FIRST_CHANGEABLE
          ? diagrams.node(variable, none, whole)
          : diagrams.choose(after(space, effect, variable), whole, none);
    }
    known.set(at, made);
    return made;
  };
  return visit(diagram);
}

/** The packets after the effect, of those in `set` before it. */
export function image(space: PacketSpace, set: Diagram, effect: Effect): Diagram {
  let left = set;
  if (effect.untracked) {
    const hidden = (variable: number) =>
      variable < FIRST_CHANGEABLE + STATE_FIELD.width && variable >= FIRST_CHANGEABLE;
    left = space.and(space.diagrams.exists(left, hidden), space.state(CtState.UNTRACKED));
  }
  for (let bit = 0; bit < 32; bit++) {
    const [mark, connmark] = [markVariable(bit), connmarkVariable(bit)];
    const isKept = [mark, connmark].every((variable) => after(space, effect, variable) === space.variable(variable));
    if (isKept) continue;
    left = bitImage(space, left, effect, bit);
  }
  return left;
}

/** One bit of both marks has four values before; each has one afterwards. */
function bitImage(space: PacketSpace, set: Diagram, effect: Effect, bit: number): Diagram {
  const [mark, connmark] = [markVariable(bit), connmarkVariable(bit)];
  const is = (variable: number, value: boolean) => space.unless(!value, space.variable(variable));
  const parts: Diagram[] = [];
  for (const a of [false, true])
    for (const b of [false, true]) {
      const here = space.and(is(mark, a), is(connmark, b));
      const matching = space.and(set, here);
      if (matching === FALSE) continue;
      const becomes = (variable: number) => space.and(after(space, effect, variable), here) !== FALSE;
      const rest = space.diagrams.exists(matching, (variable) => variable === mark || variable === connmark);
      parts.push(space.and(rest, is(mark, becomes(mark)), is(connmark, becomes(connmark))));
    }
  return space.or(...parts);
}

/** Packets, as they were before, that one effect leaves otherwise than the other. `gone`: the packet itself goes no further. */
export function unlike(space: PacketSpace, one: Effect, other: Effect, gone: boolean): Diagram {
  if (one.key === other.key) return FALSE;
  if (one.did.join('\n') !== other.did.join('\n')) return TRUE;
  const parts: Diagram[] = [];
  const compare = (variable: number, where: Diagram) => {
    const [a, b] = [after(space, one, variable), after(space, other, variable)];
    if (a !== b) parts.push(space.and(where, space.diagrams.choose(a, space.not(b), b)));
  };
  for (let bit = 0; bit < 32; bit++) {
    if (!gone) compare(markVariable(bit), TRUE);
    compare(connmarkVariable(bit), space.connection());
  }
  if (!gone && one.untracked !== other.untracked) parts.push(space.not(space.state(CtState.UNTRACKED)));
  return space.or(...parts);
}
