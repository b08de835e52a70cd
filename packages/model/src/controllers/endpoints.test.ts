import { describe, expect, test } from 'vitest';
import { reconcileEndpoints } from './endpoints.ts';
import { pod, pods, service } from './objects.fixture.ts';

describe('Endpoints', () => {
  test('hold ready and unready pods apart; terminating ones are gone', () => {
    const { subsets, metadata } = reconcileEndpoints(service(), [
      pod(1),
      pod(2, { ready: false }),
      pod(3, { terminating: true }),
    ]);
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: '10.1.0.1', nodeName: 'a', targetRef: { kind: 'Pod', name: 'p1' } }],
        notReadyAddresses: [{ ip: '10.1.0.2' }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ]);
    expect(metadata.labels).toEqual({ 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
  });

  test('hold all of them where not-ready addresses are published', () => {
    const all = service({ publishNotReadyAddresses: true });
    const { subsets } = reconcileEndpoints(all, [pod(1, { ready: false }), pod(2, { terminating: true })]);
    expect(subsets?.map((s) => s.addresses?.map((a) => a.ip))).toEqual([['10.1.0.1', '10.1.0.2']]);
  });

  test('join ports that the same addresses offer', () => {
    const two = service({ ports: ['http', 'admin'].map((name, i) => ({ name, port: 80 + i, targetPort: name })) });
    const both = [
      { name: 'http', containerPort: 8080 },
      { name: 'admin', containerPort: 9090 },
    ];
    const ports = (of: Parameters<typeof reconcileEndpoints>[1]) =>
      reconcileEndpoints(two, of).subsets?.map((s) => [s.addresses?.map((a) => a.ip), s.ports?.map((p) => p.name)]);
    expect(ports([pod(1, { ports: both }), pod(2, { ports: both })])).toEqual([
      [
        ['10.1.0.1', '10.1.0.2'],
        ['admin', 'http'],
      ],
    ]);
    // Equal addresses for both ports are what joins them: one pod without the second port parts them.
    expect(ports([pod(1, { ports: both }), pod(2)])).toEqual([
      [['10.1.0.1'], ['admin']],
      [['10.1.0.1', '10.1.0.2'], ['http']],
    ]);
  });

  test('show one family alone: the first of the Service', () => {
    const dual = [pod(1, { ips: ['10.1.0.1', 'fd00::1'] })];
    const { subsets } = reconcileEndpoints(service({ ipFamilies: ['IPv6', 'IPv4'] }), dual);
    expect(subsets?.[0]?.addresses?.map((a) => a.ip)).toEqual(['fd00::1']);
  });

  test('of a headless Service without ports have addresses alone, and its label', () => {
    const made = reconcileEndpoints(service({ clusterIP: 'None', ports: [] }), [pod(1)]);
    expect(made.subsets).toMatchObject([{ addresses: [{ ip: '10.1.0.1' }] }]);
    expect(made.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
  });

  test('hold a thousand addresses, ready ones first, and say that there are more', () => {
    const many = [...pods(1, 700), ...pods(701, 600, { ready: false })];
    const { subsets = [], metadata } = reconcileEndpoints(service(), many);
    expect([subsets[0]?.addresses?.length, subsets[0]?.notReadyAddresses?.length]).toEqual([700, 300]);
    expect(metadata.annotations).toEqual({ 'endpoints.kubernetes.io/over-capacity': 'truncated' });
    const ready = reconcileEndpoints(service(), pods(1, 1200)).subsets?.[0];
    expect([ready?.addresses?.length, ready?.notReadyAddresses]).toEqual([1000, undefined]);
  });

  test('are left alone where they say the same, and written over where they do not', () => {
    const made = reconcileEndpoints(service(), [pod(1)]);
    expect(reconcileEndpoints(service(), [pod(1)], made)).toBe(made);
    const byHand = { ...made, subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 1 }] }] };
    expect(reconcileEndpoints(service(), [pod(1)], byHand).subsets).toEqual(made.subsets);
  });
});
