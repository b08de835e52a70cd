import { beforeAll, describe, expect, test } from 'vitest';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterOf, deployment, documents, service } from '../cluster/testing.ts';
import { resolveName } from './resolve-name.ts';

let cluster: Cluster;
beforeAll(async () => {
  const stateful = deployment('db', 2)
    .replace('Deployment', 'StatefulSet')
    .replace('replicas: 2', 'replicas: 2\n  serviceName: db');
  cluster = await clusterOf(
    documents(
      deployment('api', 2),
      service('api', 'clusterIP: 10.96.0.20'),
      stateful,
      service('db', 'clusterIP: None'),
      'apiVersion: v1\nkind: Service\nmetadata: {name: pay, namespace: shop}\nspec: {type: ExternalName, externalName: pay.example.com}',
    ),
    { clusterDomain: 'k8s.test', nodes: 1 },
  );
});

describe('a Service', () => {
  test.each(['api', 'api.shop', 'api.shop.svc', 'api.shop.svc.k8s.test', 'api.shop.svc.k8s.test.', 'API.Shop'])(
    '%s from its namespace',
    (name) => {
      expect(resolveName(cluster, name, { namespace: 'shop' })).toEqual({
        kind: 'service',
        key: 'shop/api',
        name: 'api.shop.svc.k8s.test',
        addresses: ['10.96.0.20'],
      });
    },
  );

  test.each(['api', 'api.', 'api.shop.', 'api.shop.svc.cluster.local', 'nobody.shop', 'x.api.shop', 'example.com'])(
    '%s from another namespace is no name here',
    (name) => {
      expect(resolveName(cluster, name, { namespace: 'other' })).toBeUndefined();
    },
  );

  test('from another namespace by its namespace', () => {
    expect(resolveName(cluster, 'api.shop', { namespace: 'other' })?.kind).toBe('service');
  });
});

test('a headless Service is its endpoints, and each has a name', () => {
  const all = resolveName(cluster, 'db', { namespace: 'shop' });
  expect(all).toMatchObject({ kind: 'headless', key: 'shop/db' });
  const addresses = all && 'addresses' in all ? all.addresses : [];
  expect(addresses).toHaveLength(2);
  expect(resolveName(cluster, 'db-1.db.shop', { namespace: 'other' })).toEqual({
    kind: 'headless',
    key: 'shop/db',
    name: 'db-1.db.shop.svc.k8s.test',
    hostname: 'db-1',
    addresses: [cluster.pods.get('shop/db-1')?.object.status?.podIP],
  });
  expect(resolveName(cluster, 'db-7.db', { namespace: 'shop' })).toBeUndefined();
});

test('endpoints that are not ready have no name, unless the Service publishes them', async () => {
  const waiting = deployment('db', 1, 'readinessGates: [{conditionType: gate}]');
  const count = async (spec: string): Promise<number | undefined> => {
    const answer = resolveName(await clusterOf(documents(waiting, service('db', spec))), 'db', { namespace: 'shop' });
    return answer && 'addresses' in answer ? answer.addresses.length : undefined;
  };
  expect(await count('clusterIP: None')).toBe(0);
  expect(await count('clusterIP: None, publishNotReadyAddresses: true')).toBe(1);
});

test('an ExternalName is another name', () => {
  expect(resolveName(cluster, 'pay', { namespace: 'shop' })).toMatchObject({
    kind: 'alias',
    target: 'pay.example.com',
  });
});

test('a pod by its address, in a namespace that exists', () => {
  expect(resolveName(cluster, '10-244-0-2.shop.pod.k8s.test', { namespace: 'x' })).toMatchObject({
    kind: 'pod',
    address: '10.244.0.2',
  });
  expect(resolveName(cluster, 'fd00--2.shop.pod', { namespace: 'x' })).toMatchObject({
    kind: 'pod',
    address: 'fd00::2',
  });
  expect(resolveName(cluster, '10-244-0-2.nowhere.pod', { namespace: 'x' })).toBeUndefined();
  expect(resolveName(cluster, '10-244-0.shop.pod', { namespace: 'x' })).toBeUndefined();
});
