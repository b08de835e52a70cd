import { describe, expect, test } from 'vitest';
import { assumed, clusterOf, deployment, documents, node, perNode } from './testing.ts';

const workload = (kind: string, spec: string, podSpec = ''): string => `
apiVersion: apps/v1
kind: ${kind}
metadata: {name: w, namespace: shop}
spec:
  ${spec}
  selector: {matchLabels: {app: w}}
  template:
    metadata: {labels: {app: w}}
    spec: {containers: [{name: c}]${podSpec && `, ${podSpec}`}}`;

async function names(text: string): Promise<string[]> {
  return [...(await clusterOf(text)).pods.keys()];
}

describe('pods of workloads', () => {
  test('a Deployment names them after its ReplicaSet, and each run the same way', async () => {
    const first = await names(deployment('web', 3));
    expect(first).toHaveLength(3);
    for (const name of first) expect(name).toMatch(/^shop\/web-[bcdf-hj-np-tv-xz2-9]{9}-[bcdf-hj-np-tv-xz24-9]{5}$/);
    expect(await names(deployment('web', 3))).toEqual(first);
    // One more does not rename the others.
    expect(await names(deployment('web', 4))).toEqual(expect.arrayContaining(first));
  });

  test('a StatefulSet counts them and gives each its host name', async () => {
    const cluster = await clusterOf(workload('StatefulSet', 'replicas: 2\n  serviceName: db'));
    expect([...cluster.pods.keys()]).toEqual(['shop/w-0', 'shop/w-1']);
    expect(cluster.pods.get('shop/w-1')?.object.spec).toMatchObject({ hostname: 'w-1', subdomain: 'db' });
  });

  test('a DaemonSet has one on every node whose taints it tolerates', async () => {
    const nodes = documents(
      node('a'),
      node('b', '{taints: [{key: gpu, effect: NoSchedule}]}'),
      node('c', '{unschedulable: true}'),
      node('d', '{taints: [{key: soft, effect: PreferNoSchedule}]}'),
    );
    expect(perNode(await clusterOf(documents(nodes, workload('DaemonSet', ''))))).toEqual({ a: 1, c: 1, d: 1 });
    const tolerant = workload('DaemonSet', '', 'tolerations: [{operator: Exists}]');
    expect(perNode(await clusterOf(documents(nodes, tolerant)))).toEqual({ a: 1, b: 1, c: 1, d: 1 });
  });

  test('Jobs run at their parallelism, CronJobs as one Job; suspended Jobs not at all', async () => {
    const job = (name: string, spec: string): string =>
      `apiVersion: batch/v1\nkind: Job\nmetadata: {name: ${name}, namespace: shop}\nspec: {${spec}, template: {spec: {containers: [{name: c}]}}}`;
    const cron =
      'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly, namespace: shop}\nspec: {schedule: "* * * * *", jobTemplate: {spec: {template: {spec: {containers: [{name: c}]}}}}}';
    const found = await names(documents(job('a', 'parallelism: 3, completions: 2'), job('b', 'suspend: true'), cron));
    expect(found.map((n) => n.replace(/-.*/, ''))).toEqual(['shop/a', 'shop/a', 'shop/nightly']);
  });

  test('a HorizontalPodAutoscaler keeps the number within its bounds', async () => {
    const scaler =
      'apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: shop}\nspec: {minReplicas: 4, maxReplicas: 6, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}';
    const cluster = await clusterOf(documents(deployment('web', 1), scaler));
    expect(cluster.pods.size).toBe(4);
    expect(assumed(cluster, 'autoscaled')).toBe(1);
    expect((await clusterOf(documents(deployment('web', 0), scaler))).pods.size).toBe(0);
  });

  test('workloads whose pods are in the input make none', async () => {
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: web-x, namespace: shop, uid: u, labels: {app: web}}\nspec: {nodeName: n}\nstatus: {phase: Running, podIP: 10.1.1.1}';
    expect(await names(documents(deployment('web', 3), pod))).toEqual(['shop/web-x']);
    // Somebody wrote this one by hand: it only looks alike.
    const bare = 'apiVersion: v1\nkind: Pod\nmetadata: {name: web-x, namespace: shop, labels: {app: web}}\nspec: {}';
    expect(await names(documents(deployment('web', 3), bare))).toHaveLength(4);
  });

  test('a ReplicaSet adopts a pod that fits and that nobody owns', async () => {
    const bare = 'apiVersion: v1\nkind: Pod\nmetadata: {name: w-mine, namespace: shop, labels: {app: w}}\nspec: {}';
    const cluster = await clusterOf(documents(workload('ReplicaSet', 'replicas: 2'), bare));
    expect(cluster.pods.size).toBe(2);
    expect(cluster.pods.get('shop/w-mine')?.object.metadata.ownerReferences).toMatchObject([
      { kind: 'ReplicaSet', name: 'w' },
    ]);
  });

  test('a selector that the template does not fit is an error, and there are no pods', async () => {
    const cluster = await clusterOf(
      workload('Deployment', 'replicas: 2').replace('labels: {app: w}', 'labels: {app: v}'),
    );
    expect(cluster.pods.size).toBe(0);
    expect(cluster.problems).toMatchObject([
      { severity: 'error', code: 'selector-template-mismatch', line: 7, field: 'spec.selector' },
    ]);
  });
});

describe('nodes for pods', () => {
  test('the pods of one workload spread', async () => {
    expect(perNode(await clusterOf(documents(deployment('a', 3), deployment('b', 3)), { nodes: 3 }))).toEqual({
      'node-1': 2,
      'node-2': 2,
      'node-3': 2,
    });
  });

  test.each([
    ['nodeName: b', { b: 2 }],
    ['nodeSelector: {disk: ssd}', { b: 2 }],
    [
      'affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: NotIn, values: [ssd]}]}]}}}',
      { a: 2 },
    ],
    [
      'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}',
      { a: 1, b: 1 },
    ],
    [
      'affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}',
      { a: 2 },
    ],
  ])('%s', async (podSpec, expected) => {
    const nodes = documents(
      node('a'),
      node('b', '{}', 'disk: ssd'),
      node('c', '{taints: [{key: x, effect: NoSchedule}]}'),
    );
    expect(perNode(await clusterOf(documents(nodes, deployment('web', 2, podSpec))))).toEqual(expected);
  });

  test('a pod that wants to be alone keeps later ones away', async () => {
    const alone = deployment(
      'aaa',
      1,
      'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: web}}, topologyKey: kubernetes.io/hostname}]}}',
    );
    expect(perNode(await clusterOf(documents(node('a'), node('b'), alone, deployment('web', 3))))).toEqual({
      a: 1,
      b: 3,
    });
  });

  test('what fits nowhere waits, and the problem says why', async () => {
    const cluster = await clusterOf(
      documents(
        node('a'),
        node('b', '{unschedulable: true}'),
        deployment('web', 2).replace('containerPort: 8080', 'containerPort: 8080, hostPort: 80'),
      ),
    );
    expect(perNode(cluster)).toEqual({ a: 1, none: 1 });
    expect(cluster.problems).toMatchObject([
      {
        code: 'unschedulable',
        message: expect.stringContaining(
          '1 have host port 80 in use, 1 have the taint node.kubernetes.io/unschedulable',
        ),
      },
    ]);
    expect([...cluster.pods.values()].filter((p) => p.object.status?.phase === 'Pending')).toHaveLength(1);
  });

  test('requests count against what a node can give', async () => {
    const small = `${node('a')}\nstatus: {allocatable: {cpu: "1", memory: 1Gi}}`;
    const web = deployment('web', 3).replace('name: main,', 'name: main, resources: {requests: {cpu: 400m}},');
    expect(perNode(await clusterOf(documents(small, web)))).toEqual({ a: 2, none: 1 });
  });

  test('made nodes are taken to have the labels that pods ask for', async () => {
    const cluster = await clusterOf(deployment('web', 2, 'nodeSelector: {disk: ssd}'));
    expect(perNode(cluster)).toEqual({ 'node-1': 1, 'node-2': 1 });
    expect(assumed(cluster, 'assumed-node-labels')).toBe(2);
  });

  test('a pod takes the zone of its node among its labels', async () => {
    const cluster = await clusterOf(
      documents(node('a', '{}', 'topology.kubernetes.io/zone: z1'), deployment('web', 1)),
    );
    expect([...cluster.pods.values()][0]?.object.metadata.labels).toMatchObject({
      'topology.kubernetes.io/zone': 'z1',
    });
  });
});
