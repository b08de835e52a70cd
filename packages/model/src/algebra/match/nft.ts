/** nftables' comparisons and look-ups (nft_cmp.c, nft_range.c, nft_lookup.c). */
import type { NftElement, NftSet, Selector, SetRef, ValueRange, ValueType } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import type { PacketSpace } from '../space/packet-space.ts';
import type { MatchContext, MatchSet } from './context.ts';
import { against, inRange, ofFamily, selectorValue, type Value } from './selector.ts';

interface Key {
  values: readonly Value[];
  /** Packets that have all of it. */
  exists: Diagram;
}

/** `families`: of the addresses it is compared with, by part. */
export function keyOf(
  context: MatchContext,
  selectors: readonly Selector[],
  families: readonly (4 | 6 | undefined)[] = [],
): Key {
  const values = selectors.map((selector, i) => {
    const value = selectorValue(context, selector);
    const family = families[i];
    return family === undefined ? value : ofFamily(context.space, value, family);
  });
  return { values, exists: context.space.and(...values.map(({ exists }) => exists)) };
}

const FAMILIES: Readonly<Partial<Record<ValueType, 4 | 6>>> = { ipv4_addr: 4, ipv6_addr: 6 };

/** Of a key that is looked up in the set. */
export const keyFor = (context: MatchContext, selectors: readonly Selector[], { type }: NftSet): Key =>
  keyOf(
    context,
    selectors,
    type.map((part) => FAMILIES[part]),
  );

const familyOf = (range: ValueRange): 4 | 6 | undefined => {
  const text = String(typeof range === 'object' ? range.from : range);
  if (text.includes(':')) return 6;
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) ? 4 : undefined;
};

/** Last parts first: what is tested later stands deeper. */
const all = (space: PacketSpace, sets: readonly Diagram[]): Diagram =>
  sets.reduceRight((sum, set) => space.and(set, sum), TRUE);

export const compare: MatchSet<'compare'> = (context, { key, op, values }) => {
  const { space } = context;
  const { values: parts, exists } = keyOf(context, key, values.map(familyOf));
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

export function setOf({ setNamed }: MatchContext, ref: SetRef): NftSet | undefined {
  return typeof ref === 'string' ? setNamed(ref) : ref;
}

/** What it holds when a packet asks is known: no rule writes to it. */
export const isSteady = ({ writtenSets }: MatchContext, { name, dynamic }: NftSet): boolean =>
  dynamic !== true && (name === undefined || !writtenSets.has(name));

export interface Found {
  element: NftElement;
  /** Packets that find it. */
  when: Diagram;
}

/** The catch-all counts where no other key does. An element whose statements do not hold is not found, and nor is another in its place. */
export function foundIn(context: MatchContext, { values, exists }: Key, { elements }: NftSet): Found[] {
  const { space } = context;
  const keyed = elements.flatMap((element) => {
    const { key } = element;
    if (key === '*') return [];
    const parts = values.map((value, i) => inRange(space, value, key[i] ?? ''));
    return [{ element, when: all(space, parts) }];
  });
  const others = elements.filter(({ key }) => key === '*');
  const rest = others.length === 0 ? FALSE : space.not(space.or(...keyed.map(({ when }) => when)));
  return [...keyed, ...others.map((element) => ({ element, when: rest }))].map(({ element, when }) => {
    const tests = (element.statements ?? []).map((statement) => context.test(statement) ?? TRUE);
    return { element, when: space.and(exists, when, ...tests) };
  });
}

export const lookup: MatchSet<'lookup'> = (context, { key, set: ref, not }) => {
  const { space } = context;
  const set = setOf(context, ref);
  const found = set ? keyFor(context, key, set) : keyOf(context, key);
  const holds =
    set && isSteady(context, set)
      ? space.or(...foundIn(context, found, set).map(({ when }) => when))
      : context.draw(`@${typeof ref === 'string' ? ref : ''} ${JSON.stringify(key)}`);
  return space.and(found.exists, space.unless(not, holds));
};
