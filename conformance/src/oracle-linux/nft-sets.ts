/** Random sets and maps, named and in rules: single values, intervals, concatenations, elements that time out, sets that rules change. */
import type { Family } from '@podwire/engine';
import type { NftElement, NftExpression, NftFamily, NftMap, NftObject, NftSet, NftVerdict } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { hasPorts, meta, payload, type Spot } from './nft-selectors.ts';
import { addresses, anyValue, MARK_VALUES, PORT_VALUES, someValues, type Values, words } from './nft-values.ts';
import { type Draft, ipOf, type Plan } from './topology.ts';

/** A component of a named set's key, which every rule reads in its own way. */
type Component = 'address' | 'port' | 'mark' | 'device';
export type Data = 'verdict' | 'address' | 'address and port' | 'mark' | 'port';

/** What rules have to know of a named set. */
export interface Named {
  name: string;
  shape: readonly Component[];
  version: Family;
  data?: Data;
  /** Rules may add to it and take away. */
  changes: boolean;
  times: boolean;
}

interface Place {
  r: Random;
  plan: Plan;
  netns: Draft;
}

function valuesOf({ r, plan, netns }: Place, component: Component, version: Family): Values {
  switch (component) {
    case 'address':
      return addresses(r, plan, version);
    case 'port':
      return PORT_VALUES;
    case 'mark':
      return MARK_VALUES;
    case 'device':
      return words(['lo', 'eth9', ...netns.links.map(({ name }) => name)], 'ifname');
  }
}

/** Distinct keys of several components, each from values that do not overlap. */
export function someKeys(r: Random, values: readonly Values[], count: number, intervals: boolean): NftExpression[] {
  // Of numbers without a type of their own nft 1.0.6 makes a mess there.
  const ranged = intervals && (values.length === 1 || values.every(({ type }) => type !== undefined));
  const columns = values.map((one) => someValues(r, one, Math.max(2, count), ranged));
  const keys = new Map<string, NftExpression>();
  for (let i = 0; i < count; i++) {
    const parts = columns.map((column) => r.pick(column));
    const key: NftExpression = parts.length === 1 ? (parts[0] as NftExpression) : { concat: parts };
    keys.set(JSON.stringify(key), key);
  }
  return [...keys.values()];
}

/** What a map of this kind may lead to. */
export function dataValue({ r, plan }: Place, data: Exclude<Data, 'verdict'>, version: Family): NftExpression {
  const address = () => anyValue(r, addresses(r, plan, version));
  switch (data) {
    case 'address':
      return r.chance(0.15) ? { range: [ipOf(version, 1, 1), ipOf(version, 1, 3)] } : address();
    case 'address and port':
      return { concat: [address(), anyValue(r, PORT_VALUES)] };
    case 'mark':
      return anyValue(r, MARK_VALUES);
    case 'port':
      return anyValue(r, PORT_VALUES);
  }
}

export const anyVerdict = (r: Random, chains: readonly string[]): NftVerdict => {
  if (chains.length > 0 && r.chance(0.5)) {
    const target = r.pick(chains);
    return r.chance(0.7) ? { jump: { target } } : { goto: { target } };
  }
  return r.pick<NftVerdict>([{ accept: null }, { accept: null }, { drop: null }, { return: null }, { continue: null }]);
};

const SHAPES: readonly (readonly Component[])[] = [
  ['address'],
  ['address'],
  ['port'],
  ['mark'],
  ['device'],
  ['address', 'port'],
  ['address', 'address'],
  ['device', 'mark'],
  ['address', 'port', 'mark'],
];

const TYPES: Readonly<Record<Exclude<Data, 'verdict'>, (version: Family) => string[]>> = {
  address: (version) => [version === 4 ? 'ipv4_addr' : 'ipv6_addr'],
  'address and port': (version) => [version === 4 ? 'ipv4_addr' : 'ipv6_addr', 'inet_service'],
  mark: () => ['mark'],
  port: () => ['inet_service'],
};

const oneOrAll = (types: readonly string[]): string | string[] =>
  types.length === 1 ? (types[0] as string) : [...types];

const timed = (r: Random, key: NftExpression): NftExpression =>
  r.chance(0.5) ? { elem: { val: key, timeout: r.pick([60, 3600]) } } : key;

/** Constant NAT data of a range would need a map that says so. */
const plainData = (place: Place, data: Exclude<Data, 'verdict'>, version: Family): NftExpression => {
  for (;;) {
    const value = dataValue(place, data, version);
    if (typeof value !== 'object' || !('range' in value)) return value;
  }
};

function makeSet(place: Place, family: NftFamily, table: string, name: string, nat: boolean): [NftObject, Named] {
  const { r } = place;
  const version: Family = family === 'ip' ? 4 : family === 'ip6' ? 6 : r.chance(0.6) ? 4 : 6;
  const data = r.chance(0.5)
    ? undefined
    : r.pick<Data>(nat ? ['verdict', 'mark', 'address', 'address and port', 'port'] : ['verdict', 'mark']);
  const changes = data !== 'verdict' && r.chance(0.5);
  const shape = r.pick(changes ? SHAPES.filter((parts) => parts.includes('address')) : SHAPES);
  const values = shape.map((component) => valuesOf(place, component, version));
  const intervals = !changes && !shape.includes('device') && r.chance(0.5);
  const times = r.chance(changes ? 0.6 : 0.2);
  const keys = someKeys(r, values, changes ? r.between(0, 2) : r.between(1, 5), intervals);
  const elements = keys
    .map((key) => (times ? timed(r, key) : key))
    .map((key): NftElement => {
      if (data === undefined) return key;
      return [key, data === 'verdict' ? anyVerdict(r, []) : plainData(place, data, version)];
    });
  const flags = [...(intervals ? ['interval'] : []), ...(changes ? ['dynamic'] : []), ...(times ? ['timeout'] : [])];
  const set: NftSet = {
    family,
    table,
    name,
    type: oneOrAll(values.map(({ type }) => type as string)),
    ...(flags.length > 0 && { flags }),
    ...(changes && { size: r.pick([2, 3, 65535]) }),
    ...(times && changes && r.chance(0.5) && { timeout: 120 }),
    ...(elements.length > 0 && { elem: elements }),
  };
  const named: Named = { name, shape, version, ...(data && { data }), changes, times };
  if (data === undefined) return [{ set }, named];
  const map: NftMap = { ...set, map: data === 'verdict' ? 'verdict' : oneOrAll(TYPES[data](version)) };
  return [{ map }, named];
}

export function makeSets(
  place: Place,
  family: NftFamily,
  table: string,
  nat: boolean,
): { objects: NftObject[]; sets: Named[] } {
  const made = Array.from({ length: place.r.between(0, 4) }, (_, i) => makeSet(place, family, table, `s${i}`, nat));
  return { objects: made.map(([object]) => object), sets: made.map(([, named]) => named) };
}

function componentOf(spot: Spot, component: Component): NftExpression | undefined {
  const { r, version, transport } = spot;
  switch (component) {
    case 'address':
      return payload(version === 4 ? 'ip' : 'ip6', r.pick(['saddr', 'daddr']));
    case 'port':
      return hasPorts(spot) ? payload(transport, r.pick(['sport', 'dport', 'dport'])) : undefined;
    case 'mark':
      return meta('mark');
    case 'device':
      return meta(r.pick(['iifname', 'oifname']));
  }
}

/** The key of a named set, as a rule at this spot may read it; undefined where it cannot. */
export function keyFor(spot: Spot, { shape, version }: Named): NftExpression | undefined {
  if (shape.includes('address') && version !== spot.version) return undefined;
  const parts = shape.map((component) => componentOf(spot, component));
  if (!parts.every((part): part is NftExpression => part !== undefined)) return undefined;
  return parts.length === 1 ? parts[0] : { concat: parts };
}
