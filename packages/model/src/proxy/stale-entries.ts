/**
 * Which connections kube-proxy makes the kernel forget (pkg/proxy/conntrack/cleanup.go). Only UDP: a TCP connection ends with its endpoint, a
 * UDP one goes on to an address where nobody is. Kubernetes v1.36.
 */
import type { ConntrackEntry } from '@podwire/engine';
import type { EndpointSlice, IPFamily } from '../objects/kube.ts';
import { type EndpointInfo, endpointsByServicePort } from './endpoints.ts';
import { joinHostPort } from './ip.ts';
import type { ProxyObjects } from './proxy.ts';
import { type ServicePortInfo, servicePortKey, servicePorts } from './service-ports.ts';
import { endpointsChange } from './tracking.ts';

const UDP = 17;

/** As much of a connection as kube-proxy looks at. Addresses are canonical. */
export type TrackedFlow = Pick<ConntrackEntry, 'protocol' | 'original' | 'reply'>;

/**
 * Flows to an address and port, or a node port, of a UDP Service whose answers come from no serving endpoint (address and port) of it. A Service without a serving
 * endpoint keeps its flows: there is nobody who would take them over. Policies, hints and termination do not count.
 */
export function staleEntries<Flow extends TrackedFlow>(
  flows: readonly Flow[],
  ports: Iterable<ServicePortInfo>,
  endpoints: ReadonlyMap<string, readonly EndpointInfo[]>,
): Flow[] {
  const byAddress = new Map<string, ReadonlySet<string>>();
  const byNodePort = new Map<number, ReadonlySet<string>>();
  for (const info of ports) {
    if (info.protocol !== 'UDP') continue;
    const listed = endpoints.get(servicePortKey(info.namespace, info.name, info.port, info.protocol)) ?? [];
    const serving = new Set(listed.filter((endpoint) => endpoint.serving).map(({ endpoint }) => endpoint));
    if (serving.size === 0) continue;
    const addresses = [info.clusterIP, ...[...info.loadBalancerVIPs, ...info.externalIPs].map(({ ip }) => ip)];
    for (const address of addresses) byAddress.set(joinHostPort(address, info.portNumber), serving);
    if (info.nodePort !== 0) byNodePort.set(info.nodePort, serving);
  }
  return flows.filter(({ protocol, original, reply }) => {
    if (protocol !== UDP) return false;
    const expected = [byAddress.get(joinHostPort(original.daddr, original.dport)), byNodePort.get(original.dport)];
    return expected.some((serving) => serving && !serving.has(joinHostPort(reply.saddr, reply.sport)));
  });
}

/**
 * What of a node's connections is gone after the endpoints changed: kube-proxy only looks where a Service with UDP endpoints, before or
 * after, has a changed slice. `before`: the slices until then.
 */
export function cleanedEntries(
  entries: readonly ConntrackEntry[],
  before: readonly EndpointSlice[],
  { services, endpointSlices }: ProxyObjects,
): ConntrackEntry[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family: IPFamily) => {
    if (!endpointsChange(before, endpointSlices, family).conntrackCleanupRequired) return [];
    const mine = entries.filter((entry) => entry.family === (family === 'IPv4' ? 4 : 6));
    return staleEntries(mine, servicePorts(services, family).values(), endpointsByServicePort(endpointSlices, family));
  });
}
