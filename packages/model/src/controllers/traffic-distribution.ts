/** Hints of `spec.trafficDistribution`: each ready endpoint for its own zone, and with PreferSameNode its own node (trafficdist/trafficdist.go, KEP-3015). */
import type { Endpoint, EndpointSlice } from '../objects/kube.ts';
import { isEndpointReady } from './pod-endpoint.ts';

/** Slices that a pass of the controller writes, and those that it leaves as they are. */
export interface SliceSets {
  create: EndpointSlice[];
  update: EndpointSlice[];
  unchanged: EndpointSlice[];
}

type Hints = Endpoint['hints'];

/** The hints that one ready endpoint should have; undefined: none. */
type Hinting = (endpoint: Endpoint) => Hints;

function sameZone({ zone }: Endpoint): Hints {
  return zone === undefined ? undefined : { forZones: [{ name: zone }] };
}

function sameNode(endpoint: Endpoint): Hints {
  const { nodeName } = endpoint;
  return nodeName === undefined ? sameZone(endpoint) : { ...sameZone(endpoint), forNodes: [{ name: nodeName }] };
}

const HINTING: ReadonlyMap<string, Hinting> = new Map([
  ['PreferClose', sameZone],
  ['PreferSameZone', sameZone],
  ['PreferSameNode', sameNode],
]);

/** Whether a value gives hints for zones. */
export function zoneHinting(distribution: string | undefined): boolean {
  return HINTING.has(distribution ?? '');
}

function sameHints(a: Hints, b: Hints): boolean {
  const names = (hints: Hints) =>
    JSON.stringify([hints?.forZones?.map((zone) => zone.name) ?? [], hints?.forNodes?.map((node) => node.name) ?? []]);
  return names(a) === names(b);
}

/** The endpoint with these hints, or without any. */
export function withHints(endpoint: Endpoint, hints: Hints): Endpoint {
  const { hints: before, ...rest } = endpoint;
  if (hints) return { ...rest, hints };
  return before === undefined ? endpoint : rest;
}

/** Endpoints that are not ready keep what hints they have. */
function hintReady(endpoint: Endpoint, hinting: Hinting): Endpoint {
  return isEndpointReady(endpoint) ? withHints(endpoint, hinting(endpoint)) : endpoint;
}

/** `ReconcileHints`: unchanged slices with wrong hints move to those that are updated. A value that is not known takes all hints away. */
export function distributeTraffic(sets: SliceSets, distribution: string | undefined): SliceSets {
  const hinting = HINTING.get(distribution ?? '');
  const hint = (endpoint: Endpoint) => (hinting ? hintReady(endpoint, hinting) : withHints(endpoint, undefined));
  const isWrong = (endpoint: Endpoint) =>
    hinting ? isEndpointReady(endpoint) && !sameHints(endpoint.hints, hinting(endpoint)) : endpoint.hints !== undefined;
  const hinted = (slice: EndpointSlice) => ({ ...slice, endpoints: slice.endpoints.map(hint) });
  const wrong = sets.unchanged.filter((slice) => slice.endpoints.some(isWrong));
  return {
    create: sets.create.map(hinted),
    update: [...sets.update, ...wrong].map(hinted),
    unchanged: sets.unchanged.filter((slice) => !wrong.includes(slice)),
  };
}
