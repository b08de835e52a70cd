import { describe, expect, test } from 'vitest';
import type { Endpoints, Service } from '../objects/kube.ts';
import { convergeEndpoints, type EndpointState } from './converge.ts';
import { node, pod, service } from './objects.fixture.ts';

const NOTHING: EndpointState = { slices: [], endpoints: [] };

function step(services: Service[], before: EndpointState, pods = [pod(1)], deleted: string[] = []): EndpointState {
  const watched = { services, select: () => pods, node: () => node('a') };
  return convergeEndpoints(watched, before, {}, new Set(deleted));
}

const byHand = (subset: NonNullable<Endpoints['subsets']>[number], labels = {}): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { name: 'api', namespace: 'shop', labels, annotations: { note: 'mine' } },
  subsets: [subset],
});

const free = service({ selector: {} });
const one = byHand({
  addresses: [{ ip: '192.0.2.1' }],
  notReadyAddresses: [{ ip: '2001:db8::1' }],
  ports: [{ port: 80 }],
});

describe('from one state to the next', () => {
  test('slices keep their names while their pods change', () => {
    const first = step([service()], NOTHING);
    const second = step([service()], first, [pod(2)]);
    expect(first.slices.map((s) => s.metadata.name)).toEqual(second.slices.map((s) => s.metadata.name));
    expect(second.slices[0]?.endpoints.map((e) => e.targetRef?.name)).toEqual(['p2']);
    expect(second.endpoints[0]?.subsets?.[0]?.addresses?.map((a) => a.ip)).toEqual(['10.1.0.2']);
  });

  test('a deleted Service takes its slices and its Endpoints along', () => {
    expect(step([], step([service()], NOTHING), [], ['shop/api'])).toEqual(NOTHING);
  });

  test('Endpoints that never had a Service stay, and are not mirrored', () => {
    expect(step([], { slices: [], endpoints: [one] })).toEqual({ slices: [], endpoints: [one] });
  });
});

describe('Endpoints by hand', () => {
  const mirrored = step([free], { slices: [], endpoints: [one] });

  test('are mirrored by family, with readiness, labels and annotations', () => {
    expect(
      mirrored.slices.map((s) => [
        s.addressType,
        s.endpoints.map((e) => [e.addresses[0], e.conditions?.ready]),
        s.ports,
      ]),
    ).toEqual([
      ['IPv4', [['192.0.2.1', true]], [{ name: '', port: 80, protocol: 'TCP' }]],
      ['IPv6', [['2001:db8::1', false]], [{ name: '', port: 80, protocol: 'TCP' }]],
    ]);
    expect(mirrored.slices[0]?.metadata).toMatchObject({
      annotations: { note: 'mine' },
      labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io' },
      ownerReferences: [{ kind: 'Endpoints', name: 'api' }],
    });
  });

  test('keep their slices where nothing changed, and their names where something did', () => {
    expect(step([free], mirrored).slices).toEqual(mirrored.slices);
    const other = byHand({ addresses: [{ ip: '192.0.2.2' }], ports: [{ port: 80 }] });
    const after = step([free], { ...mirrored, endpoints: [other] });
    expect(after.slices.map((s) => [s.metadata.name, s.endpoints[0]?.addresses])).toEqual([
      [mirrored.slices[0]?.metadata.name, ['192.0.2.2']],
    ]);
  });

  test('are not mirrored where they say so, or elect a leader', () => {
    const skipped = byHand(one.subsets?.[0] ?? {}, { 'endpointslice.kubernetes.io/skip-mirror': 'true' });
    expect(step([free], { ...mirrored, endpoints: [skipped] }).slices).toEqual([]);
    const leader = {
      ...one,
      metadata: { ...one.metadata, annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } },
    };
    expect(step([free], { ...mirrored, endpoints: [leader] }).slices).toEqual([]);
  });

  test('are written over once the Service has a selector', () => {
    const after = step([service()], mirrored);
    expect(after.slices.map((s) => s.metadata.ownerReferences?.[0]?.kind)).toEqual(['Service']);
    expect(after.endpoints[0]?.subsets?.[0]?.addresses?.map((a) => a.ip)).toEqual(['10.1.0.1']);
  });

  test('addresses that cannot be read, and those above a thousand, are left out', () => {
    const addresses = Array.from({ length: 1001 }, (_, i) => ({ ip: `10.9.${i >> 8}.${i & 255}` }));
    const many = byHand({ addresses: [{ ip: 'x' }, ...addresses], ports: [{ port: 80 }] });
    expect(step([free], { slices: [], endpoints: [many] }).slices.map((s) => s.endpoints.length)).toEqual([1000]);
  });
});
