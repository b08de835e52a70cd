import { beforeAll, describe, expect, test } from 'vitest';
import { buildCluster } from '../cluster/build.ts';
import { readSources } from '../read/read.ts';
import type { Hint } from './answer.ts';
import { type Provenance, provenanceOf } from './provenance.ts';
import { undeclaredTargetPort, whyNoEndpoints } from './service-why.ts';
import { lineOf, SHOP, source } from './shop.ts';

async function open(text: string) {
  const read = await readSources([source(text)]);
  const cluster = buildCluster(read);
  return { cluster, provenance: provenanceOf(cluster, read) };
}

let shop: Awaited<ReturnType<typeof open>>;
beforeAll(async () => {
  shop = await open(SHOP);
});

function why(key: string, port = 0): Hint[] {
  return whyNoEndpoints(shop.cluster, key, port, shop.provenance);
}

describe('a Service without endpoints', () => {
  test('a selector with a typing error names the labels that are there, and its line', () => {
    const [hint] = why('shop/mistyped');
    expect(hint).toMatchObject({
      code: 'selector-matches-nothing',
      object: { file: 'shop.yaml', line: lineOf(SHOP, 'app: apii') },
    });
    expect(hint?.text).toContain('app=apii');
    expect(hint?.text).toContain('app=api ');
    expect(hint?.mend).toContain('app: api ');
  });

  test('a selector that fits pods of another namespace says which', () => {
    const [hint] = why('other/elsewhere');
    expect(hint?.code).toBe('selector-other-namespace');
    expect(hint?.text).toContain('shop');
  });

  test('a targetPort name that no container has', () => {
    const [hint] = why('shop/misnamed');
    expect(hint).toMatchObject({
      code: 'target-port-name-missing',
      object: { line: lineOf(SHOP, 'targetPort: htpp') },
    });
    expect(hint?.text).toContain('http, metrics');
    expect(hint?.mend).toBe('Set targetPort: http.');
  });

  test('no selector', () => {
    expect(why('shop/byhand').map((h) => h.code)).toEqual(['no-selector']);
  });

  test('a Service that has endpoints gets no explanation', () => {
    expect(why('shop/api')).toEqual([]);
  });
});

const POD = (name: string, more: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: db}, uid: u-${name}${more.includes('deleted') ? ', deletionTimestamp: "2026-01-01T00:00:00Z"' : ''}}
spec: {nodeName: n1, containers: [{name: db, ports: [{containerPort: 5432, name: pg, protocol: UDP}]}]}
status:
  phase: ${more.includes('over') ? 'Succeeded' : 'Running'}
  podIP: 10.244.0.${name.length}
  conditions: [{type: Ready, status: "${more.includes('unready') ? 'False' : 'True'}", reason: ContainersNotReady}]
`;
const DB = `
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, uid: u-db}
spec: {selector: {app: db}, ports: [{port: 5432, targetPort: 5433}, {name: named, port: 1, targetPort: pg}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.244.0.0/24}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
`;

const SLICE = (endpoints: string) => `
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints: ${endpoints}
ports: [{name: "", port: 5433}]
`;

describe('slices of a snapshot', () => {
  test.each([
    ['[]', 'slices-empty'],
    ['[{addresses: [10.244.0.1], conditions: {ready: false}}]', 'endpoints-not-ready'],
    [
      '[{addresses: [10.244.0.1], conditions: {ready: false, serving: false, terminating: true}}]',
      'endpoints-terminating',
    ],
  ])('%s: %s', async (endpoints, code) => {
    const { cluster, provenance } = await open(DB + POD('a', '') + SLICE(endpoints));
    expect(whyNoEndpoints(cluster, 'shop/db', 0, provenance).map((h) => h.code)).toEqual([code]);
  });
});

describe('pods of a snapshot', () => {
  test.each([
    ['unready', 'pods-not-ready'],
    ['over', 'pods-over'],
    ['deleted', 'pods-terminating'],
  ])('%s: %s', async (state, code) => {
    const { cluster, provenance } = await open(DB + POD('a', state));
    expect(whyNoEndpoints(cluster, 'shop/db', 0, provenance).map((h) => h.code)).toContain(code);
  });

  test('a name that the containers have for another protocol', async () => {
    const { cluster, provenance } = await open(DB + POD('a', ''));
    const [hint] = whyNoEndpoints(cluster, 'shop/db', 1, provenance);
    expect(hint?.code).toBe('target-port-protocol');
  });

  test('a number that no container declares is worth a look', async () => {
    const { cluster, provenance } = await open(DB + POD('a', ''));
    const hint = undeclaredTargetPort(cluster, 'shop/db', 0, provenance as Provenance);
    expect(hint?.code).toBe('target-port-not-declared');
    expect(hint?.mend).toContain('5432');
  });
});
