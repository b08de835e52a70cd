/**
 * How endpoints are put into slices with as few writes as possible (staging/src/k8s.io/endpointslice/reconciler.go,
 * `reconcileByPortMapping`; util/endpointset.go). The real controller takes endpoints in no order; here the order of the pods holds.
 */
import type { Endpoint, EndpointSlice } from '../objects/kube.ts';

/** Identity of an endpoint: what else changes about it is written in place. */
export function endpointKey({ addresses, hostname = '', targetRef }: Endpoint): string {
  const list = addresses.length > 1 ? [...addresses].sort().join() : (addresses[0] ?? '');
  return `${list} ${hostname} ${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}`;
}

/** Whether two endpoints of one identity say the same (`EndpointsEqualBeyondHash`): hints do not count here. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  const facts = ({ nodeName, zone, conditions, targetRef }: Endpoint) => [
    nodeName,
    zone,
    conditions?.ready,
    conditions?.serving,
    conditions?.terminating,
    targetRef?.kind,
    targetRef?.namespace,
    targetRef?.name,
    targetRef?.uid ?? '',
  ];
  const other = facts(b);
  return facts(a).every((fact, i) => fact === other[i]);
}

export interface SliceChanges {
  /** Without a name. */
  create: EndpointSlice[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

interface Packing {
  /** By `endpointKey`; emptied on the way. */
  desired: Map<string, Endpoint>;
  maxEndpoints: number;
  newSlice: () => EndpointSlice;
  /** The labels that an existing slice should have, and whether it lacks them. */
  labelsOf: (slice: EndpointSlice) => { labels: Record<string, string>; changed: boolean };
}

function fill(slice: EndpointSlice, { desired, maxEndpoints }: Packing): EndpointSlice {
  const endpoints = [...slice.endpoints];
  for (const [key, endpoint] of desired) {
    if (endpoints.length >= maxEndpoints) break;
    endpoints.push(endpoint);
    desired.delete(key);
  }
  return endpoints.length === slice.endpoints.length ? slice : { ...slice, endpoints };
}

/** What existing slices keep of the desired endpoints. */
function keep(existing: readonly EndpointSlice[], packing: Packing) {
  const unchanged: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const gone: EndpointSlice[] = [];
  for (const slice of existing) {
    const kept: Endpoint[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints) {
      const key = endpointKey(endpoint);
      const wanted = packing.desired.get(key);
      if (!wanted) continue;
      kept.push(wanted);
      packing.desired.delete(key);
      changed ||= !sameEndpoint(wanted, endpoint);
    }
    const { labels, changed: relabelled } = packing.labelsOf(slice);
    const metadata = { ...slice.metadata, labels };
    if (changed || kept.length !== slice.endpoints.length) {
      if (kept.length === 0) gone.push(slice);
      else update.push({ ...slice, metadata, endpoints: kept });
    } else if (relabelled) update.push({ ...slice, metadata });
    else unchanged.push(slice);
  }
  return { unchanged, update, gone };
}

/** The fullest slice that can take all that is left: one write instead of several (`getSliceToFill`). */
function sliceToFill(slices: readonly EndpointSlice[], left: number, maxEndpoints: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let leastRoom = maxEndpoints;
  for (const slice of slices) {
    const room = maxEndpoints - (left + slice.endpoints.length);
    if (room < 0 || room >= leastRoom) continue;
    leastRoom = room;
    best = slice;
  }
  return best;
}

/**
 * Slices of one family and one list of ports. Endpoints stay where they are; new ones go into slices that are written anyway, the fullest
 * first, then into one that has room for the rest, then into new ones.
 */
export function packSlices(existing: readonly EndpointSlice[], packing: Packing): SliceChanges {
  const { desired, maxEndpoints } = packing;
  const { unchanged, update, gone } = keep(existing, packing);
  update.sort((a, b) => b.endpoints.length - a.endpoints.length);
  const changes: SliceChanges = { create: [], update: update.map((slice) => fill(slice, packing)), delete: gone };
  while (desired.size > 0) {
    const room = desired.size < maxEndpoints ? sliceToFill(unchanged, desired.size, maxEndpoints) : undefined;
    if (room) {
      unchanged.splice(unchanged.indexOf(room), 1);
      changes.update.push(fill(room, packing));
    } else changes.create.push(fill(packing.newSlice(), packing));
  }
  return changes;
}
