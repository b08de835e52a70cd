import { parsePrefix } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { ApiServer } from '../server.ts';

type Spec = Record<string, unknown>;

const stored: Spec = {
  type: 'ClusterIP',
  clusterIP: '10.96.0.9',
  clusterIPs: ['10.96.0.9'],
  ipFamilies: ['IPv4'],
  ipFamilyPolicy: 'SingleStack',
  sessionAffinity: 'None',
  internalTrafficPolicy: 'Cluster',
  ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 80 }],
};
const nodePort: Spec = {
  ...stored,
  type: 'NodePort',
  externalTrafficPolicy: 'Cluster',
  ports: [{ name: 'http', protocol: 'TCP', port: 80, targetPort: 80, nodePort: 30080 }],
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

const of = (spec: Spec, status: object = { loadBalancer: {} }) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'api', namespace: 'shop' },
  spec,
  status,
});

function send(before: object, after: object): ReturnType<ApiServer['update']> {
  const clusterIPs = ['10.96.0.0/16', 'fd00::/112'].flatMap((text) => parsePrefix(text) ?? []);
  const server = new ApiServer({ clusterIPs, nodePorts: { from: 30000, to: 32767 } });
  server.hold(before as Record<string, unknown>);
  return server.update(after as Record<string, unknown>);
}

/** The spec after a merge patch; fields that are undefined are taken out. */
function update(before: Spec, change: Spec): Spec {
  const merged = Object.entries({ ...before, ...change }).filter(([, value]) => value !== undefined);
  const answer = send(of(before), of(Object.fromEntries(merged)));
  return answer.accepted ? (answer.object.spec as Spec) : { refused: answer.message };
}

/** Rules: pkg/registry/core/service/strategy.go and storage/storage.go. */
describe('an update of a Service', () => {
  test('without cluster IP keeps the old one', () => {
    expect(update(stored, { clusterIP: undefined, clusterIPs: undefined })).toEqual(stored);
    expect(update(stored, { clusterIP: undefined })).toEqual(stored);
  });

  test('without node port keeps the old one, even for another port number', () => {
    const { ports } = update(nodePort, { ports: [{ name: 'http', port: 81 }] });
    expect(ports).toMatchObject([{ name: 'http', port: 81, nodePort: 30080 }]);
    const moved = [
      { name: 'other', port: 82, nodePort: 30080 },
      { name: 'http', port: 81 },
    ];
    const [other, http] = update(nodePort, { ports: moved }).ports as { nodePort: number }[];
    expect(other?.nodePort).toBe(30080);
    expect(http?.nodePort).not.toBe(30080);
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
      sessionAffinity: 'None',
      ports: stored.ports,
    });
  });

  test('from two families to one gives the second address back', () => {
    expect(update(dual, { ipFamilyPolicy: 'SingleStack' })).toEqual(stored);
    const kept = update(dual, { clusterIPs: ['10.96.0.9'], ipFamilies: ['IPv4'] });
    expect(kept.refused).toContain("must be 'SingleStack' to release the secondary cluster IP");
  });

  test('keeps the health check node port while it is of use', () => {
    expect(update(balanced, { healthCheckNodePort: undefined }).healthCheckNodePort).toBe(31000);
    expect(update(balanced, { externalTrafficPolicy: 'Cluster' }).healthCheckNodePort).toBeUndefined();
  });

  test('a load balancer status goes with the type', () => {
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] } };
    const after = (spec: Spec) => {
      const answer = send(of(balanced, status), of(spec));
      return answer.accepted && answer.object.status;
    };
    expect(after(balanced)).toEqual(status);
    expect(after({ ...nodePort, loadBalancerClass: balanced.loadBalancerClass })).toEqual({ loadBalancer: {} });
  });
});
