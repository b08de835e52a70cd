/** The API server's own Service, which manifests never hold: 10.96.0.1 of kubeadm's Service network, on port 443. */
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import { why } from '../why/why.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const CONTROL_PLANE = `
---
apiVersion: v1
kind: Node
metadata: {name: cp, labels: {node-role.kubernetes.io/control-plane: ''}}
status: {addresses: [{type: InternalIP, address: 192.0.2.10}]}
---
apiVersion: v1
kind: Node
metadata: {name: worker}
status: {addresses: [{type: InternalIP, address: 192.0.2.11}]}
`;

const NAMES = [
  '10.96.0.1:443',
  'kubernetes.default',
  'svc/default/kubernetes:https',
  'kubernetes.default.svc.cluster.local:443',
];

const open = (more: string) => openSession({ files: [source(SHOP + more)], machine: createReference() });

describe.each(NAMES)('%s', (to) => {
  test('leads to the API server where the input shows one', async () => {
    const session = await open(CONTROL_PLANE);
    const answer = session.trace({ from: 'deploy/shop/web', to });
    expect(answer.verdict).toBe('delivered');
    expect(answer.groups[0]?.outcomes[0]?.receiver).toMatchObject({
      place: { kind: 'node', name: 'cp' },
      address: '192.0.2.10',
      port: 6443,
    });
    expect(answer.notes.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['kubernetes-service', 'api-server-endpoints']),
    );
    expect(why(session, { from: 'deploy/shop/web', to }).chain.map(({ link }) => link)).toContain('service');
    // The cluster itself has no more Services than the input.
    expect(session.cluster.services.has('default/kubernetes')).toBe(false);
  });

  test('is unknown by name where nothing shows who serves it', async () => {
    const session = await open('');
    const answer = session.trace({ from: 'deploy/shop/web', to });
    expect(answer).toMatchObject({ verdict: 'unknown', reason: 'endpoints-not-shown' });
    expect(answer.notes.map(({ code }) => code)).toContain('kubernetes-service');
    const told = why(session, { from: 'deploy/shop/web', to });
    expect(told.symptom).toBeUndefined();
    expect(told.chain).toContainEqual(expect.objectContaining({ link: 'endpoints', status: 'unseen' }));
  });
});

test('others of its name are themselves', async () => {
  const own = `
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: shop}
spec: {clusterIP: 10.96.0.77, selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}
`;
  const session = await open(own);
  const answer = session.trace({ from: 'deploy/shop/web', to: 'svc/kubernetes', namespace: 'shop' });
  expect(answer.groups[0]?.destinations[0]?.address).toBe('10.96.0.77');
  expect(session.trace({ from: 'deploy/shop/web', to: '10.96.0.2:443' }).reason).toBe('route-blackhole');
  expect(() => session.trace({ from: 'deploy/shop/web', to: 'kubernetes.other' })).toThrowError('kubernetes.other');
});
