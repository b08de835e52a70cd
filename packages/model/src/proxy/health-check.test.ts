import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../objects/kube.ts';
import { healthCheckPorts, proxyHealth, serviceHealth } from './health-check.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'api', namespace: 'shop' },
  spec: {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.9',
    clusterIPs: ['10.96.0.9'],
    ipFamilies: ['IPv4'],
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 31000,
    ports: [
      { name: 'http', port: 80 },
      { name: 'https', port: 443 },
    ],
  },
};

const slice: EndpointSlice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'api-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'api' } },
  addressType: 'IPv4',
  endpoints: [
    { addresses: ['10.1.0.2'], conditions: { ready: true }, nodeName: 'a' },
    { addresses: ['10.1.0.3'], conditions: { ready: false }, nodeName: 'a' },
    { addresses: ['10.1.1.2'], conditions: { ready: false }, nodeName: 'b' },
  ],
  ports: [
    { name: 'http', port: 8080 },
    { name: 'https', port: 8443 },
  ],
};

describe('the health check node port', () => {
  test('tells a load balancer which nodes have ready endpoints, each address once', () => {
    const of = (name: string) =>
      healthCheckPorts(
        { services: [service], endpointSlices: [slice] },
        { name, interfaceAddresses: ['127.0.0.1/8', '10.0.0.1/24', 'fd00::1/64'] },
        ['10.0.0.0/8'],
      ).map(({ family, port, addresses, localEndpoints, answer }) => [
        family,
        port,
        addresses,
        localEndpoints,
        answer.status,
      ]);
    expect(of('a')).toEqual([['IPv4', 31000, ['10.0.0.1'], 1, 200]]);
    expect(of('b')).toEqual([['IPv4', 31000, ['10.0.0.1'], 0, 503]]);
  });

  test('is closed without policy Local', () => {
    const cluster: Service = { ...service, spec: { ...service.spec, externalTrafficPolicy: 'Cluster' } };
    const node = { name: 'a', interfaceAddresses: ['10.0.0.1/24'] };
    expect(healthCheckPorts({ services: [cluster], endpointSlices: [slice] }, node, [])).toEqual([]);
  });

  test('says no while kube-proxy is late, whatever is there', () => {
    expect(serviceHealth({ namespace: 'shop', name: 'api' }, 3, false).status).toBe(503);
  });
});

test("kube-proxy's own health: /healthz also says no on a node that is to be taken away", () => {
  const taints = [{ key: 'ToBeDeletedByClusterAutoscaler', effect: 'NoSchedule' }];
  const metadata = { name: 'a' };
  expect(proxyHealth({ metadata, spec: { taints } }, true)).toEqual({ healthz: 503, livez: 200 });
  expect(proxyHealth({ metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, true).healthz).toBe(503);
  expect(proxyHealth({ metadata, spec: {} }, false)).toEqual({ healthz: 503, livez: 503 });
});
