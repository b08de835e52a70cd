/**
 * Hints of the annotation `service.kubernetes.io/topology-mode: Auto`: endpoints are shared out among zones by the zones' CPU
 * (staging/src/k8s.io/endpointslice/topologycache). Where the real controller takes zones in no order, here the first by name is taken.
 */
import type { Endpoint, EndpointSlice, Service } from '../objects/kube.ts';
import { isEndpointReady } from './pod-endpoint.ts';
import { type SliceSets, withHints } from './traffic-distribution.ts';
import { type Allocation, allocate, type NoHints, type ZoneShares } from './zone-shares.ts';

/** Numbers of endpoints by zone. */
export type ZoneCounts = Map<string, number>;

const MODE_ANNOTATIONS = ['service.kubernetes.io/topology-aware-hints', 'service.kubernetes.io/topology-mode'];

/** Whether the annotations ask for hints; the deprecated one goes before the other (`hintsEnabled`). */
export function wantsTopologyHints(annotations: Service['metadata']['annotations'] = {}): boolean {
  const name = MODE_ANNOTATIONS.find((key) => annotations[key] !== undefined);
  return name !== undefined && (annotations[name] === 'Auto' || annotations[name] === 'auto');
}

function add(counts: ZoneCounts, zone: string, number: number): void {
  counts.set(zone, (counts.get(zone) ?? 0) + number);
}

export function readyEndpoints(slices: readonly EndpointSlice[]): number {
  return slices.reduce((sum, { endpoints }) => sum + endpoints.filter(isEndpointReady).length, 0);
}

/**
 * Hints that a slice gives to each zone; undefined where it has to be written anew: a ready endpoint without a hint, a hint for a zone that
 * gets none, or more than a zone may have beside what it has already (`getHintsByZone`).
 */
export function hintsByZone(
  { endpoints }: EndpointSlice,
  allocated: ReadonlyMap<string, number>,
  allocations: ReadonlyMap<string, Allocation>,
): ZoneCounts | undefined {
  const counts: ZoneCounts = new Map();
  for (const endpoint of endpoints.filter(isEndpointReady)) {
    const zones = endpoint.hints?.forZones ?? [];
    if (zones.length === 0) return undefined;
    for (const { name } of zones) add(counts, name, 1);
  }
  for (const [zone, count] of counts) {
    const allocation = allocations.get(zone);
    if (!allocation || count + (allocated.get(zone) ?? 0) > allocation.maximum) return undefined;
  }
  return counts;
}

function greatest(zones: ReadonlyMap<string, number>): [string, number] | undefined {
  let found: [string, number] | undefined;
  for (const [zone, number] of zones) if (number > (found?.[1] ?? 0)) found = [zone, number];
  return found;
}

const inOrder = <T>(map: ReadonlyMap<string, T>): [string, T][] =>
  [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** How many endpoints zones with too many hand to zones with too few: the neediest first (`getGivingAndReceivingZones`). */
export function exchange(
  allocations: ReadonlyMap<string, Pick<Allocation, 'desired'>>,
  allocated: ReadonlyMap<string, number>,
): { giving: ZoneCounts; receiving: ZoneCounts } {
  const surplus = new Map<string, number>();
  const need = new Map<string, number>();
  for (const [zone, { desired }] of inOrder(allocations)) {
    const excess = (allocated.get(zone) ?? 0) - desired;
    if (excess > 0) surplus.set(zone, excess);
    else if (excess < 0) need.set(zone, -excess);
  }
  const giving: ZoneCounts = new Map();
  const receiving: ZoneCounts = new Map();
  for (;;) {
    const [from, toGive] = greatest(surplus) ?? [];
    const [to, toReceive] = greatest(need) ?? [];
    if (from === undefined || to === undefined || toGive === undefined || toReceive === undefined) break;
    // Half an endpoint on either side is not worth a hint, nor less than a whole one on both.
    if (toGive < 0.5 || toReceive < 0.5 || (toGive < 1 && toReceive < 1)) break;
    add(giving, from, 1);
    surplus.set(from, toGive - 1);
    add(receiving, to, 1);
    need.set(to, toReceive - 1);
  }
  return { giving, receiving };
}

/** Hints endpoints of giving zones for receiving ones (`redistributeHints`). `moved`: what each zone gained or lost. */
export function redistribute(
  slices: readonly EndpointSlice[],
  exchanged: { giving: ReadonlyMap<string, number>; receiving: ReadonlyMap<string, number> },
): { slices: EndpointSlice[]; moved: ZoneCounts } {
  const giving = new Map(exchanged.giving);
  const receiving = new Map(inOrder(exchanged.receiving));
  const moved: ZoneCounts = new Map();
  const take = (from: ZoneCounts, zone: string): void => {
    const left = (from.get(zone) ?? 0) - 1;
    if (left > 0) from.set(zone, left);
    else from.delete(zone);
  };
  const move = (endpoint: Endpoint): Endpoint => {
    const { zone } = endpoint;
    const [to] = receiving.keys();
    if (!isEndpointReady(endpoint) || !zone || !giving.has(zone) || to === undefined) return endpoint;
    take(giving, zone);
    take(receiving, to);
    add(moved, zone, -1);
    add(moved, to, 1);
    return withHints(endpoint, { forZones: [{ name: to }] });
  };
  return { slices: slices.map((slice) => ({ ...slice, endpoints: slice.endpoints.map(move) })), moved };
}

/** All slices without hints (`RemoveHintsFromSlices`); those that had some have to be written. */
export function withoutHints({ create, update, unchanged }: SliceSets): SliceSets {
  const bare = (slice: EndpointSlice) => ({ ...slice, endpoints: slice.endpoints.map((e) => withHints(e, undefined)) });
  const isHinted = (slice: EndpointSlice) => slice.endpoints.some((endpoint) => endpoint.hints !== undefined);
  return {
    create: create.map(bare),
    update: [...update, ...unchanged.filter(isHinted)].map(bare),
    unchanged: unchanged.filter((slice) => !isHinted(slice)),
  };
}

export interface TopologyHints extends SliceSets {
  /** Hints by zone that the Service now has; absent where it has none. */
  allocated?: ZoneCounts;
  /** Why there are none. */
  reason?: NoHints;
}

/** Hints for the slices of one Service and family (`AddHints`). Slices that need no change keep their hints as long as these are possible. */
export function addTopologyHints(sets: SliceSets, shares: ZoneShares | undefined): TopologyHints {
  const { create, update, unchanged } = sets;
  const allocations = allocate(shares, readyEndpoints([...create, ...update, ...unchanged]));
  if (typeof allocations === 'string') return { ...withoutHints(sets), reason: allocations };
  const allocated: ZoneCounts = new Map();
  const kept: EndpointSlice[] = [];
  const moved: EndpointSlice[] = [];
  for (const slice of unchanged) {
    const counts = hintsByZone(slice, allocated, allocations);
    if (!counts) moved.push(slice);
    else {
      kept.push(slice);
      for (const [zone, count] of counts) add(allocated, zone, count);
    }
  }
  const written = [...create, ...update, ...moved];
  for (const { zone } of written.flatMap((slice) => slice.endpoints.filter(isEndpointReady))) {
    if (!zone) {
      const all = { create, update: [...update, ...moved], unchanged: kept };
      return { ...withoutHints(all), reason: 'One or more endpoints do not have a zone specified' };
    }
    add(allocated, zone, 1);
  }
  const own = (endpoint: Endpoint) =>
    isEndpointReady(endpoint) ? withHints(endpoint, { forZones: [{ name: endpoint.zone as string }] }) : endpoint;
  const start = written.map((slice) => ({ ...slice, endpoints: slice.endpoints.map(own) }));
  const result = redistribute(start, exchange(allocations, allocated));
  for (const [zone, count] of result.moved) add(allocated, zone, count);
  return {
    create: result.slices.slice(0, create.length),
    update: result.slices.slice(create.length),
    unchanged: kept,
    allocated,
  };
}
