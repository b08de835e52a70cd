import { describe, expect, test } from 'vitest';
import { inputOf, node, pod, service } from './objects.fixture.ts';
import { reconcileSlices } from './reconcile.ts';
import { wantsTopologyHints } from './topology-hints.ts';
import { allocate, zoneShares } from './zone-shares.ts';

const auto = service({}, { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } });

/** Pods on nodes a, b and c, so many on each, and the zones that they are hinted to. */
function hinted(perNode: Record<string, number>, cpu: Record<string, string>) {
  const nodes = Object.keys(cpu).map((name) => node(name, cpu[name]));
  let number = 0;
  const all = Object.entries(perNode).flatMap(([name, count]) =>
    Array.from({ length: count }, () => pod(++number, { node: name })),
  );
  const { create, topology } = reconcileSlices(inputOf(auto, all), { topology: { shares: zoneShares(nodes) } });
  const counts: Record<string, number> = {};
  for (const { hints } of create.flatMap((one) => one.endpoints))
    for (const { name } of hints?.forZones ?? []) counts[name] = (counts[name] ?? 0) + 1;
  return { counts, topology: topology.IPv4 };
}

describe('shares of CPU', () => {
  test('by zone, of the allocatable CPU of ready workers', () => {
    const control = {
      ...node('x', '64'),
      metadata: { name: 'x', labels: { 'node-role.kubernetes.io/control-plane': '' } },
    };
    const shares = zoneShares([node('a', '3'), node('b', '500m'), node('b2', '500m', 'zb'), control]);
    expect(Object.fromEntries(shares ?? [])).toEqual({ za: 0.75, zb: 0.25 });
  });

  test('one zone alone, or a node without zone or CPU, gives none', () => {
    expect(zoneShares([node('a'), node('a2', '1', 'za')])).toBeUndefined();
    expect(zoneShares([node('a'), node('b'), node('c', '1', '')])).toBeUndefined();
    expect(zoneShares([node('a'), node('b'), node('c', '0')])).toBeUndefined();
  });

  test('a zone without endpoints enough to bear a fifth more than its share gets no hints', () => {
    const half = new Map([
      ['za', 0.5],
      ['zb', 0.5],
    ]);
    expect(allocate(half, 1)).toBe('Insufficient number of endpoints (1 endpoints, 2 zones)');
    // Half of three is 1.5, of which 1.25 is the least; that is two for each.
    expect(allocate(half, 3)).toMatch(/exceeding overload threshold \(3 endpoints, 2 zones\)/);
    expect(allocate(half, 4)).toEqual(new Map(['za', 'zb'].map((z) => [z, { minimum: 2, maximum: 2, desired: 2 }])));
  });
});

describe('topology mode Auto', () => {
  const even = { a: '1', b: '1', c: '1' };

  test('endpoints in proportion are hinted for their own zone', () => {
    expect(hinted({ a: 2, b: 2, c: 2 }, even).counts).toEqual({ za: 2, zb: 2, zc: 2 });
  });

  test('a zone with too many gives to those with too few', () => {
    expect(hinted({ a: 6, b: 0, c: 0 }, even).counts).toEqual({ za: 2, zb: 2, zc: 2 });
    expect(hinted({ a: 4, b: 4 }, { a: '3', b: '1' }).counts).toEqual({ za: 6, zb: 2 });
  });

  test('too few endpoints get none, and it is said why', () => {
    expect(hinted({ a: 1, b: 1 }, even)).toEqual({
      counts: {},
      topology: { reason: 'Insufficient number of endpoints (2 endpoints, 3 zones)' },
    });
  });

  test.each([
    [{ 'service.kubernetes.io/topology-mode': 'auto' }, true],
    [{ 'service.kubernetes.io/topology-mode': 'AUTO' }, false],
    [
      { 'service.kubernetes.io/topology-aware-hints': 'disabled', 'service.kubernetes.io/topology-mode': 'Auto' },
      false,
    ],
  ])('%j', (annotations, wanted) => {
    expect(wantsTopologyHints(annotations as Record<string, string>)).toBe(wanted);
  });
});
