import { readFileSync } from 'node:fs';
import type { Machine } from '@podwire/engine';
import { createReference } from '@podwire/engine/reference';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { answerJson } from '../answer/answer-json.ts';
import { openSession, type Session } from '../answer/session.ts';
import { SHOP, source } from '../answer/shop.ts';
import { openNode, splitDumps } from '../linux/node/index.ts';
import { why } from './why.ts';

const encoder = new TextEncoder();
const machine: Machine = createReference();

async function open(text: string, dumps: Record<string, string> = {}): Promise<Session> {
  const split = splitDumps(Object.entries(dumps).map(([name, dump]) => ({ name, bytes: encoder.encode(dump) })));
  const nodes = [...split.nodes].map(([name, files]) => openNode(name, files));
  const pods = [...split.pods].map(async ([pod, files]) => ({ pod, dump: await openNode(pod, files) }));
  return openSession({
    files: [source(text)],
    machine,
    dumps: await Promise.all(nodes),
    podDumps: await Promise.all(pods),
  });
}

/** Two nodes, a client and a server on each, as a snapshot has them. */
const LIVE = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: n1}, spec: {podCIDR: 10.1.1.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}}
- {apiVersion: v1, kind: Node, metadata: {name: n2}, spec: {podCIDR: 10.1.2.0/24}, status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}}
- {apiVersion: v1, kind: Namespace, metadata: {name: a}}
- apiVersion: v1
  kind: Pod
  metadata: {name: client, namespace: a}
  spec: {nodeName: n1, containers: [{name: c, image: c}]}
  status: {phase: Running, podIP: 10.1.1.5, conditions: [{type: Ready, status: 'True'}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: near, namespace: a, labels: {app: near}}
  spec: {nodeName: n1, containers: [{name: c, image: c, ports: [{containerPort: 8080}]}]}
  status: {phase: Running, podIP: 10.1.1.6, conditions: [{type: Ready, status: 'True'}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: far, namespace: a, labels: {app: far}}
  spec: {nodeName: n2, containers: [{name: c, image: c, ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: /, port: 8080}}}]}
  status: {phase: Running, podIP: 10.1.2.6, conditions: [{type: Ready, status: 'FAR_READY'}]}
- {apiVersion: v1, kind: Service, metadata: {name: near, namespace: a}, spec: {clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20], selector: {app: near}, ports: [{port: 80, targetPort: 8080}]}}
- {apiVersion: v1, kind: Service, metadata: {name: far, namespace: a}, spec: {clusterIP: 10.96.0.21, clusterIPs: [10.96.0.21], selector: {app: far}, ports: [{port: 80, targetPort: 8080}]}}
- {apiVersion: v1, kind: Service, metadata: {name: direct, namespace: a}, spec: {clusterIP: None, selector: {app: near}, ports: [{port: 80, targetPort: 8080}]}}
`;
const HEALTHY = LIVE.replace('FAR_READY', 'True');

test('what works has no fault, and every link its word', async () => {
  const answer = why(await open(HEALTHY), { from: 'pod/a/client', to: 'svc/a/far:80' });
  expect(answer).toMatchObject({ kind: 'Why', verdict: 'delivered', also: [] });
  expect(answer.fault).toBeUndefined();
  expect(answer.chain.map(({ link, status }) => `${link} ${status}`)).toEqual([
    'service ok',
    'port ok',
    'selector ok',
    'readiness ok',
    'endpoints ok',
    'proxy-rule ok',
    'route ok',
    'nat ok',
    'listener unseen',
    'reply ok',
  ]);
});

test('who asks is a pod beside the Service where nobody is named', async () => {
  const answer = why(await open(HEALTHY), { to: 'svc/far', namespace: 'a' });
  expect(answer.question.from).toBe('pod/a/client');
});

test('a selector that matches nothing is the first broken link; behind it nothing is known', async () => {
  const answer = why(await open(SHOP), { from: 'deploy/shop/web', to: 'svc/shop/mistyped' });
  expect(answer).toMatchObject({ verdict: 'rejected', symptom: 'connection refused', fault: { link: 'selector' } });
  const at = answer.chain.findIndex(({ status }) => status === 'broken');
  expect(answer.chain.slice(at + 1).every(({ status }) => status === 'not-reached')).toBe(true);
});

test('the probe that a pod fails is to blame for a Service without endpoints', async () => {
  const answer = why(await open(LIVE.replace('FAR_READY', 'False')), { from: 'pod/a/client', to: 'svc/a/far:80' });
  expect(answer.fault).toMatchObject({
    link: 'readiness',
    object: { kind: 'Pod', name: 'far', field: 'spec.containers[0].readinessProbe' },
  });
});

test('a headless Service translates no port', async () => {
  const answer = why(await open(HEALTHY), { from: 'pod/a/client', to: 'svc/a/direct:80' });
  expect(answer).toMatchObject({
    verdict: 'refused',
    symptom: 'connection refused',
    fault: { link: 'service', object: { name: 'direct', field: 'spec.clusterIP' } },
  });
});

test('a listener on loopback alone, proved by giving it every address', async () => {
  const ss = 'State Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0 511 127.0.0.1:8080 0.0.0.0:*\n';
  const session = await open(HEALTHY, { 'pods/a/far/ss': ss });
  const answer = why(session, { from: 'pod/a/client', to: 'svc/a/far:80' });
  expect(answer).toMatchObject({
    verdict: 'refused',
    fault: { link: 'listener', proved: true, setting: 'listener of pod a/far: 127.0.0.1:8080' },
  });
  // The trials leave the session as it was.
  expect(session.trace({ from: 'pod/a/client', to: 'svc/a/far:80' }).verdict).toBe('refused');
});

test.each([
  ['net.bridge.bridge-nf-call-iptables = 0', 'svc/a/near:80', 'bridge'],
  ['net.ipv4.ip_forward = 0', 'svc/a/far:80', 'route'],
])('of the settings of a node, %s is to blame', async (setting, to, link) => {
  const sysctl = `net.ipv4.conf.all.log_martians = 1\n${setting}\n`;
  const answer = why(await open(HEALTHY, { 'nodes/n1/sysctl': sysctl }), { from: 'pod/a/client', to });
  expect(answer.verdict).toBe('dropped');
  expect(answer.fault).toMatchObject({ link, proved: true, setting: `${setting} on n1` });
});

const UFW = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-forward - [0:0]
-A FORWARD -j ufw-before-forward
COMMIT
`;

test('the firewall of a node by its name, and the rest of the node as podwire makes it', async () => {
  const answer = why(await open(HEALTHY, { 'nodes/n1/iptables-save': UFW }), {
    from: 'pod/a/client',
    to: 'svc/a/far:80',
  });
  expect(answer).toMatchObject({
    verdict: 'dropped',
    fault: { link: 'node-firewall', setting: 'iptables filter (ufw) on n1; policy DROP: FORWARD', proved: true },
  });
  expect(answer.unseen.map(({ code }) => code)).toContain('dump-of-parts');
});

test('a nat table without any rule of kube-proxy', async () => {
  const nat = '*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n';
  const answer = why(await open(HEALTHY, { 'nodes/n1/iptables-save': nat }), {
    from: 'pod/a/client',
    to: 'svc/a/far:80',
  });
  expect(answer.fault).toMatchObject({ link: 'proxy-rule', code: 'proxy-rules-missing', proved: true });
});

test('a route that is missing on one node', async () => {
  const routes =
    'default via 192.168.0.254 dev ens3\n10.1.1.0/24 dev cni0 scope link src 10.1.1.1\n192.168.0.0/24 dev ens3 scope link src 192.168.0.1\n';
  const asked = { from: 'pod/a/client', to: 'svc/a/far:80' };
  const lost = why(await open(HEALTHY, { 'nodes/n1/ip-route': routes }), asked);
  expect(lost.fault).toMatchObject({ link: 'route', proved: true });
  const whole = `${routes}10.1.2.0/24 via 192.168.0.2 dev ens3\n`;
  expect(why(await open(HEALTHY, { 'nodes/n1/ip-route': whole }), asked).verdict).toBe('delivered');
});

test("a kube-proxy that takes the pods' network for foreign changes their address", async () => {
  const processes =
    'USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND\nroot 7 0.0 0.1 1 1 ? Ssl 10:00 0:01 /usr/local/bin/kube-proxy --cluster-cidr=100.64.0.0/10 --token=abc\n';
  const answer = why(await open(HEALTHY, { 'nodes/n1/ps-aux.txt': processes }), {
    from: 'pod/a/client',
    to: 'svc/a/far:80',
  });
  expect(answer).toMatchObject({
    verdict: 'source-changed',
    fault: { link: 'nat', setting: 'kube-proxy --cluster-cidr=100.64.0.0/10' },
  });
  expect(JSON.stringify(answer)).not.toContain('abc');
});

test('a Local policy works as intended, and says which setting would change it', async () => {
  const local = HEALTHY.replace('selector: {app: far}', 'internalTrafficPolicy: Local, selector: {app: far}');
  const answer = why(await open(local), { from: 'pod/a/client', to: 'svc/a/far:80' });
  expect(answer).toMatchObject({
    verdict: 'dropped',
    fault: { link: 'proxy-rule', object: { field: 'spec.internalTrafficPolicy' } },
  });
  expect(answer.intended?.setting).toContain('internalTrafficPolicy: Cluster');
});

test('a name of another namespace is not found by its short form', async () => {
  const other = HEALTHY.replace(
    'metadata: {name: far, namespace: a}, spec: {clusterIP',
    'metadata: {name: far, namespace: b}, spec: {clusterIP',
  );
  const answer = why(await open(other), { from: 'pod/a/client', to: 'dns:far' });
  expect(answer).toMatchObject({
    verdict: 'no-such-name',
    symptom: 'Name or service not known',
    fault: { link: 'dns', object: { kind: 'Pod', name: 'client', field: 'metadata.namespace' } },
  });
});

test("a pod's resolv.conf with another Service for its server", async () => {
  const dns = `
- {apiVersion: v1, kind: Service, metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}, spec: {clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10], selector: {app: far}, ports: [{name: dns, protocol: UDP, port: 53}]}}
`;
  const session = await open(HEALTHY + dns.trimStart(), {
    'pods/a/client/resolv.conf':
      'search a.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.20\noptions ndots:5\n',
  });
  const answer = why(session, { from: 'pod/a/client', to: 'dns:far.a' });
  expect(answer.verdict).toBe('dropped');
  expect(answer.fault).toMatchObject({ link: 'dns', setting: 'kubelet --cluster-dns=10.96.0.20' });
  expect(answer.fault?.mend).toContain('--cluster-dns=10.96.0.10');
});

test('what is refused for what containers declare says so', async () => {
  const cluster = `
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec: {containers: [{name: c, image: c, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: direct, namespace: a}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
  const answer = why(await open(cluster), { from: 'pod/a/client', to: 'svc/a/direct:80' });
  expect(answer).toMatchObject({ verdict: 'refused', fault: { code: 'headless-port' } });
  const codes = answer.unseen.map(({ code }) => code);
  expect(codes).toContain('declared-ports');
  expect(codes).not.toContain('listener-assumed');
});

test('a command line that says loopback is believed, unless another container has the port', async () => {
  const cluster = (more: string) => `
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: a}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: a, labels: {app: web}}
spec:
  containers:
  - {name: c, image: c, command: [serve, '--listen=127.0.0.1:8080'], ports: [{containerPort: 8080}]}
  ${more}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: a}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`;
  const question = { from: 'pod/a/client', to: 'svc/a/web' };
  const answer = why(await open(cluster('')), question);
  expect(answer).toMatchObject({
    verdict: 'refused',
    symptom: 'connection refused',
    fault: { link: 'listener', code: 'listener-loopback', object: { kind: 'Pod', name: 'web' } },
  });
  expect(answer.unseen.map(({ code }) => code)).toContain('listeners-as-declared');
  const proxied = await open(cluster('- {name: proxy, image: p, ports: [{containerPort: 8080}]}'));
  expect(why(proxied, question).verdict).toBe('delivered');
  expect(why(await open(cluster('')), { from: 'pod/a/web', to: 'localhost:8080' }).verdict).toBe('delivered');
});

const SCHEMA = JSON.parse(readFileSync(new URL('../../../../schema/why.schema.json', import.meta.url), 'utf8'));

test('answers fit the published schema', async () => {
  const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(SCHEMA);
  const local = HEALTHY.replace('selector: {app: far}', 'internalTrafficPolicy: Local, selector: {app: far}');
  const sessions = [
    await open(HEALTHY),
    await open(local),
    await open(LIVE.replace('FAR_READY', 'False')),
    await open(HEALTHY, { 'nodes/n1/iptables-save': UFW }),
  ];
  for (const session of sessions) {
    for (const to of [
      'svc/a/far:80',
      'svc/a/direct:80',
      'svc/a/near:81',
      'external',
      'dns:far',
      'dns:nobody',
      'dns:example.com',
    ]) {
      validate(JSON.parse(answerJson(why(session, { from: 'pod/a/client', to }))));
      expect(validate.errors ?? []).toEqual([]);
    }
  }
  const later = why(await open(HEALTHY), { from: 'pod/a/client', to: 'svc/a/far:80', after: ['delete svc/a/far'] });
  validate(JSON.parse(answerJson(later)));
  expect(validate.errors ?? []).toEqual([]);
});
