/** `--after` and `--full` as a user meets them, and the same bytes as the library's. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { answerJson, openSession, why } from '@podwire/model';
import { expect, test } from 'vitest';
import { createMachine } from './input/machine.ts';
import { podwire } from './podwire.fixture.ts';

const file = fileURLToPath(new URL('../../../examples/over-time/cluster.yaml', import.meta.url));
const open = async () =>
  openSession({ files: [{ name: file, bytes: new Uint8Array(readFileSync(file)) }], machine: await createMachine() });
const LOG = ['shop/client', 'svc/shop/log', '-f', file, '-q'];

test('JSON is byte for byte what the library says', async () => {
  const session = await open();
  const question = { from: 'shop/client', to: 'svc/shop/log', after: ['delete pod/log-1', '35s'] };
  const changes = question.after.flatMap((change) => ['--after', change]);
  expect((await podwire('trace', ...LOG, ...changes, '-o', 'json')).out).toBe(answerJson(session.trace(question)));
  expect((await podwire('why', ...LOG, ...changes, '-o', 'json')).out).toBe(answerJson(why(session, question)));
  const full = { from: 'shop/client', to: 'external', full: 'table' } as const;
  expect(
    (await podwire('trace', 'shop/client', 'external', '-f', file, '-q', '--full', 'table', '-o', 'json')).out,
  ).toBe(answerJson(session.trace(full)));
});

test('what happened, what kube-proxy made of it, and who had the connection', async () => {
  const { out, exitCode } = await podwire('trace', ...LOG, '--after', 'delete pod/log-1');
  expect(exitCode).toBe(0);
  expect(out).toMatch(/before the packet\n +delete pod\/log-1 +pod\/shop\/log-1 is gone/);
  expect(out).toMatch(/kube-proxy +node node-1 forgets udp src=10\.244\.1\.5 dst=10\.96\.0\.40/);
  expect(out).toContain('before at pod shop/log-1');
});

test('a name that nothing has exits with 2 and names the nearest; so does what is no change', async () => {
  const unknown = await podwire('trace', ...LOG, '--after', 'delete pod/lgo-1');
  expect(unknown).toMatchObject({ exitCode: 2, out: '' });
  expect(unknown.err).toContain('pod/shop/log-1');
  const nothing = await podwire('why', ...LOG, '--after', 'reboot everything');
  expect(nothing.exitCode).toBe(2);
  expect(nothing.err).toContain('delete pod/X');
  expect((await podwire('trace', ...LOG, '--after', '1s', '--full', 'ports')).exitCode).toBe(2);
});

test('--established is --ct established, and says whose address is seen', async () => {
  const short = await podwire('trace', ...LOG, '--established');
  const long = await podwire('trace', ...LOG, '--ct', 'established');
  expect(short).toEqual(long);
  expect(short.out).toMatch(/client +kept .* see 10\.244\.1\.5/);
});
