import { expect, test } from 'vitest';
import type { Service } from '../objects/kube.ts';
import { linkedServices, serviceVariables } from './service-variables.ts';

const service = (name: string, spec: Service['spec'], namespace = 'shop'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec,
});

test('the variables of a Service, as the documentation shows them for redis-primary', () => {
  const found = serviceVariables(service('redis-primary', { clusterIP: '10.0.0.11', ports: [{ port: 6379 }] }));
  expect(found.map(([name, value]) => `${name}=${value}`)).toEqual([
    'REDIS_PRIMARY_SERVICE_HOST=10.0.0.11',
    'REDIS_PRIMARY_SERVICE_PORT=6379',
    'REDIS_PRIMARY_PORT=tcp://10.0.0.11:6379',
    'REDIS_PRIMARY_PORT_6379_TCP=tcp://10.0.0.11:6379',
    'REDIS_PRIMARY_PORT_6379_TCP_PROTO=tcp',
    'REDIS_PRIMARY_PORT_6379_TCP_PORT=6379',
    'REDIS_PRIMARY_PORT_6379_TCP_ADDR=10.0.0.11',
  ]);
});

test('several ports, names, protocols, IPv6', () => {
  const ports = [
    { name: 'dns-udp', port: 53, protocol: 'UDP' as const },
    { name: 'dns', port: 53, protocol: 'TCP' as const },
  ];
  const found = new Map(serviceVariables(service('d', { clusterIP: 'fd00::a', ports })));
  expect(found.get('D_SERVICE_PORT')).toBe('53');
  expect(found.get('D_SERVICE_PORT_DNS_UDP')).toBe('53');
  expect(found.get('D_PORT')).toBe('udp://[fd00::a]:53');
  expect(found.get('D_PORT_53_TCP_ADDR')).toBe('fd00::a');
});

test('which Services a container is told of', () => {
  const all = [
    service('kubernetes', { clusterIP: '10.0.0.1' }, 'default'),
    service('kubernetes', { clusterIP: '10.0.0.9' }, 'shop'),
    service('api', { clusterIP: '10.0.0.2' }),
    service('headless', { clusterIP: 'None' }),
    service('alias', { type: 'ExternalName', externalName: 'x.example' }),
    service('other', { clusterIP: '10.0.0.3' }, 'other'),
  ].map((object) => ({ object }));
  const names = (links: boolean, list = all): string[] =>
    linkedServices(list, 'shop', links).map(({ object }) => `${object.metadata.namespace}/${object.metadata.name}`);
  // A Service of the namespace itself wins over the one of default.
  expect(names(true)).toEqual(['shop/kubernetes', 'shop/api']);
  expect(names(true, [...all].reverse())).toEqual(['shop/api', 'shop/kubernetes']);
  expect(names(false)).toEqual(['default/kubernetes']);
});
