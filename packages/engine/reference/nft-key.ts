/** A key: what selectors take out of a packet, one after the other (registers). */
import { parseAddress, type Selector, type ValueRange, type ValueType } from '../src/index.ts';
import type { Place } from './chain.ts';
import { type ChanceSelector, type Classes, loadChance, MOST_VALUES } from './nft-chance.ts';
import { loadFib } from './nft-fib.ts';
import { isHeaderField, loadCt, loadHeader, loadMeta, loadNexthop, loadOwner } from './nft-fields.ts';
import { altered, type Value } from './nft-value.ts';
import type { Host, Run, Skb } from './state.ts';

/** `none`: the packet has no such thing, the rule ends. `unmodelled`: nobody knows. */
export type Key = { kind: 'values'; values: Value[] } | { kind: 'none' } | { kind: 'unmodelled'; text: string };

const NONE: Key = { kind: 'none' };

export interface At {
  run: Run;
  host: Host;
  skb: Skb;
  place: Place;
}

const isChance = (selector: Selector): selector is ChanceSelector =>
  selector.field === 'numgen' || selector.field === 'jhash' || selector.field === 'symhash';

const hasOps = ({ mask, xor, shift }: Selector) => mask !== undefined || xor !== undefined || Boolean(shift);

/** What a statement can tell apart of numbers whose bits are changed first: each is tried. */
const afterOps = (selector: ChanceSelector, { classOf }: Classes): Classes => ({
  classOf: (value) => classOf(altered(value, selector) ?? value),
});

function chanceKey(at: At, selector: ChanceSelector, classes: Classes | undefined): Key {
  const { run, host, skb, place } = at;
  const inner: Key = selector.field === 'jhash' ? loadKey(at, selector.key) : { kind: 'values', values: [] };
  if (inner.kind !== 'values') return inner;
  const value = loadChance(run, host, skb, place, selector, inner.values, classes);
  return value
    ? { kind: 'values', values: [value] }
    : { kind: 'unmodelled', text: `${selector.field} of more than ${MOST_VALUES} values` };
}

function plainValue({ host, skb, place }: At, selector: Exclude<Selector, ChanceSelector>): Value | undefined {
  const { field } = selector;
  if (field === 'fib') return loadFib(host, skb, place.hook, selector);
  if (field === 'rt nexthop') return loadNexthop(skb, place.table.family, selector.family);
  if (field === 'unmodelled') throw new Error('what is not modelled has no value');
  if (isHeaderField(field)) return loadHeader(skb, field);
  return field.startsWith('ct ')
    ? loadCt(skb, field as Parameters<typeof loadCt>[1])
    : loadMeta(skb, place.table.family, place.hook, field as Parameters<typeof loadMeta>[3]);
}

function loadOne(at: At, selector: Selector, classes: Classes | undefined): Key {
  if (selector.field === 'unmodelled') return { kind: 'unmodelled', text: selector.text };
  if (isChance(selector)) {
    const key = chanceKey(at, selector, classes && hasOps(selector) ? afterOps(selector, classes) : classes);
    if (key.kind !== 'values') return key;
    const value = altered(key.values[0] as Value, selector);
    return value ? { kind: 'values', values: [value] } : NONE;
  }
  const { field } = selector;
  const value =
    field === 'meta skuid' || field === 'meta skgid'
      ? loadOwner(at.skb, at.place.hook, field)
      : plainValue(at, selector);
  if (value === 'unknown') return { kind: 'unmodelled', text: field };
  const result = value && altered(value, selector);
  return result ? { kind: 'values', values: [result] } : NONE;
}

const isAddress = (type: ValueType) => type === 'ipv4_addr' || type === 'ipv6_addr';

/** An address of a connection of the other family is no value for what the rule asks (NFT_CT_SRC_IP, NFT_CT_SRC_IP6). */
const clashes = ({ type }: Value, wanted: ValueType | undefined): boolean =>
  wanted !== undefined && isAddress(wanted) && isAddress(type) && type !== wanted;

/** The type of a constant address; undefined for any other constant. */
export function addressType(range: ValueRange | undefined): ValueType | undefined {
  const first = typeof range === 'object' ? range.from : range;
  if (typeof first !== 'string') return undefined;
  const parsed = parseAddress(first);
  return parsed && (parsed.family === 4 ? 'ipv4_addr' : 'ipv6_addr');
}

/** `types`: what the values are compared with. `classes` is what the statement can tell apart, where the key is one number by chance. */
export function loadKey(
  at: At,
  key: readonly Selector[],
  types: readonly (ValueType | undefined)[] = [],
  classes?: Classes,
): Key {
  const values: Value[] = [];
  let unknown: Key | undefined;
  for (const [i, selector] of key.entries()) {
    // What is not modelled matters only where the packet has all the rest; nothing is drawn for it any more.
    if (unknown && (selector.field === 'unmodelled' || isChance(selector))) continue;
    const one = loadOne(at, selector, key.length === 1 ? classes : undefined);
    if (one.kind === 'none') return one;
    if (one.kind === 'unmodelled') unknown ??= one;
    else if (clashes(one.values[0] as Value, types[i])) return NONE;
    else values.push(...one.values);
  }
  return unknown ?? { kind: 'values', values };
}
