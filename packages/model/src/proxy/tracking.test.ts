import { describe, expect, it } from 'vitest';
import { service, slice } from './cluster.fixture.ts';
import { servicePorts } from './service-ports.ts';
import { endpointsChange, healthCheckNodePorts, localReadyEndpoints, updatedServices } from './tracking.ts';

describe('a change', () => {
  it('updates Services whose ports differ, not those whose labels do', () => {
    const labelled = service('a/label', {});
    labelled.metadata.labels = { new: 'one' };
    const before = [service('a/label', {}), service('a/gone', {}), service('a/same', {}), service('a/port', {})];
    const after = [labelled, service('a/same', {}), service('a/port', { ports: [{ port: 81 }] }), service('a/new', {})];
    expect(updatedServices(before, after, 'IPv4')).toEqual(['a/gone', 'a/new', 'a/port']);
  });

  it('of slices updates their Service; stale flows are looked for if it is about UDP', () => {
    const tcp = slice('a/tcp', [{ ip: '10.0.0.1' }]);
    const udp = slice('a/udp', [{ ip: '10.0.0.1' }], { protocol: 'UDP' });
    const change = (...[before, after]: Parameters<typeof endpointsChange>[0][]) => {
      const { updatedServices: updated, conntrackCleanupRequired } = endpointsChange(before ?? [], after ?? [], 'IPv4');
      return [updated, conntrackCleanupRequired];
    };
    expect(change([tcp, udp], [structuredClone(tcp), structuredClone(udp)])).toEqual([[], false]);
    expect(change([udp], [udp, tcp])).toEqual([['a/tcp'], false]);
    expect(change([udp], [])).toEqual([['a/udp'], true]);
    expect(change([], [udp])).toEqual([['a/udp'], true]);
    expect(change([], [slice('a/udp', [], { protocol: 'UDP' })])).toEqual([['a/udp'], false]);
  });

  it('shows in what health checks answer', () => {
    const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 } as const;
    const ports = servicePorts([service('a/lb', spec), service('a/plain', {})], 'IPv4');
    expect([...healthCheckNodePorts(ports.values())]).toEqual([['a/lb', 31000]]);
    const local = slice('a/lb', [
      { ip: '10.0.0.1', node: 'here' },
      { ip: '10.0.0.2', node: 'here', ready: false },
      { ip: '10.0.0.3', node: 'there' },
    ]);
    const again = slice('a/lb', [{ ip: '10.0.0.1', node: 'here' }], { name: 'lb-2', port: 9, portName: 'other' });
    const { endpoints } = endpointsChange([], [local, again], 'IPv4');
    expect([...localReadyEndpoints(endpoints, 'here')]).toEqual([['a/lb', 1]]);
  });
});
