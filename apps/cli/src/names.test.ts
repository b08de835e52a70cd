import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runPodwire } from './podwire.fixture.ts';
import { EXIT } from './shell/exit.ts';

const example = (name: string): string => fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));

const podwire = (args: string, input = ['-n', 'library', '-f', example('names')]) =>
  runPodwire([...args.split(' '), ...input]);

test.each([
  [
    'dns reader catalogue',
    EXIT.YES,
    'FOUND  catalogue is catalogue.library.svc.cluster.local. of Service library/catalogue',
  ],
  [
    'dns deploy/catalogue shelf-1.shelf --client musl',
    EXIT.YES,
    'FOUND  shelf-1.shelf is shelf-1.shelf.library.svc.cluster.local.',
  ],
  [
    'dns deploy/catalogue printer.office.example',
    EXIT.YES,
    'FOUND  printer.office.example is printer.office.example.: 192.0.2.80 (8 questions).',
  ],
  [
    'dns reader printer.office.example.',
    EXIT.YES,
    'FOUND  printer.office.example. is printer.office.example.: 192.0.2.80 (2 questions).',
  ],
  ['dns reader scanner', EXIT.YES, "FOUND  scanner is 192.0.2.90, by the pod's /etc/hosts"],
  ['dns reader shelf-7.shelf.library.svc.cluster.local.', EXIT.NO, 'NO SUCH NAME'],
  [
    'dns reader archive',
    EXIT.UNDECIDED,
    'UNKNOWN  Nobody here knows what 192.0.2.53 answers for archive.corp.example. A.',
  ],
  ['dns reader catalogue.internal.example', EXIT.UNDECIDED, 'UNKNOWN'],
  ['dns agent catalogue', EXIT.UNDECIDED, "UNKNOWN  The pod asks its node's nameservers"],
  ['dns agent catalogue --exit-zero', EXIT.YES, 'UNKNOWN'],
  ['dns reader shelf.library.svc.cluster.local. --type SRV', EXIT.YES, 'FOUND'],
])('%s', async (args, exitCode, start) => {
  const ran = await podwire(args);
  expect(ran.out.slice(0, start.length)).toBe(start);
  expect(ran.exitCode).toBe(exitCode);
});

test('every form', async () => {
  const json = JSON.parse((await podwire('dns reader catalogue -o json')).out);
  expect(json).toMatchObject({ kind: 'DnsLookup', result: 'found', addresses: [expect.any(String)] });
  expect((await podwire('dns reader catalogue -o yaml')).out).toContain('kind: DnsLookup');
  const text = (await podwire('dns agent catalogue')).out;
  expect(text).toContain('Set dnsPolicy: ClusterFirstWithHostNet.');
  const wide = (await podwire('dns reader shelf.library.svc.cluster.local. --type SRV -o wide')).out;
  expect(wide).toContain('with shelf-0.shelf.library.svc.cluster.local. A');
});

test('a file that is not there', async () => {
  const ran = await podwire('dns reader catalogue --resolv-conf /nowhere');
  expect(ran.exitCode).toBe(EXIT.BAD);
  expect(ran.err).toContain('/nowhere cannot be read');
});

test('env: where each variable comes from, and no secret', async () => {
  const { out, exitCode } = await podwire('env reader');
  expect(exitCode).toBe(EXIT.YES);
  expect(out).toMatch(/^ {2}PASSWORD +\(secret\) +secret library\/reader-login key password/m);
  expect(out).toMatch(/^ {2}GREETING +reader in en, shelf at 10\./m);
  expect(out).toMatch(/^ {2}CATALOGUE_PORT +tcp:\/\/10\..* svc library\/catalogue/m);
  expect(out).not.toContain('only-an-example');
  const json = await podwire('env reader -c reader -o json');
  expect(JSON.parse(json.out)).toMatchObject({ kind: 'Environment', containers: [{ name: 'reader', starts: 'yes' }] });
  expect(json.out).not.toContain('only-an-example');
  expect((await podwire('env reader -o yaml')).out).toContain('kind: Environment');
  expect((await podwire('env reader -c nobody')).exitCode).toBe(EXIT.BAD);
});

test.each([
  ['kiosk', EXIT.YES, 'Containers sales and stock share one network and both declare port 8080/TCP'],
  ['ledger', EXIT.NO, 'ledger listens on 127.0.0.1:7000 only'],
  ['door-a', EXIT.YES, 'nothing clashes'],
  ['door-b', EXIT.NO, 'market/door-a on node-1. The pod stays Pending.'],
  ['watch', EXIT.YES, 'The kubelet of node node-1 listens on port 10250'],
])('pod %s', async (name, exitCode, part) => {
  const ran = await podwire(`pod ${name} -q`, ['-n', 'market', '-f', example('ports')]);
  expect(ran.out).toContain(part);
  expect(ran.exitCode).toBe(exitCode);
});

test('pod in every form', async () => {
  const input = ['-q', '-n', 'market', '-f', example('ports')];
  const json = JSON.parse((await podwire('pod ledger -o json', input)).out);
  expect(json).toMatchObject({ kind: 'PodNetwork', network: 'own', findings: [{ code: 'listens-on-loopback' }] });
  expect((await podwire('pod ledger -o yaml', input)).out).toContain('kind: PodNetwork');
  expect((await podwire('pod ledger --exit-zero', input)).exitCode).toBe(EXIT.YES);
  expect((await podwire('pod nobody', input)).exitCode).toBe(EXIT.BAD);
});
