import type { ConntrackEntry } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../objects/kube.ts';
import { cleanedEntries } from './stale-entries.ts';

const dns: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'dns', namespace: 'shop' },
  spec: {
    type: 'NodePort',
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10'],
    externalIPs: ['192.0.2.53'],
    ports: [
      { name: 'udp', port: 53, protocol: 'UDP', nodePort: 30053 },
      { name: 'tcp', port: 53, protocol: 'TCP', nodePort: 30053 },
    ],
  },
};

const slice = (serving: Record<string, boolean>): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'dns-x', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'dns' } },
  addressType: 'IPv4',
  endpoints: Object.entries(serving).map(([address, isServing]) => ({
    addresses: [address],
    conditions: { ready: isServing, serving: isServing },
  })),
  ports: [
    { name: 'udp', port: 5353, protocol: 'UDP' },
    { name: 'tcp', port: 5353, protocol: 'TCP' },
  ],
});

/** A connection from 10.1.0.9 to `to`, answered by `by`. */
const entry = (protocol: number, to: [string, number], by: [string, number]): ConntrackEntry => ({
  family: 4,
  protocol,
  original: { saddr: '10.1.0.9', daddr: to[0], sport: 4000, dport: to[1] },
  reply: { saddr: by[0], daddr: '10.1.0.9', sport: by[1], dport: 4000 },
  seenReply: true,
  assured: true,
  snat: false,
  dnat: true,
  mark: 0,
  zone: 0,
});

const before = [slice({ '10.1.0.2': true, '10.1.0.3': true })];
const cleaned = (entries: ConntrackEntry[], after: EndpointSlice[]) =>
  cleanedEntries(entries, before, { services: [dns], endpointSlices: after });

describe('after an endpoint of a UDP Service went', () => {
  const gone = [slice({ '10.1.0.3': true })];

  test.each([
    ['its cluster IP', ['10.96.0.10', 53]],
    ['its external IP', ['192.0.2.53', 53]],
    ['its node port at any address', ['10.0.0.7', 30053]],
  ] as [string, [string, number]][])('connections to %s that lead to it are forgotten', (_what, to) => {
    const stale = entry(17, to, ['10.1.0.2', 5353]);
    const other = entry(17, to, ['10.1.0.3', 5353]);
    expect(cleaned([stale, other], gone)).toEqual([stale]);
  });

  test('so are those to another port of a pod that is still there, and those that nothing translated', () => {
    const port = entry(17, ['10.96.0.10', 53], ['10.1.0.3', 5300]);
    const plain = entry(17, ['10.96.0.10', 53], ['10.96.0.10', 53]);
    expect(cleaned([port, plain], gone)).toEqual([port, plain]);
  });

  test('not TCP, nor what goes elsewhere', () => {
    expect(
      cleaned(
        [entry(6, ['10.96.0.10', 53], ['10.1.0.2', 5353]), entry(17, ['10.96.0.10', 54], ['10.1.0.2', 5353])],
        gone,
      ),
    ).toEqual([]);
  });

  test('with nobody left to serve, all stay; an endpoint that only serves counts', () => {
    const stale = entry(17, ['10.96.0.10', 53], ['10.1.0.2', 5353]);
    expect(cleaned([stale], [slice({ '10.1.0.3': false })])).toEqual([]);
    expect(cleaned([stale], [slice({ '10.1.0.2': true, '10.1.0.3': false })])).toEqual([]);
  });

  test('nothing is looked at where no slice changed', () => {
    expect(cleaned([entry(17, ['10.96.0.10', 53], ['10.9.9.9', 5353])], before)).toEqual([]);
  });
});
