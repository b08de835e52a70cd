/** nftables' comparisons and look-ups (nft_cmp.c, nft_range.c, nft_lookup.c). */
import type { NftElement, NftSet, Selector, SetRef } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import type { PacketSpace } from '../space/packet-space.ts';
import type { MatchContext, MatchSet } from './context.ts';
import { against, inRange, selectorValue, type Value } from './selector.ts';

interface Key {
  values: readonly Value[];
  /** Packets that have all of it. */
  exists: Diagram;
}

export function keyOf(context: MatchContext, selectors: readonly Selector[]): Key {
  const values = selectors.map((selector) => selectorValue(context, selector));
  return { values, exists: context.space.and(...values.map(({ exists }) => exists)) };
}

/** Last parts first: what is tested later stands deeper. */
const all = (space: PacketSpace, sets: readonly Diagram[]): Diagram =>
  sets.reduceRight((sum, set) => space.and(set, sum), TRUE);

export const compare: MatchSet<'compare'> = (context, { key, op, values }) => {
  const { space } = context;
  const { values: parts, exists } = keyOf(context, key);
  const first = parts[0];
  const limit = values[0];
  if (!first || limit === undefined) return exists;
  if (op === 'eq' || op === 'ne') {
    const equal = all(
      space,
      parts.map((part, i) => inRange(space, part, values[i] ?? limit)),
    );
    return space.and(exists, space.unless(op === 'ne', equal));
  }
  if (typeof limit === 'object') throw new RangeError(`${op} of a range`);
  const least = op === 'ge' || op === 'lt';
  const inside = against(space, first, limit, least ? 'least' : 'most');
  return space.and(exists, space.unless(op === 'lt' || op === 'gt', inside));
};

/** Packets that the element's key holds, and its statements too. */
export function elementSet(context: MatchContext, { values }: Key, element: NftElement): Diagram {
  const { space } = context;
  const { key, statements = [] } = element;
  const keyed =
    key === '*'
      ? TRUE
      : all(
          space,
          values.map((value, i) => inRange(space, value, key[i] ?? '')),
        );
  const tests = statements.map((statement) => context.test(statement) ?? TRUE);
  return space.and(keyed, ...tests);
}

export function setOf({ setNamed }: MatchContext, ref: SetRef): NftSet | undefined {
  return typeof ref === 'string' ? setNamed(ref) : ref;
}

/** What it holds when a packet asks is known: no rule writes to it. */
export const isSteady = ({ writtenSets }: MatchContext, { name, dynamic }: NftSet): boolean =>
  dynamic !== true && (name === undefined || !writtenSets.has(name));

/** The catch-all counts where no other does. */
export const elementsOf = ({ elements }: NftSet): NftElement[] => [
  ...elements.filter(({ key }) => key !== '*'),
  ...elements.filter(({ key }) => key === '*'),
];

export const lookup: MatchSet<'lookup'> = (context, { key, set: ref, not }) => {
  const { space } = context;
  const { values, exists } = keyOf(context, key);
  const set = setOf(context, ref);
  const found =
    set && isSteady(context, set)
      ? space.or(...set.elements.map((element) => elementSet(context, { values, exists }, element)))
      : context.draw(`@${typeof ref === 'string' ? ref : ''} ${JSON.stringify(key)}`);
  return space.and(exists, space.unless(not, set?.elements.length === 0 && isSteady(context, set) ? FALSE : found));
};
