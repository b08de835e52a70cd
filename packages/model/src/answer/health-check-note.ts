/** What kube-proxy answers where a question goes to a health check node port, as load balancers ask. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { Service } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import { type HealthCheckPort, healthCheckPorts } from '../proxy/health-check.ts';
import { givenNodePortAddresses, resolvePrimary } from '../proxy/node-port-addresses.ts';
import type { Note } from './answer.ts';
import type { Destination } from './destinations.ts';
import { keyOf } from './directory.ts';
import { objectRef, type Provenance } from './provenance.ts';

/** Modes in which a kube-proxy runs that opens these ports. */
const KUBE_PROXY: ReadonlySet<string> = new Set(['iptables', 'nftables', 'ipvs']);

/** The port as it is open at the destination's address; undefined where it is not. */
function portAt(
  cluster: Cluster,
  service: Placed<Service>,
  { end, node = '' }: Destination,
): HealthCheckPort | undefined {
  const placed = cluster.nodes.get(node);
  if (!placed || end.address === undefined) return undefined;
  const { proxyMode, proxy } = cluster.settings;
  const { nodePortAddresses } = (cluster.proxyOfNodes?.get(node) ?? proxy).value;
  const given = givenNodePortAddresses(proxyMode.value, nodePortAddresses);
  const slices = (cluster.endpointSlices.get(keyOf(service.object)) ?? []).map(({ object }) => object);
  const ports = healthCheckPorts(
    { services: [service.object], endpointSlices: slices },
    { name: node, interfaceAddresses: [end.address] },
    resolvePrimary(given, nodeIPs(placed.object)),
  );
  return ports.find(({ port, addresses }) => port === end.port && addresses.includes(end.address ?? ''));
}

/** One note for each health check node port that is asked. */
export function healthCheckNotes(
  cluster: Cluster,
  destinations: readonly Destination[],
  provenance: Provenance,
): Note[] {
  if (!KUBE_PROXY.has(cluster.settings.proxyMode.value)) return [];
  const asked = destinations.filter(({ node, end }) => node !== undefined && end.protocol === 'tcp');
  if (asked.length === 0) return [];
  const services = [...cluster.services.values()].filter(({ object }) => object.spec.healthCheckNodePort);
  return asked.flatMap((destination) =>
    services.flatMap((service) => {
      const open = portAt(cluster, service, destination);
      if (!open) return [];
      const { localEndpoints: count, answer } = open;
      const has = count === 0 ? 'no ready endpoint' : count === 1 ? '1 ready endpoint' : `${count} ready endpoints`;
      const then = answer.status === 200 ? 'send to it' : 'leave it out';
      return {
        kind: 'intended' as const,
        code: 'health-check-port',
        text: `Port ${open.port} of node ${destination.node} is the health check of svc/${open.service}: kube-proxy answers ${answer.status}, because the node has ${has}, and load balancers ${then}.`,
        object: objectRef(provenance, service, ['spec', 'healthCheckNodePort']),
      };
    }),
  );
}
