import { describe, expect, it } from 'vitest';
import { service } from './cluster.fixture.ts';
import { servicePorts, servicePortsOf } from './service-ports.ts';

describe('service ports', () => {
  it('are none for headless Services, ExternalNames and Services of another proxy', () => {
    const external = service('a/ext', { type: 'ExternalName', externalName: 'example.org' });
    const other = service('a/other', {});
    other.metadata.labels = { 'service.kubernetes.io/service-proxy-name': 'mine' };
    expect(servicePorts([service('a/none', { clusterIP: 'None' }), external, other], 'IPv4').size).toBe(0);
  });

  it('take the address of the family, by position in ipFamilies', () => {
    const dual = service('a/dual', { clusterIPs: ['10.96.0.10', 'fd00::10'], ipFamilies: ['IPv4', 'IPv6'] });
    expect(servicePortsOf(dual, 'IPv6')[0]?.clusterIP).toBe('fd00::10');
    const single = service('a/single', {});
    expect(servicePortsOf(single, 'IPv6')).toEqual([]);
    // Objects from before dual-stack name no families.
    const old = service('a/old', { ipFamilies: [], clusterIPs: [], clusterIP: '172.30.0.041' });
    expect(servicePortsOf(old, 'IPv4')[0]?.clusterIP).toBe('172.30.0.41');
  });

  it('say which policies they use', () => {
    const uses = (spec: Parameters<typeof service>[1], ingress: string[] = []) => {
      const [port] = servicePortsOf(service('a/b', spec, ingress), 'IPv4');
      return [port?.usesClusterEndpoints, port?.usesLocalEndpoints];
    };
    expect(uses({})).toEqual([true, false]);
    expect(uses({ internalTrafficPolicy: 'Local' })).toEqual([false, true]);
    const nodePort = [{ port: 80, nodePort: 30080 }];
    expect(uses({ type: 'NodePort', ports: nodePort, externalTrafficPolicy: 'Local' })).toEqual([true, true]);
    expect(uses({ type: 'NodePort', ports: nodePort, internalTrafficPolicy: 'Local' })).toEqual([true, true]);
    // Nothing external to apply the policy to.
    expect(uses({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' })).toEqual([true, false]);
    expect(uses({ externalTrafficPolicy: 'Local', externalIPs: ['192.0.2.9'] })).toEqual([true, true]);
  });

  it('keep addresses of their own family, with their place in the list', () => {
    const spec = {
      externalIPs: ['2001:db8::1', '192.0.2.1'],
      loadBalancerSourceRanges: [' 198.51.100.0/24 ', 'fd00::/8'],
    };
    const object = service('a/b', spec, ['2001:db8::2', '203.0.113.1', '203.0.113.2']);
    (object.status?.loadBalancer?.ingress?.[2] ?? {}).ipMode = 'Proxy';
    const [port] = servicePortsOf(object, 'IPv4');
    expect(port?.externalIPs).toEqual([{ ip: '192.0.2.1', index: 1 }]);
    expect(port?.loadBalancerVIPs).toEqual([{ ip: '203.0.113.1', index: 1 }]);
    expect(port?.loadBalancerSourceRanges.map(({ cidr, index }) => [cidr.text, index])).toEqual([
      ['198.51.100.0/24', 0],
    ]);
  });

  it('have no source ranges where one of them is everything', () => {
    const [port] = servicePortsOf(service('a/b', { loadBalancerSourceRanges: ['10.0.0.0/8', '0.0.0.0/0'] }), 'IPv4');
    expect(port?.loadBalancerSourceRanges).toEqual([]);
  });

  it('have a health check node port for load balancers with policy Local only', () => {
    const spec = { healthCheckNodePort: 31000, externalTrafficPolicy: 'Local' } as const;
    const of = (type: 'LoadBalancer' | 'NodePort') =>
      servicePortsOf(service('a/b', { ...spec, type }), 'IPv4')[0]?.healthCheckNodePort;
    expect([of('LoadBalancer'), of('NodePort')]).toEqual([31000, 0]);
  });

  it('come by namespace, name, port name, protocol', () => {
    const ports = [
      { name: 'b', port: 1, protocol: 'TCP' as const },
      { name: 'a', port: 2, protocol: 'UDP' as const },
      { name: 'a', port: 3, protocol: 'TCP' as const },
    ];
    const all = servicePorts([service('b/a', {}), service('a/z', { ports }), service('a/b', {})], 'IPv4');
    expect([...all.keys()]).toEqual(['a/b:http/TCP', 'a/z:a/TCP', 'a/z:a/UDP', 'a/z:b/TCP', 'b/a:http/TCP']);
  });

  it('tell of texts that are no address', () => {
    const codes: string[] = [];
    const object = service('a/b', { externalIPs: ['here'], loadBalancerSourceRanges: ['everywhere'] });
    const ports = servicePortsOf(object, 'IPv4', ({ code, field }) => codes.push(`${code} ${field}`));
    expect(codes).toEqual(['invalid-address spec.externalIPs[0]', 'invalid-address spec.loadBalancerSourceRanges[0]']);
    expect(ports).toHaveLength(1);
  });
});
