import { describe, expect, test } from 'vitest';
import type { EndpointSlice } from '../objects/kube.ts';
import { inputOf, node, pod, pods, service, slice, writes } from './objects.fixture.ts';
import { podToEndpoint } from './pod-endpoint.ts';
import { type ReconcileOptions, reconcileSlices } from './reconcile.ts';

const api = service();

/** Endpoints of pods `from` to `to`, as they were written when the pods were new. */
const of = (from: number, to: number): EndpointSlice['endpoints'] =>
  pods(from, to - from + 1).map((one) => podToEndpoint(one, node('a'), api, 'IPv4'));

/** Where the rules come from: reconciler.go, `reconcileByPortMapping` and `finalize`. */
describe('endpoints are packed with few writes', () => {
  const rows: [string, number, [string, EndpointSlice['endpoints']][], string][] = [
    ['no pods: a slice that says so', 0, [], 'create 0'],
    ['one more than a slice holds', 101, [], 'create 100 1'],
    [
      'the rest goes into the fullest slice that can take it',
      140,
      [
        ['x', of(1, 50)],
        ['y', of(51, 80)],
      ],
      'update y:90, keep x:50',
    ],
    ['what fits nowhere gets a slice of its own', 140, [['x', of(1, 80)]], 'create 60, keep x:80'],
    [
      'slices that are written anyway are filled first, the fullest before the others',
      140,
      [
        ['y', [...of(61, 90), ...of(321, 321)]],
        ['x', [...of(1, 60), ...of(301, 320)]],
      ],
      'update x:100 y:40',
    ],
    ['a slice that would go is written anew', 10, [['x', of(301, 350)]], 'update x:10'],
    [
      'and only as many as are needed',
      10,
      [
        ['x', of(301, 350)],
        ['y', of(351, 360)],
      ],
      'update x:10, delete y',
    ],
    ['nothing changed', 80, [['x', of(1, 80)]], 'keep x:80'],
    [
      'all pods gone: one slice stays as placeholder',
      0,
      [
        ['x', of(1, 80)],
        ['y', of(81, 99)],
      ],
      'update x:0, delete y',
    ],
  ];
  test.each(rows)('%s', (_what, count, existing, wanted) => {
    const slices = existing.map(([name, endpoints]) => slice(name, api, endpoints));
    const result = reconcileSlices(inputOf(api, pods(1, count), slices));
    expect(writes(result)).toBe(wanted);
    const after = [...result.unchanged, ...result.update, ...result.create];
    const listed = after.flatMap((one) => one.endpoints.map((e) => e.targetRef?.name ?? ''));
    expect(listed.sort()).toEqual(
      pods(1, count)
        .map((one) => one.metadata.name)
        .sort(),
    );
  });

  test('a smaller maximum makes more slices', () => {
    expect(writes(reconcileSlices(inputOf(api, pods(1, 5)), { maxEndpointsPerSlice: 2 }))).toBe('create 2 2 1');
  });
});

describe('slices that are written for another reason', () => {
  test('a change of the pod is written in place', () => {
    const gone = pod(1, { ready: false });
    const result = reconcileSlices(inputOf(api, [gone], [slice('x', api, of(1, 1))]));
    expect(writes(result)).toBe('update x:1');
    expect(result.update[0]?.endpoints[0]?.conditions).toEqual({ ready: false, serving: false, terminating: false });
  });

  test("the Service's labels are the slice's", () => {
    const labelled = service({}, { labels: { team: 'blue' } });
    const result = reconcileSlices(inputOf(labelled, pods(1, 1), [slice('x', api, of(1, 1))]));
    expect(result.update.map((one) => one.metadata.labels?.team)).toEqual(['blue']);
  });

  test('a slice of a Service of that name before it goes, and is not written anew', () => {
    const before = service({}, { uid: 'older' });
    const result = reconcileSlices(inputOf(api, pods(1, 10), [slice('x', before, of(1, 10))]));
    expect(writes(result)).toBe('create 10, delete x');
  });

  test('a family that the Service gave up', () => {
    const six = { ...slice('x', api, []), addressType: 'IPv6' as const };
    expect(writes(reconcileSlices(inputOf(api, pods(1, 1), [six])))).toBe('create 1, delete x');
  });

  test('another target port makes other slices of the same ones', () => {
    const moved = service({ ports: [{ name: 'http', port: 80, targetPort: 9090, protocol: 'TCP' }] });
    const result = reconcileSlices(inputOf(moved, pods(1, 3), [slice('x', api, of(1, 3))]));
    expect(writes(result)).toBe('update x:3');
    expect(result.update[0]?.ports).toEqual([{ name: 'http', port: 9090, protocol: 'TCP' }]);
  });

  test('a Service that is being deleted gets nothing new', () => {
    const leaving = service({}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    expect(writes(reconcileSlices(inputOf(leaving, pods(1, 3))))).toBe('');
  });
});

describe('pods', () => {
  test('on a Node that is not there wait for it, unless they are published ready or not', () => {
    const lost = pod(1, { node: 'gone' });
    const result = reconcileSlices(inputOf(api, [lost, pod(2)]));
    expect([writes(result), result.withoutNode]).toEqual(['create 1', [lost]]);
    const all = reconcileSlices(inputOf(service({ publishNotReadyAddresses: true }), [lost, pod(2)]));
    expect([writes(all), all.withoutNode]).toEqual(['create 2', []]);
  });

  test('that ended or have no address are in no slice', () => {
    const none = [pod(1, { phase: 'Succeeded' }), pod(2, { phase: 'Failed' }), pod(3, { ips: [] })];
    expect(writes(reconcileSlices(inputOf(api, none)))).toBe('create 0');
  });

  test('have an endpoint of each family that the Service has', () => {
    const dual = service({ ipFamilies: ['IPv6', 'IPv4'] });
    const { create } = reconcileSlices(inputOf(dual, [pod(1, { ips: ['10.1.0.1', 'FD00:0::1'] }), pod(2)]));
    const listed = create.map((one) => [one.addressType, one.endpoints.map((e) => e.addresses)]);
    expect(listed).toEqual([
      ['IPv4', [['10.1.0.1'], ['10.1.0.2']]],
      ['IPv6', [['fd00::1']]],
    ]);
  });

  test('without the named port are listed without it', () => {
    const other = pod(1, { ports: [{ name: 'http', containerPort: 53, protocol: 'UDP' }] });
    const { create } = reconcileSlices(inputOf(api, [other, pod(2)]));
    expect(create.map((one) => [one.ports, one.endpoints.length])).toEqual([
      [[], 1],
      [[{ name: 'http', port: 8080, protocol: 'TCP' }], 1],
    ]);
  });
});

describe('hints of spec.trafficDistribution', () => {
  const hintsOf = (distribution: string, options?: ReconcileOptions) => {
    const one = reconcileSlices(
      inputOf(service({ trafficDistribution: distribution }), [pod(1), pod(2, { ready: false })]),
      options,
    );
    return one.create[0]?.endpoints.map((e) => e.hints);
  };

  test.each([
    ['PreferClose', { forZones: [{ name: 'za' }] }],
    ['PreferSameZone', { forZones: [{ name: 'za' }] }],
    ['PreferSameNode', { forZones: [{ name: 'za' }], forNodes: [{ name: 'a' }] }],
    ['Nonsense', undefined],
  ])('%s, for ready endpoints only', (distribution, hints) => {
    expect(hintsOf(distribution)).toEqual([hints, undefined]);
  });

  test('before the feature gate only PreferClose counts', () => {
    expect(hintsOf('PreferSameNode', { preferSameTrafficDistribution: false })).toEqual([undefined, undefined]);
  });

  test('go when the field goes, and unchanged slices are written for it', () => {
    const hinted = of(1, 1).map((e) => ({ ...e, hints: { forZones: [{ name: 'za' }] } }));
    const result = reconcileSlices(inputOf(api, pods(1, 1), [slice('x', api, hinted)]));
    expect([writes(result), result.update[0]?.endpoints[0]?.hints]).toEqual(['update x:1', undefined]);
  });
});
