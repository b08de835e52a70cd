import { describe, expect, test } from 'vitest';
import { clusterOf, documents, node, service } from './testing.ts';

const NODES = `${node('a', '{podCIDRs: [10.1.0.0/24]}')}\nstatus: {addresses: [{type: InternalIP, address: 10.0.0.1}]}`;

interface PodText {
  ready?: string;
  more?: string;
  ip?: string;
  labels?: string;
  phase?: string;
  spec?: string;
}

const pod = (name: string, o: PodText = {}): string => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, uid: u-${name}, labels: {${o.labels ?? 'app: api'}}}
spec: {nodeName: a, containers: [{name: web, ports: [{name: http, containerPort: 8080}], readinessProbe: {httpGet: {port: 8080}}}]${o.spec ?? ''}}
status: {phase: ${o.phase ?? 'Running'}, podIP: ${o.ip ?? '10.1.0.2'}, conditions: [{type: Ready, status: "${o.ready ?? 'True'}"${o.more ?? ''}}]}`;

const slice = (endpoints: string, port = 8080): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-x, namespace: shop, uid: x, labels: {kubernetes.io/service-name: api, endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}
addressType: IPv4
endpoints: [${endpoints}]
ports: [{name: http, port: ${port}, protocol: TCP}]`;

const endpoint = (name: string, address = '10.1.0.2', ready = true): string =>
  `{addresses: [${address}], conditions: {ready: ${ready}, serving: ${ready}, terminating: false}, targetRef: {kind: Pod, namespace: shop, name: ${name}}, nodeName: a}`;

async function told(...texts: string[]): Promise<[string, string | undefined, string][]> {
  const cluster = await clusterOf(documents(NODES, service('api'), ...texts));
  return cluster.problems.map(({ code, field, message }) => [code, field, message]);
}

describe('slices of a snapshot beside those that should be', () => {
  test('nothing is said where they agree, or where the input has none of the pods', async () => {
    expect(await told(pod('p1'), slice(endpoint('p1')))).toEqual([]);
    expect(await told(pod('other', { labels: 'app: other' }), slice(endpoint('p9', '10.1.0.9')))).toEqual([]);
  });

  test('a pod that is nowhere while others are there', async () => {
    expect(await told(pod('p1'), slice(`${endpoint('p1')}, ${endpoint('p9', '10.1.0.9')}`))).toEqual([
      [
        'slice-unknown-pod',
        'endpoints[1]',
        'Pod shop/p9: the EndpointSlice lists it, but it is not in the input, though others of this Service are',
      ],
    ]);
  });

  test('a pod that is listed nowhere', async () => {
    expect(await told(pod('p1'), slice(''))).toEqual([
      [
        'slice-lacks-pod',
        'spec.selector',
        'Pod shop/p1: the selector matches it (ready, 10.1.0.2), but no EndpointSlice lists it',
      ],
    ]);
  });

  test('a pod that is listed, but is not selected or has ended', async () => {
    expect(await told(pod('p1', { labels: 'app: apis' }), slice(endpoint('p1')))).toContainEqual([
      'slice-unwanted-pod',
      'endpoints[0]',
      'Pod shop/p1: the EndpointSlice lists it, but the selector wants app=api, which it does not have',
    ]);
    expect(
      await told(
        pod('p1', { phase: 'Succeeded' }),
        pod('p2', { ip: '10.1.0.3' }),
        slice(`${endpoint('p1')}, ${endpoint('p2', '10.1.0.3')}`),
      ),
    ).toEqual([
      ['slice-unwanted-pod', 'endpoints[0]', 'Pod shop/p1: the EndpointSlice lists it, but it has ended (Succeeded)'],
    ]);
  });

  test('another address, other ports', async () => {
    expect(await told(pod('p1'), slice(endpoint('p1', '10.1.0.7')))).toEqual([
      [
        'slice-other-address',
        'endpoints[0]',
        'Pod shop/p1: the EndpointSlice lists it at 10.1.0.7, but it has 10.1.0.2',
      ],
    ]);
    expect(await told(pod('p1'), slice(endpoint('p1'), 9090))).toEqual([
      [
        'slice-other-ports',
        'ports',
        'Pod shop/p1: the EndpointSlice lists it with http:9090/TCP, but spec.ports lead to http:8080/TCP of it',
      ],
    ]);
  });

  test('another state, with its cause, once for all pods', async () => {
    const unready = {
      ready: 'False',
      more: ', reason: ContainersNotReady, message: "containers with unready status: [web]"',
    };
    const two = [pod('p1', unready), pod('p2', { ...unready, ip: '10.1.0.3' })];
    expect(await told(...two, slice(`${endpoint('p1')}, ${endpoint('p2', '10.1.0.3')}`))).toEqual([
      [
        'slice-other-state',
        'endpoints[0].conditions',
        'Pod shop/p1: the EndpointSlice says it is ready, but it is not ready: no readinessProbe success of web (and 1 more alike)',
      ],
    ]);
  });
});

describe('hints', () => {
  const close = service('api', 'trafficDistribution: PreferClose');
  const zoned = endpoint('p1').replace('nodeName: a', 'nodeName: a, zone: za');

  test('that spec.trafficDistribution should have given', async () => {
    const cluster = async (text: string) =>
      (await clusterOf(documents(NODES, close, pod('p1'), slice(text)))).problems.map(({ message }) => message);
    expect(await cluster(zoned)).toEqual([
      'Pod shop/p1: the EndpointSlice has no hint that it is for za, though spec.trafficDistribution is PreferClose: kube-proxy takes endpoints of every zone',
    ]);
    expect(await cluster(zoned.replace('zone: za', 'zone: za, hints: {forZones: [{name: za}]}'))).toEqual([]);
    expect(await told(pod('p1'), slice(zoned))).toEqual([]);
  });
});

describe('endpoints of which none is ready', () => {
  test.each([
    [
      { ready: 'False', more: ', message: "containers with unready status: [web]"' },
      'no readinessProbe success of web',
    ],
    [
      { ready: 'False', more: ', message: "containers with unready status: [side]"' },
      'side does not run, or is not ready',
    ],
    [
      {
        ready: 'False',
        more: '}, {type: Other, status: "True"',
        spec: ', readinessGates: [{conditionType: example.com/lb}]',
      },
      'readiness gate example.com/lb is not True',
    ],
    [{ ready: 'Unknown', more: ', reason: NodeStatusUnknown' }, 'its condition Ready is Unknown (NodeStatusUnknown)'],
  ])('%j', async (facts, why) => {
    expect(await told(pod('p1', facts), slice(endpoint('p1', '10.1.0.2', false)))).toEqual([
      ['no-ready-endpoints', 'spec.selector', `its only endpoint is not ready: Pod shop/p1, because ${why}`],
    ]);
  });

  test('several', async () => {
    const unready = { ready: 'False', more: ', reason: ContainersNotReady' };
    const two = [pod('p1', unready), pod('p2', { ...unready, ip: '10.1.0.3' })];
    const listed = `${endpoint('p1', '10.1.0.2', false)}, ${endpoint('p2', '10.1.0.3', false)}`;
    expect((await told(...two, slice(listed))).map(([, , message]) => message)).toEqual([
      'none of its 2 endpoints is ready: Pod shop/p1, for one, because its condition Ready is False (ContainersNotReady)',
    ]);
  });

  test('pods that are terminating but still serve take what comes', async () => {
    const serving = endpoint('p1', '10.1.0.2', false).replace(
      'serving: false, terminating: false',
      'serving: true, terminating: true',
    );
    const leaving = pod('p1').replace('uid: u-p1', 'uid: u-p1, deletionTimestamp: "2026-01-01T00:00:00Z"');
    expect(await told(leaving, slice(serving))).toEqual([]);
  });
});
