import { describe, expect, test } from 'vitest';
import { podAddresses } from '../objects/pod-facts.ts';
import type { Cluster } from './cluster.ts';
import { assumed, clusterOf, deployment, documents, node } from './testing.ts';

const NODES = documents(
  `${node('a', '{podCIDRs: [10.1.0.0/29]}')}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}`,
  `${node('b', '{podCIDRs: [10.1.1.0/24]}')}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.2}]}`,
);

const pod = (name: string, spec: string, status = ''): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop}\nspec: {${spec}}${status && `\nstatus: {${status}}`}`;

function table({ pods }: Cluster): Record<string, string> {
  return Object.fromEntries(
    [...pods].map(([key, { object }]) => [
      key.slice(5),
      `${object.spec.nodeName ?? '-'} ${podAddresses(object).join(' ')}`,
    ]),
  );
}

describe('addresses', () => {
  test('the next free ones, from the third of the range on, past those that pods have', async () => {
    const cluster = await clusterOf(
      documents(
        NODES,
        pod('kept', 'nodeName: a', 'phase: Running, podIP: 10.1.0.3'),
        pod('x', 'nodeName: a'),
        pod('z', 'nodeName: a'),
      ),
    );
    expect(table(cluster)).toEqual({ kept: 'a 10.1.0.3', x: 'a 10.1.0.2', z: 'a 10.1.0.4' });
    expect(assumed(cluster, 'made-pod-addresses')).toBe(2);
  });

  test('a full range is an error', async () => {
    // A /29 has eight: its own, the gateway's, five pods, and the broadcast address.
    const six = Array.from({ length: 6 }, (_, i) => pod(`p${i}`, 'nodeName: a'));
    const cluster = await clusterOf(documents(NODES, ...six));
    expect(cluster.problems).toMatchObject([{ severity: 'error', code: 'pod-range-full', object: 'Pod shop/p5' }]);
    expect(table(cluster)).toMatchObject({ p4: 'a 10.1.0.6', p5: 'a ' });
  });

  test("hostNetwork pods have their node's, ended ones and waiting ones none", async () => {
    const cluster = await clusterOf(
      documents(
        NODES,
        pod('h', 'nodeName: b, hostNetwork: true'),
        pod('over', 'nodeName: b', 'phase: Succeeded'),
        pod('new', '', 'phase: Pending'),
      ),
    );
    expect(table(cluster)).toEqual({ h: 'b 10.0.0.2', over: 'b ', new: '- ' });
  });

  test('both families of a cluster that has two', async () => {
    const cluster = await clusterOf(deployment('web', 1), { ipFamilies: ['IPv6', 'IPv4'], nodes: 1 });
    expect(Object.values(table(cluster))).toEqual(['node-1 fd00:10:244::2 10.244.0.2']);
    const [web] = [...cluster.pods.values()];
    expect(web?.object.status).toMatchObject({
      phase: 'Running',
      podIP: 'fd00:10:244::2',
      conditions: [{ type: 'Ready', status: 'True' }],
    });
  });

  test('redacted ones are made, on the node the pod is on', async () => {
    const cluster = await clusterOf(documents(NODES, pod('x', 'nodeName: b', 'phase: Running, podIP: "***HIDDEN***"')));
    expect(table(cluster)).toEqual({ x: 'b 10.1.1.2' });
    expect(assumed(cluster, 'redacted-pod-addresses')).toBe(1);
  });

  test('a pod without a node stands where its address lies', async () => {
    expect(table(await clusterOf(documents(NODES, pod('x', '', 'phase: Running, podIP: 10.1.1.9'))))).toEqual({
      x: 'b 10.1.1.9',
    });
  });
});

describe('readiness', () => {
  const ready = async (spec: string, status = ''): Promise<unknown> =>
    [...(await clusterOf(documents(NODES, pod('x', spec, status)))).pods.values()][0]?.object.status?.conditions;

  test('is assumed where nothing says it, but gates must be met', async () => {
    expect(await ready('nodeName: a')).toEqual([{ type: 'Ready', status: 'True' }]);
    expect(await ready('nodeName: a, readinessGates: [{conditionType: lb}]')).toMatchObject([{ status: 'False' }]);
  });

  test('is kept where it is written', async () => {
    const conditions = [{ type: 'Ready', status: 'False', reason: 'x' }];
    expect(
      await ready('nodeName: a', `phase: Running, podIP: 10.1.0.5, conditions: ${JSON.stringify(conditions)}`),
    ).toEqual(conditions);
  });
});

describe('contradictions', () => {
  const codes = async (...texts: string[]): Promise<unknown[]> =>
    (await clusterOf(documents(NODES, ...texts))).problems.map((p) => [p.severity, p.code, p.object, p.field]);

  test('two pods with one address', async () => {
    expect(
      await codes(
        pod('x', 'nodeName: a', 'phase: Running, podIP: 10.1.0.4'),
        pod('z', 'nodeName: a', 'phase: Running, podIP: 10.1.0.4'),
      ),
    ).toEqual([['error', 'ip-clash', 'Pod shop/z', 'status.podIP']]);
    // An ended pod's address may be used again.
    expect(
      await codes(
        pod('x', 'nodeName: a', 'phase: Succeeded, podIP: 10.1.0.4'),
        pod('z', 'nodeName: a', 'phase: Running, podIP: 10.1.0.4'),
      ),
    ).toEqual([]);
  });

  test('a pod with the address of a node', async () => {
    expect(await codes(pod('x', 'nodeName: a', 'phase: Running, podIP: 10.0.0.2'))).toEqual([
      ['error', 'ip-clash', 'Pod shop/x', 'status.podIP'],
      ['warning', 'pod-outside-cidr', 'Pod shop/x', 'status.podIP'],
    ]);
  });

  test('a pod outside the range of its node, and whose it is', async () => {
    const cluster = await clusterOf(documents(NODES, pod('x', 'nodeName: a', 'phase: Running, podIP: 10.1.1.4')));
    expect(cluster.problems).toMatchObject([
      { code: 'pod-outside-cidr', message: expect.stringContaining('in those of b') },
    ]);
    // With Calico this is how it is.
    const calico = await clusterOf(documents(NODES, pod('x', 'nodeName: a', 'phase: Running, podIP: 10.1.1.4')), {
      cni: 'calico',
    });
    expect(calico.problems).toEqual([]);
    expect(assumed(calico, 'own-ipam')).toBe(1);
  });
});
