import { describe, expect, test } from 'vitest';
import { aPod, aService, aSlice, frontendLines, theTables } from './ebpf.fixture.ts';
import { printBackends, printServices } from './print.ts';

describe('frontends of a Service', () => {
  const spec = {
    type: 'LoadBalancer' as const,
    clusterIP: '10.96.0.1',
    clusterIPs: ['10.96.0.1'],
    ipFamilies: ['IPv4' as const],
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    externalIPs: ['192.0.2.9'],
  };
  const balanced = { ...aService('web', spec), status: { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } } };

  test('one for every address that it has', () => {
    const tables = theTables();
    tables.upsertService(balanced);
    expect(frontendLines(tables)).toEqual([
      'NodePort 0.0.0.0:30080/TCP -> ',
      'ClusterIP 10.96.0.1:80/TCP -> ',
      'ExternalIPs 192.0.2.9:80/TCP -> ',
      'LoadBalancer 198.51.100.1:80/TCP -> ',
    ]);
  });

  test('only ClusterIP where kube-proxy is not replaced', () => {
    const tables = theTables({ 'kube-proxy-replacement': 'false' });
    tables.upsertService(balanced);
    expect(frontendLines(tables)).toEqual(['ClusterIP 10.96.0.1:80/TCP -> ']);
  });

  test('two scopes where the traffic policies differ', () => {
    const tables = theTables();
    tables.upsertService({ ...balanced, spec: { ...spec, externalTrafficPolicy: 'Local' } });
    const far = { addresses: ['10.0.2.1'], nodeName: 'there' };
    const near = { addresses: ['10.0.1.1'], nodeName: 'here' };
    tables.updateSlices([{ slice: aSlice('web', 'web-1', [far, near]), gone: false }]);
    expect(frontendLines(tables)).toEqual([
      'NodePort 0.0.0.0:30080/TCP -> 10.0.1.1:8080/TCP',
      'NodePort 0.0.0.0:30080/TCP/i -> 10.0.1.1:8080/TCP, 10.0.2.1:8080/TCP',
      'ClusterIP 10.96.0.1:80/TCP -> 10.0.1.1:8080/TCP, 10.0.2.1:8080/TCP',
      'ExternalIPs 192.0.2.9:80/TCP -> 10.0.1.1:8080/TCP',
      'LoadBalancer 198.51.100.1:80/TCP -> 10.0.1.1:8080/TCP',
      'LoadBalancer 198.51.100.1:80/TCP/i -> 10.0.1.1:8080/TCP, 10.0.2.1:8080/TCP',
    ]);
  });

  test('an annotation keeps the other types away, but not external addresses', () => {
    const tables = theTables();
    const annotations = { 'service.cilium.io/type': 'LoadBalancer' };
    tables.upsertService({ ...balanced, metadata: { ...balanced.metadata, annotations } });
    expect(frontendLines(tables).map((line) => line.split(' ')[0])).toEqual(['ExternalIPs', 'LoadBalancer']);
  });

  test('none for a headless Service, which is listed all the same', () => {
    const tables = theTables();
    tables.upsertService(aService('db', { clusterIP: 'None', clusterIPs: ['None'] }));
    expect(tables.frontends).toEqual([]);
    expect(printServices(tables.services).rows).toEqual([['shop/db', 'k8s', 'http=80', 'Cluster', '']]);
  });

  test('an address that another Service has keeps the whole Service out until it is seen again', () => {
    const tables = theTables();
    tables.upsertService(aService('first', { clusterIP: '10.96.0.1' }));
    const second = aService('second', { clusterIP: '10.96.0.1' });
    tables.upsertService(second);
    tables.deleteService(aService('first', {}));
    expect(tables.services).toEqual([]);
    tables.upsertService(second);
    expect(tables.services.map(({ name }) => name)).toEqual(['shop/second']);
  });
});

describe('backends', () => {
  test('serving ones, by their conditions', () => {
    const tables = theTables();
    const slice = aSlice('web', 'web-1', [
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
      { addresses: ['10.0.0.3'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.4'], conditions: { ready: false, serving: false, terminating: true } },
    ]);
    tables.updateSlices([{ slice, gone: false }]);
    expect(printBackends(tables.backends).rows.map(([address, instances]) => [address, instances])).toEqual([
      ['10.0.0.1:8080/TCP', 'shop/web (http)'],
      ['10.0.0.3:8080/TCP', 'shop/web [terminating] (http)'],
    ]);
  });

  test('an endpoint that moves to another slice in one change stays', () => {
    const tables = theTables();
    tables.upsertService(aService('web', { clusterIP: '10.96.0.1' }));
    tables.updateSlices([{ slice: aSlice('web', 'web-1', ['10.0.0.1']), gone: false }]);
    tables.updateSlices([
      { slice: aSlice('web', 'web-2', ['10.0.0.1']), gone: false },
      { slice: aSlice('web', 'web-1', []), gone: false },
    ]);
    expect(frontendLines(tables)).toEqual(['ClusterIP 10.96.0.1:80/TCP -> 10.0.0.1:8080/TCP']);
  });

  test('a file stands behind the API server, as a shadow', () => {
    const tables = theTables();
    tables.updateSlices([{ slice: aSlice('web', 'web-1', ['10.0.0.1']), gone: false }], 'api');
    tables.updateSlices([{ slice: aSlice('web', 'web-2', ['10.0.0.1']), gone: false }]);
    expect(printBackends(tables.backends).rows).toEqual([
      ['10.0.0.1:8080/TCP', 'shop/web (http)', 'shop/web [api (http)]', ''],
    ]);
  });

  test('hints count where the Service asks for it and the option is on', () => {
    const hinted = (ip: string, zone: string) => ({ addresses: [ip], hints: { forZones: [{ name: zone }] } });
    for (const on of [true, false]) {
      const options: Record<string, string> = on ? { 'enable-service-topology': 'true' } : {};
      const tables = theTables(options, { 'topology.kubernetes.io/zone': 'b' });
      tables.upsertService(aService('web', { clusterIP: '10.96.0.1', trafficDistribution: 'PreferClose' }));
      tables.updateSlices([
        { slice: aSlice('web', 'web-1', [hinted('10.0.0.1', 'a'), hinted('10.0.0.2', 'b')]), gone: false },
      ]);
      expect(tables.frontends[0]?.backends).toHaveLength(on ? 1 : 2);
    }
  });
});

describe('host ports', () => {
  test('one Service each, at the address they ask for, and none in the range of node ports', () => {
    const tables = theTables();
    const ports = [
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 81, hostPort: 8081, hostIP: '192.0.2.1' },
      { containerPort: 82, hostPort: 8082, hostIP: '127.0.0.1' },
      { containerPort: 83, hostPort: 30083 },
    ];
    tables.updatePod(aPod('web', '10.0.0.1', ports), false);
    expect(frontendLines(tables)).toEqual([
      'HostPort 0.0.0.0:8080/TCP -> 10.0.0.1:80/TCP',
      'HostPort 0.0.0.0:8082/TCP -> 10.0.0.1:82/TCP',
      'HostPort 192.0.2.1:8081/TCP -> 10.0.0.1:81/TCP',
    ]);
    expect(printServices(tables.services).rows.map(([name, , , , flags]) => `${name} ${flags}`)).toEqual([
      'shop/web:host-port:8080:u1 ',
      'shop/web:host-port:8081:u1 ',
      'shop/web:host-port:8082:u1 LoopbackHostPort=true',
    ]);
    tables.updatePod(aPod('web', '10.0.0.1', []), true);
    expect([tables.services, tables.frontends, tables.backends]).toEqual([[], [], []]);
  });
});
