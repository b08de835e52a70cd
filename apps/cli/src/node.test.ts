import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { podwire } from './podwire.fixture.ts';
import { EXIT } from './shell/exit.ts';

const ROUTER = fileURLToPath(new URL('../../../examples/router', import.meta.url));
const SNAPSHOT = fileURLToPath(new URL('../../../examples/snapshot', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwire-'));
  writeFileSync(join(folder, 'routes'), 'default via 10.0.0.1 dev eth0 \nwhat is this\n');
  writeFileSync(join(folder, 'notes'), 'nothing of the kind\n');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('node read', () => {
  test('lists what was found, with counts', async () => {
    const { exitCode, out, err } = await podwire('node', 'read', ROUTER, '--name', 'router');
    expect([exitCode, err]).toEqual([EXIT.YES, '']);
    expect(out).toContain('router  4 links, 10 addresses');
    expect(out).toMatch(/iptables-save\.txt +iptables-save +10 items in \d+ lines/);
    expect(out).toContain('README.md');
  });

  test('names each line that is not understood', async () => {
    const { out } = await podwire('node', 'read', folder);
    expect(out).toContain('1 of them not understood');
    expect(out).toContain('routes:2: error:');
    const json = JSON.parse((await podwire('node', 'read', folder, '-o', 'json')).out) as {
      lines: object;
      ignored: object;
    };
    expect(json.lines).toEqual({ all: 2, notUnderstood: 1 });
    expect(json.ignored).toEqual([{ file: 'notes', why: 'no dump that is known' }]);
    expect((await podwire('node', 'read', folder, '-o', 'yaml')).out).toContain('notUnderstood: 1');
  });

  test('says what it wants where there is nothing', async () => {
    const { exitCode, err } = await podwire('node', 'read', join(folder, 'notes'));
    expect(exitCode).toBe(EXIT.BAD);
    expect(err).toContain('ip -d addr');
  });
});

describe('--node', () => {
  const trace = (...more: string[]) => podwire('trace', ...more, '--node', `router=${ROUTER}`);

  test('answers for a plain router without any Kubernetes object', async () => {
    const leaves = await trace('10.0.0.5', '93.184.216.34:443');
    expect(leaves.exitCode).toBe(EXIT.YES);
    expect(leaves.out).toContain('by wan0 of router: SYN 93.184.216.34:443  from 203.0.113.2:40000');
    const stopped = await trace('10.0.0.5', '93.184.216.34:25');
    expect(stopped.exitCode).toBe(EXIT.NO);
    expect(stopped.out).toContain('mail goes by the relay');
  });

  test('prints what was read as its tools would', async () => {
    const { out } = await podwire('rules', 'router', '--node', `router=${ROUTER}`, '--only', 'rule');
    expect(out).toContain('1000:\tfrom all fwmark 0x1 lookup 100\n');
  });

  test('warns of a dump that fits no node, and of a flag that names none', async () => {
    const strange = await podwire('cluster', '-f', SNAPSHOT, '--node', `router=${ROUTER}`);
    expect(strange.exitCode).toBe(EXIT.YES);
    const asked = await podwire('rules', '-f', SNAPSHOT, '--node', `router=${ROUTER}`);
    expect(asked.err).toContain('No node is called router');
    const bare = await podwire('rules', '--node', ROUTER);
    expect(bare.exitCode).toBe(EXIT.BAD);
    expect(bare.err).toContain('worker-1=dumps/');
    const twice = await podwire('rules', '--node', `a=${ROUTER}`, '--node', `a=${ROUTER}`);
    expect(twice.err).toContain('given twice');
  });
});
