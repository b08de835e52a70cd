/** Objects for the tests of the load balancer's tables, as short as they can be. */
import type { Endpoint, EndpointSlice, Pod, Service } from '../../objects/kube.ts';
import { lbOptions, type OptionTexts } from './options.ts';
import { printFrontends } from './print.ts';
import { LoadBalancerTables } from './tables.ts';

export function aService(
  name: string,
  spec: Partial<Service['spec']>,
  annotations: Record<string, string> = {},
): Service {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'shop', name, annotations },
    spec: { type: 'ClusterIP', ports, ...spec },
  };
}

export function aSlice(service: string, name: string, endpoints: (string | Partial<Endpoint>)[]): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'shop', name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: endpoints.map((given) =>
      typeof given === 'string' ? { addresses: [given] } : { addresses: [], ...given },
    ),
  };
}

export function aPod(
  name: string,
  ip: string,
  ports: { containerPort: number; hostPort?: number; hostIP?: string }[],
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'shop', name, uid: 'u1' },
    spec: { containers: [{ name: 'main', ports }] },
    status: { phase: 'Running', podIP: ip },
  };
}

export function theTables(texts: OptionTexts = {}, labels: Record<string, string> = {}): LoadBalancerTables {
  return new LoadBalancerTables({ options: lbOptions(texts).options, node: { name: 'here', labels } });
}

/** `TYPE ADDRESS -> BACKENDS`, a line for each frontend. */
export function frontendLines(tables: LoadBalancerTables): string[] {
  return printFrontends(tables.frontends).rows.map(
    ([address, type, , , backends]) => `${type} ${address} -> ${backends}`,
  );
}
