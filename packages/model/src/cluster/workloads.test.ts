import { describe, expect, test } from 'vitest';
import { assumed, clusterOf, documents, node } from './testing.ts';

const NODES = documents(node('a', '{podCIDRs: [10.1.0.0/24]}'), node('b', '{podCIDRs: [10.1.1.0/24]}'));

const workload = (kind: string, spec: string, podSpec = ''): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: w, namespace: shop}
spec:
  ${spec}
  selector: {matchLabels: {app: w}}
  template:
    metadata: {labels: {app: w}}
    spec: {containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]${podSpec && `, ${podSpec}`}}`;

/** As an API server v1.36 with its controllers was seen to do. */
describe('pods that controllers make', () => {
  test('of a DaemonSet carry the generation of their template', async () => {
    const { pods } = await clusterOf(documents(NODES, workload('DaemonSet', 'revisionHistoryLimit: 1')));
    const labels = [...pods.values()].map(({ object }) => object.metadata.labels?.['pod-template-generation']);
    expect(labels).toEqual(['1', '1']);
  });

  test('in the host network have their ports there, so that a second one finds no room', async () => {
    const { pods } = await clusterOf(documents(NODES, workload('ReplicaSet', 'replicas: 3', 'hostNetwork: true')));
    const shown = [...pods.values()].map(({ object }) => [object.spec.containers?.[0]?.ports, object.spec.nodeName]);
    const ports = [{ name: 'http', containerPort: 8080, protocol: 'TCP', hostPort: 8080 }];
    expect(new Set(shown.map(([, name]) => name))).toEqual(new Set(['a', 'b', undefined]));
    expect(shown.map(([list]) => list)).toEqual([ports, ports, ports]);
  });

  test('of a StatefulSet wait for the one before, for ever behind a gate that nothing sets', async () => {
    const gate = 'readinessGates: [{conditionType: example.com/gate}]';
    const count = async (spec: string, podSpec?: string) =>
      clusterOf(documents(NODES, workload('StatefulSet', spec, podSpec)));
    expect((await count('replicas: 3')).pods.size).toBe(3);
    const waiting = await count('replicas: 3', gate);
    expect([waiting.pods.size, assumed(waiting, 'unmet-readiness-gates')]).toEqual([1, 1]);
    expect((await count('replicas: 3\n  podManagementPolicy: Parallel', gate)).pods.size).toBe(3);
  });
});
