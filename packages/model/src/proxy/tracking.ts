/** What a change of Services or EndpointSlices makes kube-proxy do again. (pkg/proxy/servicechangetracker.go, endpointschangetracker.go) */
import type { EndpointSlice, IPFamily, Service } from '../objects/kube.ts';
import { type EndpointInfo, endpointsByServicePort, serviceOfSlice } from './endpoints.ts';
import { type ServicePortInfo, servicePortsOf } from './service-ports.ts';

type Plain = null | undefined | string | number | boolean | readonly Plain[] | { readonly [key: string]: Plain };

function sameValue(a: Plain, b: Plain): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = Object.entries(a);
  const right = new Map(Object.entries(b));
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameValue(value, right.get(key)));
}

/** The parts of a service port that kube-proxy compares: the object behind it may change in ways that do not matter. */
function comparable({ service: _service, loadBalancerSourceRanges, ...rest }: ServicePortInfo): Plain {
  return { ...rest, ranges: loadBalancerSourceRanges.map((range) => range.cidr.text) } as unknown as Plain;
}

const keyOf = ({ metadata }: Service | EndpointSlice) => `${metadata.namespace ?? 'default'}/${metadata.name}`;

/** `namespace/name` of the Services whose ports differ between two states, in byte order. */
export function updatedServices(previous: readonly Service[], current: readonly Service[], family: IPFamily): string[] {
  const ports = (service: Service | undefined) => (service ? servicePortsOf(service, family).map(comparable) : []);
  const before = new Map(previous.map((service) => [keyOf(service), service]));
  const after = new Map(current.map((service) => [keyOf(service), service]));
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => !sameValue(ports(before.get(name)), ports(after.get(name)))).sort();
}

/** The health check node port of each Service that has one. */
export function healthCheckNodePorts(ports: Iterable<ServicePortInfo>): Map<string, number> {
  const found = new Map<string, number>();
  for (const { namespace, name, healthCheckNodePort } of ports) {
    if (healthCheckNodePort !== 0) found.set(`${namespace}/${name}`, healthCheckNodePort);
  }
  return found;
}

/** How many addresses of each Service are ready on the node: what its health check answers with. An address counts once for all ports. */
export function localReadyEndpoints(
  endpoints: ReadonlyMap<string, readonly EndpointInfo[]>,
  nodeName: string,
): Map<string, number> {
  const addresses = new Map<string, Set<string>>();
  for (const list of endpoints.values()) {
    for (const { ready, nodeName: on, slice, ip } of list) {
      const service = serviceOfSlice(slice);
      if (!ready || nodeName === '' || on !== nodeName || service === undefined) continue;
      addresses.set(service, (addresses.get(service) ?? new Set()).add(ip));
    }
  }
  return new Map([...addresses].map(([service, ips]) => [service, ips.size]));
}

export interface EndpointsChange {
  endpoints: Map<string, EndpointInfo[]>;
  /** `namespace/name` of the Services with a changed slice, in byte order. */
  updatedServices: string[];
  /** A changed Service has, or had, a UDP port with endpoints: only then stale flows are looked for. */
  conntrackCleanupRequired: boolean;
}

/** From one state of the slices to the next. */
export function endpointsChange(
  previous: readonly EndpointSlice[],
  current: readonly EndpointSlice[],
  family: IPFamily,
): EndpointsChange {
  const seen = (slices: readonly EndpointSlice[]) =>
    new Map(slices.filter((slice) => slice.addressType === family && serviceOfSlice(slice)).map((s) => [keyOf(s), s]));
  const before = seen(previous);
  const after = seen(current);
  const updated = new Set<string>();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(key), after.get(key)];
    if (sameValue(old as unknown as Plain, now as unknown as Plain)) continue;
    for (const slice of [old, now]) {
      const service = slice && serviceOfSlice(slice);
      if (service !== undefined) updated.add(service);
    }
  }
  const ofUpdated = (slices: Map<string, EndpointSlice>) =>
    endpointsByServicePort(
      [...slices.values()].filter((slice) => updated.has(serviceOfSlice(slice) ?? '')),
      family,
    );
  const hasUDP = (endpoints: Map<string, EndpointInfo[]>) => [...endpoints.keys()].some((key) => key.endsWith('/UDP'));
  return {
    endpoints: endpointsByServicePort([...after.values()], family),
    updatedServices: [...updated].sort(),
    conntrackCleanupRequired: hasUDP(ofUpdated(before)) || hasUDP(ofUpdated(after)),
  };
}
