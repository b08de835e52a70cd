import { describe, expect, test } from 'vitest';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { Cluster } from './cluster.ts';
import { nodeSubnets } from './node-subnets.ts';
import { nodePodCIDRs } from './pod-cidrs.ts';
import { assumed, clusterOf, deployment, documents, node, problemsOf } from './testing.ts';

function table({ nodes }: Cluster): Record<string, unknown> {
  return Object.fromEntries(
    [...nodes].map(([name, { object }]) => [name, [...Object.values(nodeIPs(object)), ...nodePodCIDRs(object)]]),
  );
}

const pod = (name: string, nodeName: string, ip: string, hostIP: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}, namespace: shop}\nspec: {nodeName: ${nodeName}}\nstatus: {phase: Running, podIP: ${ip}, hostIP: ${hostIP}}`;

describe('made nodes', () => {
  test('three by default, as kind and kubeadm would address them', async () => {
    const cluster = await clusterOf(deployment('web', 1));
    expect(table(cluster)).toEqual({
      'node-1': ['172.18.0.2', '10.244.0.0/24'],
      'node-2': ['172.18.0.3', '10.244.1.0/24'],
      'node-3': ['172.18.0.4', '10.244.2.0/24'],
    });
    expect(assumed(cluster, 'made-nodes')).toBe(3);
  });

  test('as many as asked for, beside those given', async () => {
    const cluster = await clusterOf(node('given'), { nodes: 2, ipFamilies: ['IPv6', 'IPv4'] });
    expect(table(cluster)).toEqual({
      given: ['fc00:f853:ccd:e793::2', '172.18.0.2', 'fd00:10:244::/64', '10.244.0.0/24'],
      'node-1': ['fc00:f853:ccd:e793::3', '172.18.0.3', 'fd00:10:244:1::/64', '10.244.1.0/24'],
    });
  });

  test('also beside one that a manifest names', async () => {
    const cluster = await clusterOf('apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: special}');
    expect([...cluster.nodes.keys()]).toEqual(['node-1', 'node-2', 'special']);
  });

  test('a network that touches neither pods nor Services', async () => {
    const cluster = await clusterOf(deployment('web', 1), {
      podCIDRs: ['172.16.0.0/12'],
      serviceCIDRs: ['192.168.0.0/16'],
    });
    expect(table(cluster)['node-1']).toEqual(['10.10.0.2', '172.16.0.0/24']);
  });

  test('a small pod network is shared out', async () => {
    const cluster = await clusterOf(deployment('web', 1), { podCIDRs: ['10.1.0.0/24'], nodes: 4 });
    expect(Object.values(table(cluster)).map((t) => (t as string[])[1])).toEqual([
      '10.1.0.0/26',
      '10.1.0.64/26',
      '10.1.0.128/26',
      '10.1.0.192/26',
    ]);
  });
});

describe('nodes of a snapshot', () => {
  test('are inferred from the pods that name them', async () => {
    const cluster = await clusterOf(
      documents(pod('a', 'n1', '10.1.1.5', '10.0.0.1'), pod('b', 'n2', '10.1.2.5', '10.0.0.2')),
    );
    expect(table(cluster)).toEqual({ n1: ['10.0.0.1', '10.1.1.0/24'], n2: ['10.0.0.2', '10.1.2.0/24'] });
    expect(assumed(cluster, 'inferred-nodes')).toBe(2);
    expect(assumed(cluster, 'inferred-pod-cidrs')).toBe(2);
    expect(cluster.mode).toBe('mixed');
  });

  test('whose pods share a range have none of their own', async () => {
    const cluster = await clusterOf(
      documents(pod('a', 'n1', '10.1.1.5', '10.0.0.1'), pod('b', 'n2', '10.1.1.6', '10.0.0.2')),
      { cni: 'calico' },
    );
    expect(table(cluster)).toEqual({ n1: ['10.0.0.1', '10.1.1.0/24'], n2: ['10.0.0.2'] });
    expect(assumed(cluster, 'own-ipam')).toBeUndefined();
  });

  test('a name that no Node has is told, with the one that was meant', async () => {
    const cluster = await clusterOf(documents(node('worker-1'), pod('a', 'worker-l', '10.1.1.5', '10.0.0.1')));
    expect(cluster.problems).toContainEqual(
      expect.objectContaining({
        severity: 'warning',
        code: 'unknown-reference',
        line: 10,
        field: 'spec.nodeName',
        mend: 'Did you mean worker-1?',
      }),
    );
  });

  test('redacted addresses are made, beside the readable ones', async () => {
    const redacted = `${node('b')}\nstatus: {addresses: [{type: InternalIP, address: "***HIDDEN***"}, {type: Hostname, address: b}]}`;
    const plain = `${node('a')}\nstatus: {addresses: [{type: InternalIP, address: 10.5.0.9}]}`;
    const cluster = await clusterOf(documents(plain, redacted));
    expect(table(cluster)).toMatchObject({ a: ['10.5.0.9', '10.244.0.0/24'], b: ['10.5.0.2', '10.244.1.0/24'] });
    expect(assumed(cluster, 'redacted-node-addresses')).toBe(1);
    expect(assumed(cluster, 'made-node-addresses')).toBeUndefined();
  });

  test('an ExternalIP does where there is no InternalIP', async () => {
    const cluster = await clusterOf(`${node('a')}\nstatus: {addresses: [{type: ExternalIP, address: 192.0.2.4}]}`);
    expect(table(cluster).a).toEqual(['192.0.2.4', '10.244.0.0/24']);
  });

  test('as many as the pods of a DaemonSet', async () => {
    const daemon = (i: number): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: {name: agent-${i}, namespace: kube-system, ownerReferences: [{kind: DaemonSet, name: agent}]}\nspec: {hostNetwork: true}`;
    const cluster = await clusterOf(documents(daemon(1), daemon(2), daemon(3), daemon(4), daemon(5)));
    expect(cluster.nodes.size).toBe(5);
  });
});

test('nodes far apart are in several subnets, and that is said', async () => {
  const far = (name: string, ip: string): string =>
    `${node(name)}\nstatus: {addresses: [{type: InternalIP, address: ${ip}}]}`;
  const cluster = await clusterOf(documents(far('a', '10.0.0.1'), far('b', '10.9.1.7'), far('c', '10.9.1.8')));
  expect(nodeSubnets(cluster)).toEqual([['a'], ['b', 'c']]);
  expect(assumed(cluster, 'several-subnets')).toBe(3);
  const near = await clusterOf(documents(far('a', '10.9.0.1'), far('b', '10.9.1.7')));
  expect(nodeSubnets(near)).toEqual([['a', 'b']]);
  expect(assumed(near, 'several-subnets')).toBeUndefined();
});

describe('ranges', () => {
  test('that two nodes share are an error at the second', async () => {
    const cluster = await clusterOf(
      documents(node('a', '{podCIDRs: [10.1.0.0/24]}'), node('b', '{podCIDRs: [10.1.0.128/25]}')),
    );
    expect(problemsOf(cluster)).toEqual([['error', 'pod-cidr-clash', 11, 'spec.podCIDRs[0]']]);
  });

  test('outside the pod network that the input states are a warning', async () => {
    const cluster = await clusterOf(node('a', '{podCIDRs: [10.9.0.0/24]}'), { podCIDRs: ['10.1.0.0/16'] });
    expect(problemsOf(cluster)).toEqual([['warning', 'pod-cidr-outside', 5, 'spec.podCIDRs[0]']]);
  });
});
