/** Sets and maps: nft_lookup_eval (nft_lookup.c), nft_dynset_eval (nft_dynset.c). */
import { EngineError, type NftElement, type NftSet, type SetRef, type Table, type ValueRange } from '../src/index.ts';
import type { Classes } from './nft-chance.ts';
import { boundsOf, fitsAll, scalarOf, type Value } from './nft-value.ts';
import type { Host, NftSetState, Run } from './state.ts';

const SECOND = 1000;

export function namedSet(table: Table, name: string): NftSet {
  for (let level: Table | undefined = table; level; level = level.base) {
    const set = level.sets?.find((one) => one.name === name);
    if (set) return set;
  }
  throw new EngineError('UNKNOWN_SET', `table ${table.name}: no set ${name}`);
}

/** What the namespace holds of a set: its own elements from loading on, times running from then. */
export function setState(host: Host, table: Table, ref: SetRef): NftSetState {
  const set = typeof ref === 'string' ? namedSet(table, ref) : ref;
  const known = host.nftSets.get(set);
  if (known) return known;
  const state: NftSetState = {
    set,
    elements: set.elements.map((element) => {
      const seconds = element.expires ?? element.timeout ?? set.timeout;
      return { element, ...(seconds ? { leavesAt: seconds * SECOND } : {}) };
    }),
  };
  host.nftSets.set(set, state);
  return state;
}

export function liveElements({ world }: Run, state: NftSetState): NftElement[] {
  return state.elements
    .filter(({ leavesAt }) => leavesAt === undefined || leavesAt > world.clockMs)
    .map(({ element }) => element);
}

/** The element whose every component the key fits; the catch-all where there is none. */
export function findElement(live: readonly NftElement[], values: readonly Value[]): NftElement | undefined {
  const own = live.find(({ key }) => key !== '*' && fitsAll(values, key));
  return own ?? live.find(({ key }) => key === '*');
}

/** Where the elements begin and end, for a key that is one number. */
export function cutsOf(ranges: readonly ValueRange[]): bigint[] {
  return ranges.flatMap((range) => {
    const bounds = boundsOf(range, 'integer');
    return bounds ? [bounds[0], bounds[1] + 1n] : [];
  });
}

export function elementClasses(live: readonly NftElement[]): Classes {
  const ranges = () => live.flatMap(({ key }) => (key === '*' ? [] : key.slice(0, 1)));
  return { cuts: () => cutsOf(ranges()), classOf: (value) => findElement(live, [value]) };
}

export interface Update {
  op: 'add' | 'update' | 'delete';
  key: readonly Value[];
  data?: ValueRange[] | undefined;
  timeout?: number | undefined;
}

/** False: the set is full. */
export function updateSet({ world }: Run, state: NftSetState, { op, key, data, timeout }: Update): boolean {
  const now = world.clockMs;
  const seconds = timeout ?? state.set.timeout;
  const time = seconds ? { leavesAt: now + seconds * SECOND } : {};
  state.elements = state.elements.filter(({ leavesAt }) => leavesAt === undefined || leavesAt > now);
  const at = state.elements.findIndex(({ element }) => element.key !== '*' && fitsAll(key, element.key));
  const present = state.elements[at];
  if (op === 'delete') {
    if (present) state.elements.splice(at, 1);
    return true;
  }
  if (present) {
    // An element that stays for ever is given no time by an update; where neither rule nor set has a time, any other has none left.
    if (op === 'update' && present.leavesAt !== undefined)
      state.elements[at] = { element: present.element, leavesAt: now + (seconds ?? 0) * SECOND };
    return true;
  }
  if (state.set.size !== undefined && state.elements.length >= state.set.size) return false;
  const element: NftElement = { key: key.map(scalarOf), ...(data ? { data } : {}) };
  state.elements.push({ element, ...time });
  return true;
}
