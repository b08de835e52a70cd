import { readdirSync, readFileSync } from 'node:fs';
import { createReference } from '@podwire/engine/reference';
import { describe, expect, test } from 'vitest';
import { openSession, type Session } from '../answer/session.ts';

const EXAMPLES = new URL('../../../../examples/', import.meta.url);

async function open(name: string): Promise<Session> {
  const folder = new URL(`${name}/`, EXAMPLES);
  const files = readdirSync(folder)
    .sort()
    .map((file) => ({ name: `${name}/${file}`, bytes: new Uint8Array(readFileSync(new URL(file, folder))) }));
  return openSession({ files, machine: createReference() });
}

const problems = ({ cluster, read }: Session): unknown[] =>
  [...read.problems, ...cluster.problems].map((p) => [p.severity, p.code, p.object]);

describe('the examples read as they are meant', () => {
  test('shop: design mode, one assumption of each kind, no problem', async () => {
    const shop = await open('shop');
    expect(shop.cluster.mode).toBe('design');
    expect(problems(shop)).toEqual([]);
    expect([...shop.cluster.pods.keys()].filter((k) => !/-[bcdf-hj-np-tv-z24-9]{5}$/.test(k))).toEqual([
      'shop/db-0',
      'shop/db-1',
    ]);
    const codes = shop.cluster.assumptions.map((a) => a.code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('snapshot: nothing about nodes, pods or addresses is assumed', async () => {
    const snapshot = await open('snapshot');
    expect(snapshot.cluster.mode).toBe('snapshot');
    expect(snapshot.cluster.assumptions.map((a) => a.code)).toEqual(['implied-namespaces']);
    expect(problems(snapshot)).toEqual([['warning', 'selector-matches-nothing', 'Service photos/search']]);
    expect(snapshot.cluster.settings).toMatchObject({
      cni: { value: 'kindnet', how: 'detected' },
      proxyMode: { how: 'detected' },
    });
  });

  test('dual-stack: given nodes, made pods, both families', async () => {
    const dual = await open('dual-stack');
    expect(dual.cluster.mode).toBe('mixed');
    expect(problems(dual)).toEqual([]);
    expect(dual.cluster.services.get('notes/notes')?.object.spec.ipFamilies).toEqual(['IPv6', 'IPv4']);
  });

  test('trouble: each is named', async () => {
    expect(problems(await open('trouble'))).toEqual([
      ['warning', 'selector-matches-nothing', 'Service blog/wrong-label'],
      ['warning', 'target-port-name', 'Service blog/wrong-name'],
      ['warning', 'target-port-undeclared', 'Service blog/wrong-number'],
    ]);
  });
});

describe('the examples about names and ports', () => {
  test('names: nothing is wrong', async () => {
    expect(problems(await open('names'))).toEqual([]);
  });

  test('ports: what the pods themselves show', async () => {
    expect(problems(await open('ports'))).toEqual([['warning', 'container-port-clash', 'Pod market/kiosk']]);
  });
});

describe('the questions of their README are answered', () => {
  test.each([
    ['shop', 'deploy/web', 'svc/api:http', 'shop', 'delivered'],
    ['shop', 'deploy/web', 'db:sql', 'shop', 'delivered'],
    ['shop', 'ds/metrics', 'svc/web:http', 'shop', 'delivered'],
    ['snapshot', 'external', 'svc/front:http', 'photos', 'delivered'],
    ['snapshot', 'front-5d9c7b6f4-2xk8p', 'svc/search:http', 'photos', 'rejected'],
    ['dual-stack', 'pod/reader', 'svc/notes-here:http', 'notes', 'delivered'],
    ['dual-stack', 'pod/reader', 'svc/notes:http', 'notes', 'delivered'],
    ['trouble', 'pod/visitor', 'svc/wrong-label', 'blog', 'rejected'],
    ['trouble', 'pod/visitor', 'svc/wrong-name', 'blog', 'rejected'],
    ['trouble', 'pod/visitor', 'svc/local-only', 'blog', 'delivered'],
    ['trouble', 'external', 'svc/local-only', 'blog', 'depends'],
  ])('%s: %s to %s (-n %s): %s', async (example, from, to, namespace, verdict) => {
    expect((await open(example)).trace({ from, to, namespace }).verdict).toBe(verdict);
  });
});
