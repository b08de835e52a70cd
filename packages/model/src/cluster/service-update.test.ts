import { describe, expect, test } from 'vitest';
import type { Service } from '../objects/kube.ts';
import { updateService } from './service-update.ts';

type Spec = Service['spec'];

const of = (spec: Spec): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api' }, spec });

const stored: Spec = {
  type: 'ClusterIP',
  clusterIP: '10.96.0.9',
  clusterIPs: ['10.96.0.9'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  ports: [{ name: 'http', port: 80 }],
};
const nodePort: Spec = {
  ...stored,
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ name: 'http', port: 80, nodePort: 30080 }],
};
const balanced: Spec = {
  ...nodePort,
  type: 'LoadBalancer',
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: 31000,
  allocateLoadBalancerNodePorts: true,
  loadBalancerClass: 'example.com/lb',
};
const dual: Spec = {
  ...stored,
  clusterIPs: ['10.96.0.9', 'fd00::9'],
  ipFamilies: ['IPv4', 'IPv6'],
  ipFamilyPolicy: 'PreferDualStack',
};

function update(before: Spec, change: Partial<Record<keyof Spec, unknown>>): Spec {
  const merged = Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined);
  return updateService(of(before), of(Object.fromEntries(merged) as Spec)).spec;
}

/** Rules: pkg/registry/core/service/strategy.go. */
describe('an update of a Service', () => {
  test('without cluster IP keeps the old one', () => {
    expect(update(stored, { clusterIP: undefined, clusterIPs: undefined })).toEqual(stored);
    expect(update(stored, { clusterIP: undefined })).toEqual(stored);
  });

  test('without node port keeps the old one, even for another port number', () => {
    expect(update(nodePort, { ports: [{ name: 'http', port: 81 }] }).ports).toEqual([
      { name: 'http', port: 81, nodePort: 30080 },
    ]);
    const ports = [
      { name: 'other', port: 82, nodePort: 30080 },
      { name: 'http', port: 81 },
    ];
    expect(update(nodePort, { ports }).ports).toEqual(ports);
  });

  test('that declines node ports for the load balancer keeps those it has', () => {
    expect(update(balanced, { allocateLoadBalancerNodePorts: false }).ports).toEqual(balanced.ports);
  });

  test('to a smaller type drops what was drawn for the larger', () => {
    expect(update(balanced, { type: 'ClusterIP' })).toEqual(stored);
    expect(update(balanced, { type: 'NodePort', externalTrafficPolicy: 'Cluster' })).toEqual(nodePort);
  });

  test('to ExternalName gives the addresses back', () => {
    expect(update(stored, { type: 'ExternalName', externalName: 'a.example' })).toEqual({
      type: 'ExternalName',
      externalName: 'a.example',
      ports: stored.ports,
    });
  });

  test('from two families to one gives the second address back', () => {
    expect(update(dual, { ipFamilyPolicy: 'SingleStack' })).toEqual(stored);
  });

  test('keeps the health check node port while it is of use', () => {
    expect(update(balanced, { healthCheckNodePort: undefined }).healthCheckNodePort).toBe(31000);
    expect(update(balanced, { externalTrafficPolicy: 'Cluster' }).healthCheckNodePort).toBeUndefined();
  });

  test('a load balancer status goes with the type', () => {
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    expect(updateService(of(balanced), { ...of(balanced), status }).status).toEqual(status);
    expect(updateService(of(balanced), { ...of(nodePort), status }).status).toBeUndefined();
  });
});
