import { beforeAll, describe, expect, test } from 'vitest';
import { clusterOf, documents, service } from '../cluster/testing.ts';
import { parseCorefile } from './corefile.ts';
import { type DnsObjects, dnsObjectsOf } from './objects.ts';
import { askServer, type ServerAnswer } from './server.ts';

let objects: DnsObjects;
beforeAll(async () => {
  objects = dnsObjectsOf(await clusterOf(documents(service('api', 'clusterIP: 10.96.0.20')), { nodes: 1 }));
});

const KUBERNETES = 'kubernetes cluster.local { pods insecure }';

function ask(corefile: string, name: string, type = 'A', files: Record<string, string> = {}): ServerAnswer {
  const server = {
    corefile: parseCorefile(corefile, (pattern) => (files[pattern] === undefined ? undefined : [files[pattern]])),
    objects,
    ownAddresses: [],
    file: (path: string) => files[path],
  };
  return askServer(server, { name, type });
}

/** Who answered, and what. */
function brief({ by, rcode, answer, unknown }: ServerAnswer): string {
  return [by, rcode, ...answer.map((r) => r.rdata), ...(unknown === undefined ? [] : [`? ${unknown}`])].join(' ');
}

const API = 'api.shop.svc.cluster.local';

describe('who answers', () => {
  test.each([
    [
      'the longest zone',
      `.:53 { forward . 192.0.2.1 }\ncluster.local { ${KUBERNETES} }`,
      API,
      'kubernetes NOERROR 10.96.0.20',
    ],
    ['another port', `.:5353 { ${KUBERNETES} }`, API, 'no server block REFUSED'],
    ['another transport', `tls://. { ${KUBERNETES} }`, API, 'no server block REFUSED'],
    ['no zone', `example.com { ${KUBERNETES} }`, API, 'no server block REFUSED'],
    ['no plugin', '. { errors }', API, 'no plugin SERVFAIL'],
    [
      'a forwarder',
      `. { ${KUBERNETES}\n forward . 192.0.2.1 192.0.2.2 }`,
      'example.com',
      'forward NOERROR ? what 192.0.2.1, 192.0.2.2 answers for example.com. A',
    ],
    ['an exception', `. { ${KUBERNETES}\n forward . 192.0.2.1 { except corp } }`, 'a.corp', 'no plugin SERVFAIL'],
    // Order in the file does not matter: hosts stands before kubernetes.
    ['hosts', `. { ${KUBERNETES}\n hosts { 192.0.2.7 ${API} other\n fallthrough } }`, API, 'hosts NOERROR 192.0.2.7'],
    [
      'hosts falling through',
      `. { hosts { 192.0.2.7 other\n fallthrough }\n ${KUBERNETES} }`,
      API,
      'kubernetes NOERROR 10.96.0.20',
    ],
    ['hosts not falling through', `. { hosts { 192.0.2.7 other }\n ${KUBERNETES} }`, API, 'hosts SERVFAIL'],
    [
      'a rewrite that takes it',
      `. { rewrite name exact ${API} b\n ${KUBERNETES} }`,
      API,
      `rewrite NOERROR ? rewrite name exact ${API} b (line 2 of the Corefile)`,
    ],
    [
      'a rewrite of another name',
      `. { rewrite name suffix .corp.test .svc.cluster.local\n ${KUBERNETES} }`,
      API,
      'kubernetes NOERROR 10.96.0.20',
    ],
    [
      'a rewrite by a pattern',
      `. { rewrite stop { name regex (.*)\\.corp\\.test {1}.svc.cluster.local } \n ${KUBERNETES} }`,
      API,
      'kubernetes NOERROR 10.96.0.20',
    ],
    [
      'a template of another zone',
      `. { template IN A corp { answer "x" }\n ${KUBERNETES} }`,
      API,
      'kubernetes NOERROR 10.96.0.20',
    ],
    [
      'a template',
      `. { template IN A { answer "x" }\n ${KUBERNETES} }`,
      API,
      'template NOERROR ? template IN A (line 2 of the Corefile)',
    ],
    [
      'labels',
      '. { kubernetes cluster.local { labels a=b } }',
      API,
      "kubernetes NOERROR ? the kubernetes plugin's labels",
    ],
    ['etcd of another zone', `. { etcd corp\n ${KUBERNETES} }`, API, 'kubernetes NOERROR 10.96.0.20'],
    ['a snippet', `(k) { ${KUBERNETES} }\n. { import k }`, API, 'kubernetes NOERROR 10.96.0.20'],
    ['a comment and quotes', `# x {\n. { # y\n "kubernetes" cluster.local\n}`, API, 'kubernetes NOERROR 10.96.0.20'],
    ['a block without braces', '.:53\nkubernetes cluster.local', API, 'kubernetes NOERROR 10.96.0.20'],
    ['several zones', `a.test, b.test,\ncluster.local { ${KUBERNETES} }`, API, 'kubernetes NOERROR 10.96.0.20'],
  ])('%s', (_, corefile, name, expected) => {
    expect(brief(ask(corefile.replaceAll('{ ', '{\n').replaceAll(' }', '\n}'), name))).toBe(expected);
  });
});

test('files beside the Corefile are read, and those that are not there are named', () => {
  const hosts = '. {\n hosts /etc/coredns/NodeHosts {\n ttl 60\n fallthrough\n }\n kubernetes cluster.local\n}';
  expect(brief(ask(hosts, 'node-1', 'A', { '/etc/coredns/NodeHosts': '192.0.2.3 node-1 # own\n' }))).toBe(
    'hosts NOERROR 192.0.2.3',
  );
  expect(brief(ask('. {\n hosts /x\n}', 'a'))).toBe('hosts NOERROR ? the file /x of the hosts plugin');
  const { problems } = parseCorefile('. {\n import /a/*.x\n forward . {$UP}\n}');
  expect(problems).toEqual([
    { line: 3, message: 'the environment variable UP is not in the input' },
    { line: 2, message: 'import /a/*.x: the file is not in the input' },
  ]);
  const imported = '. {\n import custom\n}';
  expect(brief(ask(imported, API, 'A', { custom: 'kubernetes cluster.local' }))).toBe('kubernetes NOERROR 10.96.0.20');
});

test('external addresses', async () => {
  const cluster = await clusterOf(documents(service('lb', 'externalIPs: [192.0.2.9]'), service('plain', '')), {
    nodes: 1,
  });
  const server = {
    corefile: parseCorefile('. {\n kubernetes cluster.local\n k8s_external example.org {\n apex zone\n }\n}'),
    objects: dnsObjectsOf(cluster),
    ownAddresses: [],
    file: () => undefined,
  };
  const answer = (name: string, type = 'A') => brief(askServer(server, { name, type }));
  expect(answer('lb.shop.example.org')).toBe('k8s_external NOERROR 192.0.2.9');
  expect(answer('plain.shop.example.org')).toBe('k8s_external NXDOMAIN');
  expect(answer('shop.example.org')).toBe('k8s_external NOERROR');
  expect(answer('example.org', 'NS')).toBe('k8s_external NOERROR ns1.zone.example.org.');
});
