import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '../objects/kube.ts';
import type { Cluster } from './cluster.ts';
import { assumed, clusterOf, documents, node, service } from './testing.ts';

const NODES = documents(
  `${node('a', '{podCIDRs: [10.1.0.0/24, "fd00:1::/64"]}', 'topology.kubernetes.io/zone: za')}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}`,
  `${node('b', '{podCIDRs: [10.1.1.0/24, "fd00:2::/64"]}')}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.2}]}`,
);

interface PodOptions {
  ready?: boolean;
  deleting?: boolean;
  phase?: string;
  spec?: string;
  labels?: string;
  ports?: string;
}

const pod = (name: string, nodeName: string, ips: string[], o: PodOptions = {}): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, uid: u-${name}, labels: {${o.labels ?? 'app: api'}}${o.deleting ? ', deletionTimestamp: "2026-01-01T00:00:00Z"' : ''}}
spec: {nodeName: ${nodeName}, containers: [{name: c, ports: [${o.ports ?? '{name: http, containerPort: 8080}'}]}]${o.spec ? `, ${o.spec}` : ''}}
status: {phase: ${o.phase ?? 'Running'}, podIP: "${ips[0]}", podIPs: [${ips.map((ip) => `{ip: "${ip}"}`).join(', ')}], conditions: [{type: Ready, status: "${o.ready === false ? 'False' : 'True'}"}]}`;

function slicesOf(cluster: Cluster, name = 'api'): EndpointSlice[] {
  return (cluster.endpointSlices.get(`shop/${name}`) ?? []).map((s) => s.object);
}

/** `FAMILY NAME:PORT ...` to `ADDRESS STATE` of each endpoint; states as letters: Ready, Serving, Terminating. */
function table(cluster: Cluster, name?: string): Record<string, string[]> {
  return Object.fromEntries(
    slicesOf(cluster, name).map((s) => [
      [s.addressType, ...(s.ports ?? []).map((p) => `${p.name}:${p.port}`)].join(' '),
      s.endpoints.map(
        (e) =>
          `${e.addresses[0]} ${e.conditions?.ready ? 'R' : ''}${e.conditions?.serving ? 'S' : ''}${e.conditions?.terminating ? 'T' : ''}`,
      ),
    ]),
  );
}

describe('slices of a selector', () => {
  test('ready, unready and terminating pods; ended ones are in none', async () => {
    const pods = documents(
      pod('p1', 'a', ['10.1.0.2']),
      pod('p2', 'b', ['10.1.1.2'], { ready: false }),
      pod('p3', 'b', ['10.1.1.3'], { deleting: true }),
      pod('p4', 'b', ['10.1.1.4'], { deleting: true, ready: false }),
      pod('p5', 'b', ['10.1.1.5'], { phase: 'Failed' }),
      pod('p6', 'b', ['10.1.1.6'], { labels: 'app: other' }),
    );
    const single = { ipFamilies: ['IPv4'] as 'IPv4'[] };
    const cluster = await clusterOf(documents(NODES, pods, service('api')), single);
    expect(table(cluster)).toEqual({ 'IPv4 http:8080': ['10.1.0.2 RS', '10.1.1.2 ', '10.1.1.3 ST', '10.1.1.4 T'] });
    const all = await clusterOf(documents(NODES, pods, service('api', 'publishNotReadyAddresses: true')), single);
    expect(table(all)).toEqual({ 'IPv4 http:8080': ['10.1.0.2 RS', '10.1.1.2 R', '10.1.1.3 RST', '10.1.1.4 RT'] });
    expect(assumed(cluster, 'computed-slices')).toBe(1);
  });

  test('say the pod, its node and its zone', async () => {
    const [slice] = slicesOf(await clusterOf(documents(NODES, pod('p1', 'a', ['10.1.0.2']), service('api'))));
    expect(slice?.endpoints).toEqual([
      {
        addresses: ['10.1.0.2'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'a',
        zone: 'za',
        targetRef: { kind: 'Pod', namespace: 'shop', name: 'p1', uid: 'u-p1' },
      },
    ]);
    expect(slice?.metadata.labels).toMatchObject({ 'kubernetes.io/service-name': 'api' });
  });

  test('pods whose ports resolve differently, or not at all, have slices of their own', async () => {
    const cluster = await clusterOf(
      documents(
        NODES,
        pod('p1', 'a', ['10.1.0.2']),
        pod('p2', 'a', ['10.1.0.3'], { ports: '{name: http, containerPort: 9090}' }),
        pod('p3', 'a', ['10.1.0.4'], { ports: '{name: http, containerPort: 1, protocol: UDP}' }),
        service('api'),
      ),
    );
    expect(table(cluster)).toEqual({
      'IPv4 http:8080': ['10.1.0.2 RS'],
      'IPv4 http:9090': ['10.1.0.3 RS'],
      IPv4: ['10.1.0.4 RS'],
    });
  });

  test('sidecars count for named ports, other init containers do not', async () => {
    const sidecar = (policy: string): string =>
      `initContainers: [{name: s, ${policy}ports: [{name: http, containerPort: 15000}]}]`;
    const one = pod('p1', 'a', ['10.1.0.2'], { ports: '', spec: sidecar('restartPolicy: Always, ') });
    const two = pod('p2', 'a', ['10.1.0.3'], { ports: '', spec: sidecar('') });
    expect(table(await clusterOf(documents(NODES, one, two, service('api'))))).toEqual({
      'IPv4 http:15000': ['10.1.0.2 RS'],
      IPv4: ['10.1.0.3 RS'],
    });
  });

  test('one per family, each with the pods that have it', async () => {
    const cluster = await clusterOf(
      documents(
        NODES,
        pod('p1', 'a', ['10.1.0.2', 'fd00:1::2']),
        pod('p2', 'b', ['10.1.1.2']),
        service('api', 'ipFamilyPolicy: RequireDualStack'),
      ),
    );
    expect(table(cluster)).toEqual({
      'IPv4 http:8080': ['10.1.0.2 RS', '10.1.1.2 RS'],
      'IPv6 http:8080': ['fd00:1::2 RS'],
    });
  });

  test('without pods there is an empty one; above a hundred endpoints there are more', async () => {
    expect(table(await clusterOf(documents(NODES, service('api'))))).toEqual({ IPv4: [] });
    const many = Array.from({ length: 101 }, (_, i) => pod(`p${i}`, 'a', [`10.1.0.${i + 2}`]));
    expect(slicesOf(await clusterOf(documents(NODES, ...many, service('api')))).map((s) => s.endpoints.length)).toEqual(
      [100, 1],
    );
  });

  test('a pod of the host name and subdomain is named', async () => {
    const cluster = await clusterOf(
      documents(
        NODES,
        pod('p1', 'a', ['10.1.0.2'], { spec: 'hostname: one, subdomain: api' }),
        pod('p2', 'a', ['10.1.0.3'], { spec: 'hostname: two, subdomain: other' }),
        service('api', 'clusterIP: None'),
      ),
    );
    expect(slicesOf(cluster)[0]?.endpoints.map((e) => e.hostname)).toEqual(['one', undefined]);
    expect(slicesOf(cluster)[0]?.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
  });

  test.each([
    ['PreferClose', { forZones: [{ name: 'za' }] }],
    ['PreferSameNode', { forZones: [{ name: 'za' }], forNodes: [{ name: 'a' }] }],
  ])('trafficDistribution %s gives hints', async (distribution, hints) => {
    const cluster = await clusterOf(
      documents(NODES, pod('p1', 'a', ['10.1.0.2']), service('api', `trafficDistribution: ${distribution}`)),
    );
    expect(slicesOf(cluster)[0]?.endpoints[0]?.hints).toEqual(hints);
  });
});

describe('slices of the input', () => {
  const given = (name: string, address: string, more = ''): string =>
    `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}\naddressType: IPv4\nendpoints: [{addresses: ["${address}"], targetRef: {kind: Pod, name: p9}${more}}]\nports: [{name: http, port: 8080}]`;

  test('are taken as they are, and their pods stand in where the input has none', async () => {
    const cluster = await clusterOf(
      documents(NODES, pod('p1', 'a', ['10.1.0.2']), service('api'), given('api', '10.1.1.9', ', nodeName: b')),
    );
    expect(slicesOf(cluster).flatMap((s) => s.endpoints.map((e) => e.addresses[0]))).toEqual(['10.1.1.9']);
    expect(cluster.pods.get('shop/p9')).toMatchObject({
      madeBy: { kind: 'EndpointSlice', name: 'x' },
      object: { spec: { nodeName: 'b' }, status: { podIP: '10.1.1.9' } },
    });
    expect(assumed(cluster, 'stand-in-pods')).toBe(1);
  });

  test('say nothing against a selector that no pod of the input fits', async () => {
    const other = pod('p1', 'a', ['10.1.0.2'], { labels: 'app: other' });
    const codes = async (...texts: string[]): Promise<string[]> =>
      (await clusterOf(documents(NODES, other, service('api'), ...texts))).problems.map((p) => p.code);
    expect(await codes(given('api', '10.1.1.9'))).toEqual([]);
    expect(await codes()).toEqual(['selector-matches-nothing']);
  });

  test('of a Service that is not there are told', async () => {
    const cluster = await clusterOf(documents(NODES, service('api'), given('apis', '10.1.1.9')));
    expect(cluster.problems).toContainEqual(
      expect.objectContaining({ code: 'unknown-reference', mend: 'Did you mean shop/api?' }),
    );
  });

  test('with redacted addresses find their pods again', async () => {
    const cluster = await clusterOf(
      documents(NODES, pod('p9', 'b', ['***HIDDEN***']), service('api'), given('api', '***HIDDEN***')),
    );
    expect(slicesOf(cluster).flatMap((s) => s.endpoints.map((e) => e.addresses[0]))).toEqual(['10.1.1.2']);
    expect(assumed(cluster, 'redacted-endpoints')).toBe(1);
    const lost = await clusterOf(documents(NODES, service('api'), given('api', '***HIDDEN***')));
    expect(slicesOf(lost).flatMap((s) => s.endpoints)).toEqual([]);
    expect(assumed(lost, 'lost-endpoints')).toBe(1);
  });

  test('are made of Endpoints where there are no slices', async () => {
    const endpoints =
      'apiVersion: v1\nkind: Endpoints\nmetadata: {name: api, namespace: shop}\nsubsets: [{addresses: [{ip: 10.1.0.9}, {ip: "fd00:1::9"}], notReadyAddresses: [{ip: 10.1.0.8}], ports: [{name: http, port: 1234}]}]';
    const cluster = await clusterOf(documents(NODES, service('api'), endpoints));
    expect(
      slicesOf(cluster).map((s) => [
        s.addressType,
        s.endpoints.map((e) => [e.addresses[0], e.conditions?.ready]),
        s.ports?.[0]?.port,
      ]),
    ).toEqual([
      [
        'IPv4',
        [
          ['10.1.0.9', true],
          ['10.1.0.8', false],
        ],
        1234,
      ],
      ['IPv6', [['fd00:1::9', true]], 1234],
    ]);
  });
});

describe('Services without a selector', () => {
  const api =
    'apiVersion: v1\nkind: Service\nmetadata: {name: kubernetes, namespace: default, uid: u}\nspec: {clusterIP: 10.96.0.1, ports: [{name: https, port: 443, targetPort: 6443}]}';

  test("the API server's leads to the nodes that run one", async () => {
    const server =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver-b, namespace: kube-system}\nspec: {hostNetwork: true, nodeName: b, containers: [{name: kube-apiserver, command: [kube-apiserver, --secure-port=8443]}]}';
    const cluster = await clusterOf(documents(NODES, api, server));
    expect(cluster.endpointSlices.get('default/kubernetes')).toMatchObject([
      { object: { endpoints: [{ addresses: ['10.0.0.2'] }], ports: [{ name: 'https', port: 8443 }] } },
    ]);
    expect(cluster.unknownEndpoints?.size).toBe(0);
  });

  test('of a live cluster may have endpoints that nobody sees; written by hand they have none', async () => {
    const live =
      'apiVersion: v1\nkind: Service\nmetadata: {name: ext, namespace: shop, uid: u}\nspec: {clusterIP: 10.96.0.9, ports: [{port: 1}]}';
    const cluster = await clusterOf(documents(NODES, api, live));
    expect([...(cluster.unknownEndpoints ?? [])]).toEqual(['default/kubernetes', 'shop/ext']);
    expect([...((await clusterOf(documents(NODES, live.replace(', uid: u', '')))).unknownEndpoints ?? [])]).toEqual([]);
  });
});

describe('what is written by hand', () => {
  const byHand =
    'apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: mine, namespace: shop, labels: {kubernetes.io/service-name: api}}\naddressType: IPv4\nendpoints: [{addresses: [192.0.2.1]}]\nports: [{name: http, port: 8080}]';
  const endpoints = (labels = '') =>
    `apiVersion: v1\nkind: Endpoints\nmetadata: {name: api, namespace: shop${labels}}\nsubsets: [{addresses: [{ip: 192.0.2.2}], ports: [{name: http, port: 8080}]}]`;
  const free =
    'apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {ports: [{name: http, port: 80}]}';
  const addresses = (cluster: Cluster) => slicesOf(cluster).flatMap((s) => s.endpoints.flatMap((e) => e.addresses));

  test('slices stand beside those of the controllers', async () => {
    const selected = await clusterOf(documents(NODES, pod('p1', 'a', ['10.1.0.2']), service('api'), byHand));
    expect(addresses(selected)).toEqual(['192.0.2.1', '10.1.0.2']);
    expect(addresses(await clusterOf(documents(NODES, free, byHand, endpoints())))).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  test('Endpoints of a Service with a selector are written over', async () => {
    const cluster = await clusterOf(documents(NODES, pod('p1', 'a', ['10.1.0.2']), service('api'), endpoints()));
    expect(addresses(cluster)).toEqual(['10.1.0.2']);
    expect(cluster.problems.map((p) => p.code)).toEqual(['endpoints-overwritten']);
  });

  test('Endpoints that say so are not mirrored', async () => {
    const skip = endpoints(', labels: {endpointslice.kubernetes.io/skip-mirror: "true"}');
    const cluster = await clusterOf(documents(NODES, free, skip));
    expect(addresses(cluster)).toEqual([]);
    expect(cluster.problems.map((p) => p.code)).toEqual(['endpoints-not-mirrored']);
  });
});

describe('topology mode Auto', () => {
  const auto = service('api').replace(
    'namespace: shop',
    'namespace: shop, annotations: {service.kubernetes.io/topology-mode: Auto}',
  );
  const real = (name: string, zone: string) =>
    `${node(name, '{}', `topology.kubernetes.io/zone: ${zone}`)}\nstatus: {allocatable: {cpu: "2"}, conditions: [{type: Ready, status: "True"}]}`;

  test('gives hints where the Nodes tell enough', async () => {
    const pods = ['a', 'b'].flatMap((name, i) => [2, 3].map((n) => pod(`p${i}${n}`, name, [`10.1.${i}.${n}`])));
    const cluster = await clusterOf(documents(real('a', 'za'), real('b', 'zb'), ...pods, auto));
    const hints = slicesOf(cluster)[0]?.endpoints.map((e) => e.hints?.forZones?.[0]?.name);
    expect(hints).toEqual(['za', 'za', 'zb', 'zb']);
  });

  test('says why there are none', async () => {
    const one = await clusterOf(documents(real('a', 'za'), real('b', 'zb'), pod('p1', 'a', ['10.1.0.2']), auto));
    expect(one.problems.map((p) => p.message)).toEqual([
      'asks for topology hints, and gets none: Insufficient number of endpoints (1 endpoints, 2 zones)',
    ]);
    const made = await clusterOf(documents(NODES, pod('p1', 'a', ['10.1.0.2']), auto));
    expect(assumed(made, 'no-topology-hints')).toBe(1);
  });
});
