import { createReference } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import type { ClusterOverrides } from '../cluster/overrides.ts';
import type { DnsLookupAnswer } from './dns-answer.ts';
import type { DnsQuestionAsked } from './dns-asking.ts';
import { lookUpDns } from './dns-lookup.ts';
import { openSession } from './session.ts';
import { SHOP, source } from './shop.ts';

const DNS = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  replicas: 2
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec: {containers: [{name: coredns, image: coredns, ports: [{name: dns, containerPort: 53, protocol: UDP}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: 10.96.0.10
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
`;

const NODE_LOCAL = `
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-local-dns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: node-local-dns}}
  template:
    metadata: {labels: {k8s-app: node-local-dns}}
    spec:
      hostNetwork: true
      dnsPolicy: Default
      containers:
      - name: node-cache
        image: registry.k8s.io/dns/k8s-dns-node-cache:1.26.0
        args: ["-localip", "169.254.20.10,10.96.0.10", "-conf", "/etc/Corefile", "-upstreamsvc", "kube-dns-upstream"]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns-upstream, namespace: kube-system}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP, targetPort: 53}, {name: dns-tcp, port: 53, protocol: TCP, targetPort: 53}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: node-local-dns, namespace: kube-system}
data:
  Corefile: |
    cluster.local:53 {
        cache
        bind 169.254.20.10 10.96.0.10
        forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
        }
    }
    .:53 {
        cache
        bind 169.254.20.10 10.96.0.10
        forward . __PILLAR__UPSTREAM__SERVERS__
    }
`;

async function ask(
  text: string,
  question: Partial<DnsQuestionAsked> & { name: string },
  overrides: ClusterOverrides = {},
): Promise<DnsLookupAnswer> {
  const session = await openSession({ files: [source(text)], overrides, machine: createReference() });
  return lookUpDns(session, { from: 'deploy/shop/web', ...question });
}

const codes = (list: readonly { code: string }[]): string[] => list.map(({ code }) => code);
const ways = ({ servers }: DnsLookupAnswer): string[] =>
  servers.flatMap(({ traffic = [] }) =>
    traffic.map(({ from, to, verdict }) => `${from.split('/')[0]} ${to} ${verdict}`),
  );

test('a Service, by the way of its questions', async () => {
  const answer = await ask(SHOP + DNS, { name: 'api' });
  expect(answer).toMatchObject({
    result: 'found',
    object: { kind: 'Service', name: 'api' },
    resolvConf: { nameservers: ['10.96.0.10'], options: ['ndots:5'] },
    servers: [{ kind: 'coredns', service: 'kube-system/kube-dns' }],
  });
  expect(answer.attempts.map(({ name, outcome }) => [name, outcome])).toEqual([
    ['api.shop.svc.cluster.local.', 'found'],
  ]);
  expect(ways(answer)).toEqual(['pod 10.96.0.10:53 delivered']);
  expect(codes(answer.notes)).toEqual(['corefile', 'node-resolv-conf']);
});

test("the API server's own Service is in no manifest, and in every cluster", async () => {
  const answer = await ask(SHOP + DNS, { name: 'kubernetes.default' });
  expect(answer).toMatchObject({ result: 'found', addresses: ['10.96.0.1'] });
  expect(codes(answer.notes)).toEqual(['search-list', 'kubernetes-service', 'corefile', 'node-resolv-conf']);
});

test('a lower cause comes before the name', async () => {
  const broken = DNS.replace('selector: {k8s-app: kube-dns}', 'selector: {k8s-app: kubedns}');
  const answer = await ask(SHOP + broken, { name: 'api' });
  expect(answer).toMatchObject({ result: 'no-answer', addresses: [], symptom: 'Temporary failure in name resolution' });
  expect(answer.summary).toContain('DNS fails for a lower cause');
  expect(ways(answer)).toEqual(['pod 10.96.0.10:53 rejected']);
});

test('kubelets that were told another address', async () => {
  const kubelet = `
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
clusterDNS: [10.100.0.10]
`;
  const answer = await ask(SHOP + DNS + kubelet, { name: 'api' });
  expect(answer.result).toBe('no-answer');
  expect(answer.hints[0]).toMatchObject({ code: 'wrong-cluster-dns' });
  expect(answer.hints[0]?.mend).toContain('10.96.0.10');
});

test('where the input has no cluster DNS, questions are taken to arrive', async () => {
  const answer = await ask(SHOP, { name: 'api' });
  expect(answer).toMatchObject({ result: 'found' });
  expect(ways(answer)).toEqual([]);
  expect(codes(answer.notes)).toEqual(['cluster-dns-address', 'corefile', 'dns-server-not-shown', 'node-resolv-conf']);
});

test('the cache on the node answers on both addresses, and asks CoreDNS by the second Service', async () => {
  const answer = await ask(SHOP + DNS + NODE_LOCAL, { name: 'api' });
  expect(answer).toMatchObject({ result: 'found', servers: [{ address: '10.96.0.10', kind: 'node-local' }] });
  expect(ways(answer)).toEqual(['pod 10.96.0.10:53 delivered', 'node svc/kube-system/kube-dns-upstream:53 delivered']);
  expect(answer.attempts[0]?.questions[0]).toMatchObject({ by: 'kubernetes', rcode: 'NOERROR' });
  const outside = await ask(SHOP + DNS + NODE_LOCAL, { name: 'example.org.' });
  expect(outside.attempts[0]?.questions[0]?.unknown).toContain('__PILLAR__UPSTREAM__SERVERS__');

  const session = await openSession({ files: [source(SHOP + DNS + NODE_LOCAL)], machine: createReference() });
  const trace = session.trace({ from: 'deploy/shop/web', to: '10.96.0.10:53', protocol: 'udp' });
  // Not translated to a pod: the node itself receives it.
  expect(trace.groups[0]?.outcomes.map((o) => o.receiver?.place.kind)).toEqual(['node']);
  const local = session.trace({ from: 'deploy/shop/web', to: '169.254.20.10:53', protocol: 'udp' });
  expect(local).toMatchObject({ verdict: 'delivered' });
});

test('without the bound address the question goes past the cache', async () => {
  const only = NODE_LOCAL.replace('"169.254.20.10,10.96.0.10"', '"169.254.20.10"');
  const answer = await ask(SHOP + DNS + only, { name: 'api' });
  expect(answer.servers[0]?.kind).toBe('coredns');
  const told = await ask(SHOP + DNS + only, { name: 'api' }, { clusterDNS: ['169.254.20.10'] });
  expect(told).toMatchObject({ result: 'found', servers: [{ kind: 'node-local' }] });
  expect(ways(told)).toEqual(['pod 169.254.20.10:53 delivered', 'node svc/kube-system/kube-dns-upstream:53 delivered']);
});

test.each([
  ['api', 'other', 'name-in-other-namespace', 'Ask for api.shop.'],
  ['apy', 'shop', 'similar-name', 'Did you mean api?'],
  ['api.shopp', 'shop', 'no-such-namespace', 'Ask for api.shop.'],
])('%s from %s', async (name, namespace, code, mend) => {
  const pod = `
---
apiVersion: v1
kind: Pod
metadata: {name: asker, namespace: ${namespace}}
spec: {containers: [{name: c, image: c}]}
`;
  const answer = await ask(SHOP + DNS + pod, { from: `${namespace}/asker`, name });
  expect(answer.result).toBe('unknown');
  expect(answer.hints[0]).toMatchObject({ code, mend });
});

test('a headless Service without ready endpoints', async () => {
  const gate = SHOP.replace('- name: api\n', '- name: api\n').replaceAll(
    'metadata: {labels: {app: api}}\n    spec:',
    'metadata: {labels: {app: api}}\n    spec:\n      readinessGates: [{conditionType: gate}]',
  );
  const answer = await ask(gate + DNS, { name: 'api-direct.shop.svc.cluster.local.' });
  expect(answer).toMatchObject({ result: 'no-such-name', symptom: 'Name or service not known' });
  expect(codes(answer.hints)).toEqual(['headless-without-endpoints']);
});

test('pods that ask their node', async () => {
  const agent = `
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: shop}
spec: {hostNetwork: true, containers: [{name: c, image: c}]}
`;
  const answer = await ask(SHOP + DNS + agent, { from: 'shop/agent', name: 'api' });
  expect(answer).toMatchObject({ result: 'unknown', resolvConf: { source: 'host', nameservers: [] } });
  expect(codes(answer.hints)).toEqual(['node-resolver']);
  const given = await ask(SHOP + DNS + agent, {
    from: 'shop/agent',
    name: 'api',
    nodeResolvConf: 'nameserver 192.0.2.53\nsearch corp.test\n',
  });
  expect(given.attempts.map(({ name }) => name)).toEqual(['api.corp.test.', 'api.']);
  expect(given.servers).toMatchObject([{ address: '192.0.2.53', kind: 'other' }]);
});

test('kubelets that put another domain behind names', async () => {
  const kubelet = `
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
clusterDomain: corp.test
---
apiVersion: v1
kind: ConfigMap
metadata: {name: coredns, namespace: kube-system}
data: {Corefile: ".:53 {\\n kubernetes cluster.local\\n forward . 192.0.2.1\\n}\\n"}
`;
  const answer = await ask(SHOP + DNS + kubelet, { name: 'api' });
  expect(answer.attempts[0]?.name).toBe('api.shop.svc.corp.test.');
  expect(answer.result).toBe('unknown');
  expect(codes(answer.hints)).toContain('domain-mismatch');
  const both = kubelet.replace('kubernetes cluster.local', 'kubernetes cluster.local corp.test');
  expect((await ask(SHOP + DNS + both, { name: 'api' })).result).toBe('found');
  expect((await ask(SHOP + DNS + both, { name: 'nobody' })).hints).toEqual([]);
});

test('a nameserver on the localhost of the pod', async () => {
  const pod = (ports: string): string => `
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: shop}
spec: {dnsPolicy: Default, containers: [{name: c, image: c${ports}}]}
`;
  const question = { from: 'shop/plain', name: 'example.org', nodeResolvConf: 'nameserver 127.0.0.53\n' };
  const answer = await ask(SHOP + pod(''), question);
  expect(answer.result).toBe('no-answer');
  expect(answer.summary).toContain('The pod asks itself');
  expect(codes(answer.hints)).toContain('loopback-nameserver');
  // One of its containers may be the server.
  expect((await ask(SHOP + pod(', ports: [{containerPort: 53, protocol: UDP}]'), question)).result).toBe('unknown');
});

test('its own file comes before any server', async () => {
  const answer = await ask(SHOP + DNS, { name: 'localhost' });
  expect(answer).toMatchObject({ result: 'found', hostsFile: ['127.0.0.1', '::1'], attempts: [], servers: [] });
});

test('one type, without searching', async () => {
  const answer = await ask(SHOP + DNS, { name: '_http._tcp.api.shop.svc.cluster.local', type: 'srv' });
  expect(answer.attempts[0]?.questions[0]?.records).toMatchObject([
    { type: 'SRV', rdata: '0 100 80 api.shop.svc.cluster.local.' },
  ]);
  expect(answer.result).toBe('found');
});

test('an address is no name, and has names', async () => {
  const answer = await ask(SHOP + DNS, { name: '10.96.0.10' });
  expect(answer).toMatchObject({ result: 'found', addresses: ['10.96.0.10'], attempts: [], servers: [] });
  expect(answer.summary).toContain('nothing is asked');
  const reverse = await ask(SHOP + DNS, { name: '10.96.0.10', type: 'PTR' });
  expect(reverse.attempts[0]).toMatchObject({
    name: '10.0.96.10.in-addr.arpa.',
    questions: [{ records: [{ rdata: 'kube-dns.kube-system.svc.cluster.local.' }] }],
  });
});

test('only a pod asks', async () => {
  await expect(ask(SHOP + DNS, { from: 'external', name: 'api' })).rejects.toMatchObject({ code: 'not-a-pod' });
});

test('trace resolves names as the pod does', async () => {
  const pod = `
---
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: other}
spec: {dnsConfig: {searches: [shop.svc.cluster.local]}, containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: none, namespace: other}
spec: {containers: [{name: c, image: c}]}
---
apiVersion: v1
kind: Pod
metadata: {name: agent, namespace: other}
spec: {hostNetwork: true, containers: [{name: c, image: c}]}
`;
  const session = await openSession({ files: [source(SHOP + DNS + pod)], machine: createReference() });
  const [endpoint] = session.cluster.endpointSlices.get('shop/api-direct')?.[0]?.object.endpoints ?? [];
  const name = `${endpoint?.addresses[0]?.replaceAll('.', '-')}.api-direct`;
  const found = session.trace({ from: 'other/plain', to: `${name}:8080` });
  expect(found).toMatchObject({ verdict: 'delivered' });
  expect(found.groups[0]?.destinations).toMatchObject([{ address: endpoint?.addresses[0] }]);
  expect(found.hints).toEqual([]);
  const agent = session.trace({ from: 'other/agent', to: 'api.shop:80' });
  expect(agent).toMatchObject({ verdict: 'delivered', hints: [{ code: 'node-resolver' }] });
  // The other pod has no such search path.
  expect(() => session.trace({ from: 'other/none', to: `${name}:8080` })).toThrow('the input has no');
});
