import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import { openSession } from './session.ts';
import { source } from './shop.ts';

const node = (name: string, address: string, more: string): string => `
apiVersion: v1
kind: Node
metadata: {name: ${name}}
spec: {podCIDRs: [${more}]}
status: {addresses: [{type: InternalIP, address: ${address}}]}`;

const INPUT = [
  node('a', '10.0.0.1', '10.1.0.0/24'),
  node('b', '10.0.0.2', '10.1.1.0/24'),
  'apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: api}}\nspec: {nodeName: a, containers: [{name: c}]}',
  'apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 31000, selector: {app: api}, ports: [{port: 80}]}',
].join('\n---\n');

async function notesOf(to: string, overrides: ClusterOverrides = {}) {
  const session = await openSession({ files: [source(INPUT)], overrides, machine: createReference() });
  const { notes } = session.trace({ from: 'external', to });
  const health = notes.filter(({ code }) => code === 'health-check-port').map(({ text }) => text);
  return { health, listener: notes.some(({ code }) => code === 'listener-assumed') };
}

describe('a question to a health check node port', () => {
  test('is told what kube-proxy answers there', async () => {
    expect(await notesOf('10.0.0.1:31000')).toEqual({
      health: [
        'Port 31000 of node a is the health check of svc/shop/api: kube-proxy answers 200, because the node has 1 ready endpoint, and load balancers send to it.',
      ],
      listener: false,
    });
    expect((await notesOf('10.0.0.2:31000')).health).toEqual([
      'Port 31000 of node b is the health check of svc/shop/api: kube-proxy answers 503, because the node has no ready endpoint, and load balancers leave it out.',
    ]);
  });

  test('another port, and a port that kube-proxy does not serve here, are nothing special', async () => {
    expect(await notesOf('10.0.0.1:31001')).toEqual({ health: [], listener: true });
    const proxy = { nodePortAddresses: ['192.0.2.0/24'] };
    expect(await notesOf('10.0.0.1:31000', { proxy })).toEqual({ health: [], listener: true });
    expect((await notesOf('10.0.0.1:31000', { proxyMode: 'none' })).health).toEqual([]);
  });
});
