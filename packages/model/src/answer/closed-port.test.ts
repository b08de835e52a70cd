/** Node ports at addresses of a node that no proxy serves. */
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { why } from '../why/index.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const open = (overrides: ClusterOverrides, more = '') =>
  openSession({ files: [source(SHOP + more)], overrides, machine: createReference() });

describe('the node itself asks a node port on loopback', () => {
  const question = { from: 'node/node-1', to: 'tcp:127.0.0.1:30080' };

  test.each([
    ['iptables', {}, 'delivered', undefined],
    ['iptables', { localhostNodePorts: false }, 'refused', 'kube-proxy iptables.localhostNodePorts'],
    ['iptables', { nodePortAddresses: ['172.18.0.0/16'] }, 'refused', 'kube-proxy nodePortAddresses'],
    ['nftables', {}, 'refused', 'kube-proxy mode nftables'],
    ['nftables', { nodePortAddresses: ['0.0.0.0/0'] }, 'refused', 'kube-proxy mode nftables'],
  ] as const)('%s %j: %s', async (proxyMode, proxy, verdict, setting) => {
    const answer = why(await open({ proxyMode, proxy: { ...proxy } as ClusterOverrides['proxy'] & object }), question);
    expect(answer).toMatchObject({ verdict });
    expect(answer.fault?.setting).toBe(setting);
    if (setting === undefined) return;
    expect(answer).toMatchObject({ reason: 'node-port-not-served', symptom: 'connection refused' });
    expect(answer.fault?.link).toBe('proxy-rule');
  });

  test('a pod in the network of the node may listen there', async () => {
    const pod = `
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
spec: {hostNetwork: true, nodeName: node-1, containers: [{name: c, image: c, ports: [{containerPort: 30080}]}]}
`;
    const session = await open({ proxyMode: 'nftables' }, pod);
    expect(session.trace(question).verdict).toBe('delivered');
    expect(session.trace({ ...question, from: 'node/node-2' }).verdict).toBe('refused');
  });
});

test("loopback of a pod is the pod's own", async () => {
  const session = await open({ proxyMode: 'nftables' });
  const answer = session.trace({ from: 'deploy/shop/web', to: 'tcp:127.0.0.1:30080' });
  expect(answer).toMatchObject({ verdict: 'delivered', reason: 'listener-assumed' });
});

test('an address of the node that --nodeport-addresses leaves out', async () => {
  const session = await open({ proxyMode: 'iptables', proxy: { nodePortAddresses: ['192.0.2.0/24'] } });
  const answer = why(session, { from: 'external', to: 'node/node-1:30080' });
  expect(answer).toMatchObject({ verdict: 'refused', reason: 'node-port-not-served' });
  expect(answer.fault).toMatchObject({ link: 'proxy-rule', setting: 'kube-proxy --nodeport-addresses' });
});
