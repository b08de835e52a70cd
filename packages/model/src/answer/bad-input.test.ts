/**
 * Services and endpoints that no API server or controller would leave so: each is told with object and line, and the trace shows what the rules
 * made of it do. What kube-proxy does with them the oracle asks the kernel (`--kind service` draws all of these).
 */
import { createEngine } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { openSession, type Session } from './session.ts';
import { lineOf, source } from './shop.ts';

const pod = (name: string, address: string, node = 'n1') => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}
spec: {nodeName: ${node}, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}
status: {phase: Running, podIP: ${address}, podIPs: [{ip: ${address}}], conditions: [{type: Ready, status: "True"}]}
---`;

const CLUSTER = `
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDRs: [10.244.0.0/24]}
status: {addresses: [{type: InternalIP, address: 192.168.1.11}]}
---${pod('web', '10.244.0.5')}${pod('api', '10.244.0.6')}${pod('client', '10.244.0.9')}
`;

const service = (name: string, spec: string) => `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}], ${spec}}
---`;

const slice = (name: string, of: string, endpoints: string) => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}, namespace: shop, labels: {kubernetes.io/service-name: ${of}, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
${endpoints}
---`;

const WEB = '{addresses: [10.244.0.5], nodeName: n1, targetRef: {kind: Pod, namespace: shop, name: web}';

async function open(text: string, proxyMode: 'iptables' | 'nftables' = 'iptables'): Promise<Session> {
  const overrides = { proxyMode, serviceCIDRs: ['10.96.0.0/16'] };
  return openSession({ files: [source(text)], overrides, machine: createEngine() });
}

/** Code, object and line of what is told. */
async function told(text: string): Promise<[string, string | undefined, number | undefined][]> {
  const { cluster } = await open(text);
  return cluster.problems.map(({ code, object, line }) => [code, object, line]);
}

async function receivers(text: string, to: string, mode: 'iptables' | 'nftables', from = 'pod/shop/client') {
  const answer = (await open(text, mode)).trace({ from, to });
  const pods = answer.groups.flatMap(({ outcomes }) => outcomes.map(({ receiver }) => receiver?.place.name));
  return { verdict: answer.verdict, pods, hints: answer.hints.map(({ code }) => code) };
}

describe('two Services with one node port', () => {
  const clash = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${service('b', 'clusterIP: 10.96.0.6')}`
    .replace('clusterIP: 10.96.0.5', 'type: NodePort, clusterIP: 10.96.0.5')
    .replace('clusterIP: 10.96.0.6', 'type: NodePort, clusterIP: 10.96.0.6')
    .replaceAll('targetPort: 8080', 'targetPort: 8080, nodePort: 30080');
  const text = clash.replace(
    'name: b, namespace: shop}\nspec: {selector: {app: web}',
    'name: b, namespace: shop}\nspec: {selector: {app: api}',
  );

  test('is told at the second one', async () => {
    const second = text.split('\n').findLastIndex((line) => line.includes('nodePort: 30080')) + 1;
    expect(await told(text)).toEqual([['node-port-clash', 'Service shop/b', second]]);
  });

  test.each([
    ['iptables', 'shop/web'],
    ['nftables', 'shop/api'],
  ] as const)('in %s mode %s gets it', async (mode, expected) => {
    const found = await receivers(text, '192.168.1.11:30080', mode, 'external');
    expect(found).toMatchObject({ verdict: 'delivered', pods: [expected] });
    expect(found.hints).toContain('shared-address');
  });
});

test('two Services with one cluster IP', async () => {
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${service('b', 'clusterIP: 10.96.0.5, type: ClusterIP')}`;
  expect(await told(text)).toEqual([['cluster-ip-clash', 'Service shop/b', lineOf(text, 'type: ClusterIP')]]);
  expect((await receivers(text, 'svc/shop/b', 'iptables')).hints).toContain('shared-address');
});

test('a cluster IP outside the service network has its rules all the same', async () => {
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.77.0.5')}`;
  expect(await told(text)).toEqual([['cluster-ip-outside', 'Service shop/a', lineOf(text, '10.77.0.5')]]);
  expect(await receivers(text, 'svc/shop/a', 'nftables')).toMatchObject({ verdict: 'delivered', pods: ['shop/web'] });
});

test.each(['ipFamilies: [IPv6], clusterIP: "fd00::7"', 'ipFamilies: [IPv6]'])(
  'a family that the cluster lacks: %s',
  async (spec) => {
    const text = `${CLUSTER}${service('a', spec)}`;
    expect(await told(text)).toEqual([['no-such-family', 'Service shop/a', lineOf(text, 'ipFamilies')]]);
    expect(await receivers(text, 'svc/shop/a', 'iptables')).toMatchObject({ verdict: 'unreachable' });
  },
);

test('a slice that names a pod which is nowhere', async () => {
  const gone = '- {addresses: [10.244.0.77], nodeName: n1, targetRef: {kind: Pod, namespace: shop, name: gone}}';
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${slice('a-1', 'a', `- ${WEB}}\n${gone}`)}`;
  expect(await told(text)).toEqual([['slice-unknown-pod', 'EndpointSlice shop/a-1', lineOf(text, 'name: gone')]]);
});

test('endpoints at an address that no pod has', async () => {
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5').replace('selector: {app: web}, ', '')}${slice('a-1', 'a', '- {addresses: [10.244.0.99]}')}`;
  expect(await told(text)).toEqual([['endpoint-of-nobody', 'EndpointSlice shop/a-1', lineOf(text, '10.244.0.99')]]);
  expect(await receivers(text, 'svc/shop/a', 'nftables')).toMatchObject({ verdict: 'unreachable' });
});

test('two slices that disagree about one endpoint', async () => {
  const ready = slice('a-1', 'a', `- ${WEB}, conditions: {ready: true}}`);
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${ready}${slice('a-2', 'a', `- ${WEB}, conditions: {ready: false}}`)}`;
  const line = lineOf(text, 'ready: false');
  expect(await told(text)).toEqual([
    ['slice-other-state', 'EndpointSlice shop/a-2', line],
    ['endpoint-twice', 'EndpointSlice shop/a-2', line],
  ]);
  const found = await receivers(text, 'svc/shop/a', 'iptables');
  expect(found.verdict).toBe('rejected');
  expect(found.hints).toContain('endpoint-twice');
});

describe('Endpoints edited by hand', () => {
  const edited = `
apiVersion: v1
kind: Endpoints
metadata: {name: a, namespace: shop}
subsets: [{addresses: [{ip: 10.244.0.6}], ports: [{name: http, port: 8080}]}]
`;

  test('are written over where the Service has a selector', async () => {
    const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${edited}`;
    expect(await told(text)).toEqual([
      ['endpoints-overwritten', 'Endpoints shop/a', lineOf(text, 'kind: Endpoints') - 1],
    ]);
    expect(await receivers(text, 'svc/shop/a', 'iptables')).toMatchObject({ pods: ['shop/web'] });
  });

  test('are not read where there are slices', async () => {
    const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}${slice('a-1', 'a', `- ${WEB}}`)}${edited}`;
    expect(await told(text)).toEqual([['endpoints-beside-slices', 'Endpoints shop/a', lineOf(text, 'subsets')]]);
    expect(await receivers(text, 'svc/shop/a', 'nftables')).toMatchObject({ pods: ['shop/web'] });
  });

  test('are what slices are made of where it has none', async () => {
    const bare = service('a', 'clusterIP: 10.96.0.5').replace('selector: {app: web}, ', '');
    expect(await told(`${CLUSTER}${bare}${edited}`)).toEqual([]);
    expect(await receivers(`${CLUSTER}${bare}${edited}`, 'svc/shop/a', 'iptables')).toMatchObject({
      pods: ['shop/api'],
    });
    const stray = `${CLUSTER}${bare}${edited.replace('10.244.0.6', '10.244.0.88')}`;
    expect((await told(stray)).map(([code]) => code)).toEqual(['endpoint-of-nobody']);
  });
});

test('a port that no container names', async () => {
  const text = `${CLUSTER}${service('a', 'clusterIP: 10.96.0.5')}`;
  expect(await told(text.replace('targetPort: 8080', 'targetPort: htpp'))).toEqual([
    ['target-port-name', 'Service shop/a', lineOf(text, 'targetPort')],
  ]);
  expect(await told(text.replace('targetPort: 8080', 'targetPort: 9999'))).toEqual([
    ['target-port-undeclared', 'Service shop/a', lineOf(text, 'targetPort')],
  ]);
  const found = await receivers(text.replace('targetPort: 8080', 'targetPort: htpp'), 'svc/shop/a', 'iptables');
  expect(found.verdict).toBe('rejected');
});

test('a load balancer whose status holds no address', async () => {
  const text = `${CLUSTER}${service('a', 'type: LoadBalancer, clusterIP: 10.96.0.5').replace('\n---', '\nstatus: {loadBalancer: {ingress: [{ip: 300.1.1.1}]}}\n---')}`;
  expect(await told(text)).toEqual([['bad-address', 'Service shop/a', lineOf(text, '300.1.1.1')]]);
});
