/** A key: what selectors take out of a packet, one after the other (registers). */
import { parseAddress, type Selector, type ValueRange, type ValueType } from '../src/index.ts';
import type { Place } from './chain.ts';
import { type ChanceSelector, type Classes, loadChance, MOST_VALUES } from './nft-chance.ts';
import { loadFib } from './nft-fib.ts';
import { isHeaderField, loadCt, loadHeader, loadMeta, loadNexthop } from './nft-fields.ts';
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
  if (field === 'rt nexthop') return loadNexthop(host, skb, selector.family);
  if (field === 'unmodelled') throw new Error('what is not modelled has no value');
  if (isHeaderField(field)) return loadHeader(skb, field);
  return field.startsWith('ct ')
    ? loadCt(skb, field as Parameters<typeof loadCt>[1])
    : loadMeta(skb, place.table.family, field as Parameters<typeof loadMeta>[2]);
}

function loadOne(at: At, selector: Selector, classes: Classes | undefined): Key {
  if (selector.field === 'unmodelled') return { kind: 'unmodelled', text: selector.text };
  if (isChance(selector)) {
    const key = chanceKey(at, selector, hasOps(selector) ? undefined : classes);
    if (key.kind !== 'values') return key;
    const value = altered(key.values[0] as Value, selector);
    return value ? { kind: 'values', values: [value] } : NONE;
  }
  const value = plainValue(at, selector);
  const result = value && altered(value, selector);
  return result ? { kind: 'values', values: [result] } : NONE;
}

const isAddress = (type: ValueType) => type === 'ipv4_addr' || type === 'ipv6_addr';

/** An address of a connection of the other family is no value for what the rule asks (NFT_CT_SRC_IP, NFT_CT_SRC_IP6). */
export function ofTypes(key: Key, types: readonly (ValueType | undefined)[]): Key {
  if (key.kind !== 'values') return key;
  const clashes = key.values.some(({ type }, i) => {
    const wanted = types[i];
    return wanted !== undefined && isAddress(wanted) && isAddress(type) && type !== wanted;
  });
  return clashes ? NONE : key;
}

/** The type of a constant address; undefined for any other constant. */
export function addressType(range: ValueRange | undefined): ValueType | undefined {
  const first = typeof range === 'object' ? range.from : range;
  if (typeof first !== 'string') return undefined;
  const parsed = parseAddress(first);
  return parsed && (parsed.family === 4 ? 'ipv4_addr' : 'ipv6_addr');
}

/** `classes` is what the statement can tell apart, where the key is one number by chance. */
export function loadKey(at: At, key: readonly Selector[], classes?: Classes): Key {
  const values: Value[] = [];
  for (const selector of key) {
    const one = loadOne(at, selector, key.length === 1 ? classes : undefined);
    if (one.kind !== 'values') return one;
    values.push(...one.values);
  }
  return { kind: 'values', values };
}
