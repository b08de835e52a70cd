/** Which EndpointSlices each Service has: those of the input, those mirrored from Endpoints, or those its controller would make. */
import { nameSlice, objectKey } from '../controllers/converge.ts';
import { isMirrored, reconcileMirror } from '../controllers/mirror.ts';
import { PodIndex } from '../controllers/pod-index.ts';
import { hasSliceController, reconcileSlices } from '../controllers/reconcile.ts';
import { MANAGED_BY, SERVICE_NAME } from '../controllers/slice-metadata.ts';
import { type ZoneShares, zoneShares } from '../controllers/zone-shares.ts';
import type { EndpointSlice, Endpoints, KubeObject, Node, Pod, Service } from '../objects/kube.ts';
import { isLive } from '../objects/pod-facts.ts';
import { suggest } from '../objects/suggest.ts';
import { apiServerSlices } from './api-server.ts';
import { checkSlices } from './check-slices.ts';
import type { Placed } from './cluster.ts';
import { type Collected, sortedByKey } from './collect.ts';
import { Redacted } from './redacted.ts';
import type { Report } from './report.ts';
import { API_SERVICE } from './service-addresses.ts';

const SETTLE = 'give the EndpointSlices: kubectl get endpointslices -A -o json';

/** The input's slices by Service key; those that belong to no Service of the input are reported. */
function givenSlices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  report: Report,
): Map<string, Placed<EndpointSlice>[]> {
  const found = new Map<string, Placed<EndpointSlice>[]>();
  for (const placed of collected.endpointSlices.values()) {
    const { labels = {}, namespace = '' } = placed.object.metadata;
    const name = labels[SERVICE_NAME];
    const key = `${namespace}/${name}`;
    if (name === undefined) {
      report.problem(
        'info',
        'slice-without-service',
        { ...placed, path: ['metadata', 'labels'] },
        `has no label ${SERVICE_NAME}, so it belongs to no Service`,
        `Add the label if it should.`,
      );
      continue;
    }
    if (!services.has(key)) {
      const near = suggest(key, services.keys(), (k) => k, 1)[0];
      report.problem(
        'warning',
        'unknown-reference',
        { ...placed, path: ['metadata', 'labels', SERVICE_NAME] },
        `Service ${key} is not in the input`,
        near === undefined ? 'Add the Service: kubectl get services -A -o json' : `Did you mean ${near}?`,
      );
    }
    const list = found.get(key);
    if (list) list.push(placed);
    else found.set(key, [placed]);
  }
  return found;
}

/** Written by hand, beside what controllers make: it names no pods, no controller, and never was in a cluster. */
function isByHand({ object }: Placed<EndpointSlice>): boolean {
  return (
    !isLive(object) &&
    object.metadata.labels?.[MANAGED_BY] === undefined &&
    object.endpoints.length > 0 &&
    object.endpoints.every(({ targetRef }) => targetRef === undefined)
  );
}

/** Endpoints that no controller can have made: those of a Service with a selector will be written over. */
function isOverwritten({ object }: Placed<Endpoints>, selected: readonly Pod[]): boolean {
  const addresses = (object.subsets ?? []).flatMap((subset) => [
    ...(subset.addresses ?? []),
    ...(subset.notReadyAddresses ?? []),
  ]);
  return !isLive(object) && selected.length > 0 && addresses.every(({ targetRef }) => targetRef === undefined);
}

interface Making {
  nodes: ReadonlyMap<string, Placed<Node>>;
  shares: ZoneShares | undefined;
  report: Report;
}

/** New slices with a name and the object that they are made of. */
function asMade(slices: readonly EndpointSlice[], placed: Placed<KubeObject>): Placed<EndpointSlice>[] {
  const taken = new Set<string>();
  const { kind, metadata } = placed.object;
  const { name, namespace = '' } = metadata;
  return slices.map((slice) => {
    const object = nameSlice(slice, (key) => taken.has(key));
    taken.add(objectKey(object));
    return { object, madeBy: { kind, namespace, name, ...(placed.origin && { origin: placed.origin }) } };
  });
}

/** What the controller makes of the pods; topology mode Auto may give no hints, and then says why. */
function makeSlices(placed: Placed<Service>, pods: readonly Pod[], making: Making): Placed<EndpointSlice>[] {
  const { nodes, shares, report } = making;
  const { create, topology } = reconcileSlices(
    { service: placed.object, pods, node: (name) => nodes.get(name)?.object, existing: [] },
    { topology: { shares } },
  );
  const reasons = Object.values(topology).flatMap((hints) => ('reason' in hints ? hints.reason : []));
  if (reasons[0] !== undefined && shares === undefined)
    report.assume(
      'no-topology-hints',
      'Services with topology-mode Auto have no hints, because the Nodes do not all tell their zone, their CPU and that they are ready',
      'give the Nodes as they run: kubectl get nodes -o json',
    );
  else if (reasons[0] !== undefined)
    report.problem(
      'info',
      'no-topology-hints',
      { ...placed, path: ['metadata', 'annotations'] },
      `asks for topology hints, and gets none: ${reasons[0]}`,
      'Every zone needs endpoints in proportion to its CPU; spec.trafficDistribution asks for less.',
    );
  return asMade(create, placed);
}

function mirror(placed: Placed<Endpoints>): Placed<EndpointSlice>[] {
  return asMade(reconcileMirror(placed.object, []).create, placed);
}

export function buildEndpointSlices(
  collected: Collected,
  services: ReadonlyMap<string, Placed<Service>>,
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
  report: Report,
): { endpointSlices: Map<string, Placed<EndpointSlice>[]>; unknownEndpoints: Set<string> } {
  const unknown = new Set<string>();
  const given = givenSlices(collected, services, report);
  const redacted = new Redacted(collected.pods, pods, report);
  const objects = <T>(map: ReadonlyMap<string, Placed<T>>) => Array.from(map.values(), ({ object }) => object);
  const index = new PodIndex(objects(pods));
  const making: Making = { nodes, shares: zoneShares(objects(nodes)), report };

  const mirrored = (placed: Placed<Endpoints>): Placed<EndpointSlice>[] => {
    report.assume('mirrored-endpoints', 'Services without EndpointSlices in the input use their Endpoints', SETTLE);
    return mirror(redacted.repairEndpoints(placed));
  };
  /** What stands beside slices written by hand, or in the place of slices that the input lacks. */
  const derived = (key: string, placed: Placed<Service>): Placed<EndpointSlice>[] | undefined => {
    const service = placed.object;
    const endpoints = collected.endpoints.get(key);
    const { namespace = '' } = service.metadata;
    const selected = index.selected(namespace, service.spec.selector ?? {});
    const overwritten = endpoints && isOverwritten(endpoints, selected);
    if (endpoints && !overwritten) {
      const isReal = isLive(endpoints.object) || hasSliceController(service);
      if (isReal || isMirrored(endpoints.object, service)) return mirrored(endpoints);
      report.problem(
        'info',
        'endpoints-not-mirrored',
        { ...endpoints, path: ['metadata'] },
        'is not mirrored to EndpointSlices, so that kube-proxy does not see it',
        'Take the label endpointslice.kubernetes.io/skip-mirror away if the Service should use it.',
      );
    }
    if (!hasSliceController(service))
      return key === API_SERVICE ? apiServerSlices(placed, pods, nodes, report) : undefined;
    if (overwritten)
      report.problem(
        'warning',
        'endpoints-overwritten',
        endpoints,
        'will be written over: its Service has a selector, so a controller keeps its Endpoints',
        'Take the selector out of the Service to keep endpoints by hand.',
      );
    report.assume(
      'computed-slices',
      'Services without EndpointSlices in the input have those that their controller would make of the Pods',
      SETTLE,
    );
    return makeSlices(placed, selected, making);
  };

  const result = new Map<string, Placed<EndpointSlice>[]>();
  for (const [key, placed] of services) {
    const slices = given.get(key)?.map((slice) => redacted.repairSlice(slice));
    if (slices && !slices.every(isByHand)) {
      result.set(key, slices);
      const { namespace = '' } = placed.object.metadata;
      const selected = index.selected(namespace, placed.object.spec.selector ?? {});
      checkSlices({ placed, slices, selected, collected, pods, nodes }, report);
      continue;
    }
    const own = derived(key, placed);
    const isUnknown = placed.object.spec.type !== 'ExternalName' && isLive(placed.object) && !own && !slices;
    if (isUnknown || (key === API_SERVICE && own?.length === 0 && !slices)) unknown.add(key);
    result.set(key, [...(slices ?? []), ...(own ?? [])]);
  }
  report.assume(
    'unknown-endpoints',
    'Services without a selector may have endpoints that the input does not show',
    SETTLE,
    unknown.size,
  );
  for (const [key, slices] of given) if (!services.has(key)) result.set(key, slices);
  return { endpointSlices: sortedByKey(result), unknownEndpoints: unknown };
}
