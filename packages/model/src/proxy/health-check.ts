/**
 * What kube-proxy answers to load balancers: on the health check node port of a Service whether this node has endpoints for it
 * (pkg/proxy/healthcheck/service_health.go), on its own port whether the node takes traffic at all (proxy_health.go). Kubernetes v1.36.
 */
import { formatAddress } from '@podwire/engine';
import type { IPFamily, Node } from '../objects/kube.ts';
import { endpointsByServicePort } from './endpoints.ts';
import { nodePortAddressesOf } from './node-port-addresses.ts';
import type { ProxyNode, ProxyObjects } from './proxy.ts';
import { servicePorts } from './service-ports.ts';
import { healthCheckNodePorts, localReadyEndpoints } from './tracking.ts';

/** An HTTP answer; the body is exact. */
export interface HealthAnswer {
  status: 200 | 503;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** The answer for one Service. The same for every path and method. `proxyHealthy`: its last change of rules did not take too long. */
export function serviceHealth(
  service: { namespace: string; name: string },
  localEndpoints: number,
  proxyHealthy: boolean,
): HealthAnswer {
  const { namespace, name } = service;
  const facts = { service: { namespace, name }, localEndpoints, serviceProxyHealthy: proxyHealthy };
  return {
    status: localEndpoints > 0 && proxyHealthy ? 200 : 503,
    headers: {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      'X-Load-Balancing-Endpoint-Weight': String(localEndpoints),
    },
    body: JSON.stringify(facts, null, '\t'),
  };
}

/** A health check node port as it is open on one node, for one family. */
export interface HealthCheckPort {
  /** `namespace/name`. */
  service: string;
  family: IPFamily;
  port: number;
  /** The node's addresses where the port is open, canonical. */
  addresses: string[];
  /** Distinct addresses of ready endpoints on this node. */
  localEndpoints: number;
  answer: HealthAnswer;
}

/**
 * Every health check node port of a node. The kube-proxy of each family opens those of the Services that have an address of it; of two
 * Services with one number the first keeps it, which is not looked at here.
 *
 * @param nodePortAddresses as for `nodePortAddressesOf`.
 */
export function healthCheckPorts(
  { services, endpointSlices }: ProxyObjects,
  node: Pick<ProxyNode, 'name' | 'interfaceAddresses'>,
  nodePortAddresses: readonly string[],
  proxyHealthy = true,
): HealthCheckPort[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family) => {
    const ports = healthCheckNodePorts(servicePorts(services, family).values());
    if (ports.size === 0) return [];
    const ready = localReadyEndpoints(endpointsByServicePort(endpointSlices, family), node.name);
    const served = nodePortAddressesOf(family, nodePortAddresses).nodeIPs(node.interfaceAddresses);
    const addresses = served.map(formatAddress);
    return [...ports].map(([service, port]) => {
      const [namespace = '', name = ''] = service.split('/');
      const localEndpoints = ready.get(service) ?? 0;
      const answer = serviceHealth({ namespace, name }, localEndpoints, proxyHealthy);
      return { service, family, port, addresses, localEndpoints, answer };
    });
  });
}

/** The taint by which the cluster autoscaler announces that it will take a node away. */
const TO_BE_DELETED = 'ToBeDeletedByClusterAutoscaler';

/** Status of kube-proxy's own `/healthz` and `/livez`: load balancers of policy Cluster go by the first. */
export function proxyHealth(
  { metadata, spec }: Pick<Node, 'metadata' | 'spec'>,
  proxyHealthy: boolean,
): { healthz: 200 | 503; livez: 200 | 503 } {
  const isLeaving =
    Boolean(metadata.deletionTimestamp) || (spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED);
  return { healthz: proxyHealthy && !isLeaving ? 200 : 503, livez: proxyHealthy ? 200 : 503 };
}
