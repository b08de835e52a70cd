/** Why, doctor and network as a user meets them, over the examples. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';

const examples = (path: string): string => fileURLToPath(new URL(`../../../examples/${path}`, import.meta.url));
const fault = (name: string, part = 'broken'): string[] => [
  '-f',
  examples('faults/base.yaml'),
  '-f',
  examples(`faults/${name}/${part}`),
];

test('why names the link, what is to blame, and the mend; exit code 1', async () => {
  const { exitCode, out } = await podwire(
    'why',
    'shop/client',
    'svc/shop/api:80',
    ...fault('internal-traffic-policy'),
    '-q',
  );
  expect(exitCode).toBe(1);
  expect(out).toContain('BROKEN  proxy-rule');
  expect(out).toContain('svc shop/api spec.internalTrafficPolicy');
  expect(out).toContain(
    `kubectl patch service api -n shop --type merge -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`,
  );
});

test('dumps that lie beside the manifests are taken, and the proof is told', async () => {
  const { exitCode, out } = await podwire('why', 'shop/client', 'svc/shop/api:80', ...fault('ip-forward'), '-q');
  expect(exitCode).toBe(1);
  expect(out).toContain('net.ipv4.ip_forward = 0 on node-2');
  expect(out).toContain('with this one thing changed, the packet arrives');
});

test('what works exits with 0', async () => {
  const { exitCode, out } = await podwire('why', 'svc/shop/api:80', ...fault('ip-forward', 'mended'), '-q');
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^DELIVERED {2}pod\/shop\/client > svc\/shop\/api:80\n/);
});

test('three ends are refused with the usage', async () => {
  const { exitCode, err } = await podwire('why', 'a', 'b', 'c', ...fault('ip-forward'));
  expect(exitCode).toBe(2);
  expect(err).toContain('why takes one end or two');
});

test('doctor finds what is broken without a question, and lets CI choose what fails', async () => {
  const files = fault('selector-too-broad');
  const { exitCode, out } = await podwire('doctor', ...files);
  expect(out).toContain('suspect  The selector of svc/shop/api');
  expect(exitCode).toBe(0);
  expect((await podwire('doctor', ...files, '--fail-on', 'suspect')).exitCode).toBe(1);
  expect((await podwire('doctor', ...fault('selector-typo'))).exitCode).toBe(1);
  expect((await podwire('doctor', ...fault('selector-typo'), '--fail-on', 'never')).exitCode).toBe(0);
});

test('network holds, or shows the pair that breaks it', async () => {
  const good = await podwire('network', '-q', ...fault('ip-forward', 'mended'));
  expect(good.exitCode).toBe(0);
  const bad = await podwire('network', '-q', ...fault('ip-forward'));
  expect(bad.exitCode).toBe(1);
  expect(bad.out).toContain('pod/shop/client > pod/shop/api-1');
});
