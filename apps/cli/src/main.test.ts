import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerJson, openSession } from '@podwire/model';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMachine } from './input/machine.ts';
import { runPodwire } from './podwire.fixture.ts';
import { displayWidth } from './print/width.ts';
import { EXIT } from './shell/exit.ts';

const MANIFEST = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: broken, namespace: shop}
spec: {selector: {app: wbe}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {containers: [{name: c, image: c}]}
`;
const POLICY = `
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
`;

let folder: string;
let good: string;
let withPolicy: string;
let damaged: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'podwire-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  good = write('good.yaml', MANIFEST);
  withPolicy = write('policy.yaml', MANIFEST + POLICY);
  damaged = write('damaged.yaml', `${MANIFEST}---\nkind: [unclosed\n`);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const podwire = (args: string, around: Parameters<typeof runPodwire>[1] = {}) =>
  runPodwire(args.split(' ').filter(Boolean), { color: 'auto', ...around });

describe('exit codes', () => {
  test.each([
    ['trace shop/client svc/web', EXIT.YES, 'DELIVERED'],
    ['trace shop/client svc/broken', EXIT.NO, 'REJECTED'],
    ['trace shop/client svc/web --proxy-mode ipvs', EXIT.YES, 'DELIVERED'],
    ['trace shop/client svc/web --proxy-mode none', EXIT.UNDECIDED, 'UNKNOWN'],
    ['trace shop/client svc/broken --exit-zero', EXIT.YES, 'REJECTED'],
    ['compare iptables nftables', EXIT.NO, 'iptables > nftables  '],
    ['compare iptables ipvs', EXIT.NO, 'iptables > ipvs  '],
    ['compare nftables nftables', EXIT.YES, 'nftables > nftables  0 of '],
    ['compare iptables nftables --exit-zero -o json', EXIT.YES, '{'],
  ])('%s is %i', async (args, exitCode, word) => {
    const ran = await podwire(`${args} -f ${good}`);
    expect(ran.exitCode).toBe(exitCode);
    expect(ran.out.startsWith(word)).toBe(true);
  });

  test('a NetworkPolicy leaves it undecided', async () => {
    const ran = await podwire(`trace shop/client svc/web -f ${withPolicy}`);
    expect(ran.exitCode).toBe(EXIT.UNDECIDED);
    expect(ran.out).toContain('NetworkPolicy shop/deny');
  });

  test.each([
    ['trace shop/clint svc/web', 'pod/shop/client'],
    ['trace shop/client svc/wbe', 'svc/shop/web'],
    ['trace shop/client svc/web:htp', 'http'],
    ['compare iptables none', 'Compare modes'],
    ['trace shop/client 10.0.0.0/8', 'Name one address'],
  ])('%s is 2, and says what was meant', async (args, hint) => {
    const ran = await podwire(`${args} -f ${good}`);
    expect(ran).toMatchObject({ exitCode: EXIT.BAD, out: '' });
    expect(ran.err).toContain(hint);
  });

  test.each([
    ['trace shop/client svc/web', 'there is no input'],
    ['trace shop/client svc/web -f /nowhere/x.yaml', 'no file or folder /nowhere/x.yaml'],
    ['trace shop/client', 'missing required argument'],
    ['trace shop/client svc/web --sport 70000', 'whole number'],
    ['trace a b --proto quic', 'Allowed choices'],
    ['trcae a b', 'Did you mean trace?'],
    ['explain no-endpiont', 'no-endpoints'],
    ['', 'Usage:'],
  ])('"%s" is 2: %s', async (args, text) => {
    const ran = await podwire(args);
    expect(ran).toMatchObject({ exitCode: EXIT.BAD, out: '' });
    expect(ran.err).toContain(text);
  });

  test('nothing but empty input is 2', async () => {
    const ran = await podwire('trace a b -f -', { stdin: '---\n---\n' });
    expect(ran.exitCode).toBe(EXIT.BAD);
    expect(ran.err).toContain('no Kubernetes object');
  });
});

describe('input that is partly unreadable', () => {
  test('is answered, told with file and line, and exits with 2', async () => {
    const ran = await podwire(`trace shop/client svc/web -f ${damaged}`);
    expect(ran.exitCode).toBe(EXIT.BAD);
    expect(ran.out.startsWith('DELIVERED')).toBe(true);
    expect(ran.err).toMatch(/damaged\.yaml:\d+: error: /);
  });

  test('--lenient exits by the answer, --strict gives none, --quiet does not tell', async () => {
    expect((await podwire(`trace shop/client svc/web --lenient -f ${damaged}`)).exitCode).toBe(EXIT.YES);
    expect(await podwire(`trace shop/client svc/web --strict -f ${damaged}`)).toMatchObject({
      exitCode: EXIT.BAD,
      out: '',
    });
    expect((await podwire(`trace shop/client svc/web --quiet --lenient -f ${damaged}`)).err).toBe('');
  });
});

test('an error in an end of the question is 2, an error elsewhere is not', async () => {
  const refused = MANIFEST.replace('ports: [{port: 80}]', 'ports: [{port: "80"}]');
  const absent = await podwire('trace shop/client svc/broken:80 -f -', { stdin: refused });
  expect(absent.exitCode).toBe(EXIT.BAD);
  expect(absent.err).toMatch(
    /stdin:\d+: error: Service shop\/broken spec\.ports\[0\]\.port: Kubernetes v1\.36 refuses this Service/,
  );
  expect(absent.err).toMatch(
    /the input has no Service "broken".*: an API server refuses Service shop\/broken at stdin:\d+/,
  );
  const wrong = refused.replace('{name: broken,', '{name: broken, uid: u,');
  const there = await podwire('trace shop/client svc/broken:80 -f -', { stdin: wrong });
  expect(there.exitCode).toBe(EXIT.BAD);
  expect(there.err).toMatch(/stdin:\d+: error: Service shop\/broken spec\.ports\[0\]\.port: /);
  expect(there.err).toContain('error in Service shop/broken, so the answer is not sure');
  expect((await podwire('trace shop/client svc/broken:80 --lenient -f -', { stdin: wrong })).exitCode).toBe(EXIT.NO);
  expect((await podwire('trace shop/client svc/web -f -', { stdin: wrong })).exitCode).toBe(EXIT.YES);
});

describe('formats', () => {
  test('JSON is byte for byte what the library says', async () => {
    const files = [{ name: good, bytes: new Uint8Array(readFileSync(good)) }];
    const session = await openSession({ files, machine: await createMachine() });
    const expected = answerJson(session.trace({ from: 'shop/client', to: 'svc/web' }));
    expect((await podwire(`trace shop/client svc/web -o json -f ${good}`)).out).toBe(expected);
  });

  test('standard input answers as a file does, but for its name', async () => {
    const fromFile = await podwire(`trace shop/client svc/web -o json -f ${good}`);
    const fromInput = await podwire('trace shop/client svc/web -o json -f -', { stdin: MANIFEST });
    expect(fromInput.out.replaceAll('"stdin"', JSON.stringify(good))).toBe(fromFile.out);
  });

  test('YAML holds the same as JSON', async () => {
    const json = JSON.parse((await podwire(`trace shop/client svc/web -o json -f ${good}`)).out);
    expect(load((await podwire(`trace shop/client svc/web -o yaml -f ${good}`)).out)).toEqual(json);
  });

  test('markdown is a title and tables, mermaid a sequence diagram', async () => {
    const markdown = (await podwire(`trace shop/client svc/web -o markdown -f ${good}`)).out;
    expect(markdown).toMatch(/^## DELIVERED: shop\/client to svc\/web\n/);
    for (const line of markdown.split('\n').filter((l) => l.startsWith('|'))) {
      expect([6, 7]).toContain(line.replaceAll('\\|', '').split('|').length);
    }
    const mermaid = (await podwire(`trace shop/client svc/web -o mermaid -f ${good}`)).out;
    expect(mermaid).toMatch(/^---\ntitle: .*\n---\nsequenceDiagram\n {2}participant p1 as pod shop\/client\n/);
    expect(mermaid).toContain('-->>');
  });
});

describe('text', () => {
  test('each level says more than the one before', async () => {
    const lines: number[] = [];
    for (const level of ['--minimal', '--summary', '--detailed', '--all']) {
      const { out } = await podwire(`trace shop/client svc/web ${level} -f ${good}`);
      lines.push(out.split('\n').length);
      if (level === '--minimal')
        expect(out).toMatch(
          /^DELIVERED {2}listener-assumed {2}shop\/client > svc\/shop\/web:http {3}tcp \S+ > \S+:80\n$/,
        );
      if (level === '--detailed') expect(out).toMatch(/-A KUBE-SERVICES -d \S+ -p tcp .* -j KUBE-SVC-/);
    }
    expect([...lines].sort((a, b) => a - b)).toEqual(lines);
    expect(new Set(lines).size).toBe(4);
  });

  test('a rewritten header is shown after each rewrite', async () => {
    const { out } = await podwire(`trace shop/client svc/web -f ${good}`);
    const rewrites = out.split('\n').filter((line) => /DNAT/.test(line));
    const headers = out.split('\n').filter((line) => /^\s+now tcp /.test(line));
    expect(rewrites.length).toBe(2);
    expect(headers.length).toBe(2);
  });

  test.each([60, 80, 100, 140])(
    'in a terminal of %i columns no line is longer, but for words that are',
    async (columns) => {
      for (const args of ['trace shop/client svc/web', 'trace shop/client svc/broken --detailed', 'cluster']) {
        const { out } = await podwire(`${args} -f ${good}`, { columns, env: { NO_COLOR: '1' } });
        for (const line of out.split('\n')) {
          const longest = Math.max(...line.trim().split(' ').map(displayWidth));
          if (longest < columns / 2) expect(displayWidth(line), line).toBeLessThanOrEqual(columns);
        }
      }
    },
  );

  test('-o wide breaks no line in a narrow terminal', async () => {
    const piped = await podwire(`trace shop/client svc/web -f ${good}`);
    const wide = await podwire(`trace shop/client svc/web -o wide -f ${good}`, { columns: 60, env: { NO_COLOR: '1' } });
    expect(wide.out).toBe(piped.out);
  });

  test('colour only where it is wanted, and the same words with and without', async () => {
    const colour = String.fromCharCode(27);
    const plain = await podwire(`trace shop/client svc/broken -f ${good}`);
    expect(plain.out + plain.err).not.toContain(colour);
    const coloured = await podwire(`trace shop/client svc/broken --color always -f ${good}`);
    expect(coloured.out).toContain(colour);
    expect(coloured.out.replaceAll(new RegExp(`${colour}\\[\\d+m`, 'g'), '')).toBe(plain.out);
  });
});

describe('settings over the input', () => {
  const setting = async (args: string, name: string) => {
    const { out } = await podwire(`cluster -o json ${args} -f ${good}`);
    return JSON.parse(out).settings.find((s: { name: string }) => s.name === name);
  };
  test.each([
    ['--proxy-mode nftables', 'proxyMode', 'nftables'],
    ['--pod-cidr 10.99.0.0/16', 'podCIDRs', '10.99.0.0/16'],
    ['--service-cidr 10.98.0.0/16', 'serviceCIDRs', '10.98.0.0/16'],
    ['--node-port-range 20000-20100', 'nodePortRange', '20000-20100'],
    ['--cluster-domain k8s.test', 'clusterDomain', 'k8s.test'],
    ['--cni flannel', 'cni', 'flannel'],
    ['--wiring point-to-point', 'wiring', 'point-to-point'],
  ])('%s', async (args, name, value) => {
    expect(await setting(args, name)).toMatchObject({ value, how: 'given' });
  });

  test('--masquerade-all, --nodes, --ip-families and -n', async () => {
    expect((await setting('--masquerade-all', 'proxy')).value).toContain('masqueradeAll');
    const { counts } = JSON.parse((await podwire(`cluster -o json --nodes 5 -f ${good}`)).out);
    expect(counts.nodes).toBe(5);
    const dual = await podwire(`trace shop/client svc/web -6 --ip-families IPv6,IPv4 -o json -f ${good}`);
    expect(JSON.parse(dual.out).groups[0].destinations[0].address).toContain(':');
    const named = await podwire('trace pod/client svc/web -n shop -f -', {
      stdin: MANIFEST.replaceAll(', namespace: shop', ''),
    });
    expect(named.out).toContain('shop/client > svc/shop/web:http');
  });

  test('--masquerade-all changes what the pod sees', async () => {
    const kept = async (more: string) => {
      const { out } = await podwire(`trace shop/client svc/web -o json ${more} -f ${good}`);
      return JSON.parse(out).groups[0].outcomes[0].receiver.sourceKept;
    };
    expect([await kept(''), await kept('--masquerade-all')]).toEqual([true, false]);
  });
});

describe('rules', () => {
  test('lists nodes, prints a node, and a pod', async () => {
    const nodes = (await podwire(`rules -f ${good}`)).out.trim().split('\n');
    expect(nodes.length).toBeGreaterThan(0);
    const all = (await podwire(`rules ${nodes[0]} -f ${good}`)).out;
    for (const command of ['iptables-save', 'ip addr', 'ip route', 'ip rule', 'sysctl'])
      expect(all).toContain(`# ${command}\n`);
    const only = (await podwire(`rules ${nodes[0]} --only iptables -f ${good}`)).out;
    expect(only).toMatch(/^\*/);
    expect(only).toContain('-A KUBE-SERVICES ');
    const pod = (await podwire(`rules --pod shop/client --only route -f ${good}`)).out;
    expect(pod).toContain('default via ');
  });

  test('an unknown node is 2 and names the others', async () => {
    const ran = await podwire(`rules nope -f ${good}`);
    expect(ran).toMatchObject({ exitCode: EXIT.BAD, out: '' });
    expect(ran.err).toContain('node-1');
  });
});

test('completion: a script for each shell, commands, and names of the cluster', async () => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { out, exitCode } = await podwire(`completion ${shell}`);
    expect(exitCode).toBe(EXIT.YES);
    expect(out, shell).toContain('podwire');
  }
  expect((await podwire('completion tcsh')).exitCode).toBe(EXIT.BAD);
});
