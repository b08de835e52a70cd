import { describe, expect, test } from 'vitest';
import { aService, aSlice, theTables } from './ebpf.fixture.ts';
import { MapWriter } from './map-writer.ts';
import { dumpMaps } from './maps.ts';
import { lbOptions, type OptionTexts } from './options.ts';

function scene(texts: OptionTexts = {}) {
  const tables = theTables(texts);
  const writer = new MapWriter(lbOptions(texts).options);
  const lines = (kind: string) => {
    writer.follow(tables);
    return dumpMaps(writer.maps).filter((line) => line.startsWith(`${kind}:`));
  };
  return { tables, writer, lines };
}

describe('the maps follow the tables', () => {
  test('numbers stay with addresses and are not given again at once', () => {
    const { tables, lines } = scene();
    tables.upsertService(aService('web', { clusterIP: '10.96.0.1' }));
    expect(lines('REV')).toEqual(['REV: ID=1 ADDR=10.96.0.1:80']);
    tables.deleteService(aService('web', {}));
    expect(lines('REV')).toEqual([]);
    tables.upsertService(aService('web', { clusterIP: '10.96.0.1' }));
    expect(lines('REV')).toEqual(['REV: ID=2 ADDR=10.96.0.1:80']);
  });

  test('a node port stands at every address of the node', () => {
    const { tables, writer, lines } = scene();
    writer.setNodePortIPs(['192.0.2.7', '192.0.2.1', 'fd00::1']);
    const ports = [{ name: 'http', port: 80, nodePort: 30080 }];
    tables.upsertService(aService('web', { type: 'NodePort', clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports }));
    expect(lines('REV')).toEqual([
      'REV: ID=1 ADDR=0.0.0.0:30080',
      'REV: ID=2 ADDR=192.0.2.1:30080',
      'REV: ID=3 ADDR=192.0.2.7:30080',
      'REV: ID=4 ADDR=10.96.0.1:80',
    ]);
    expect(lines('SVC').map((line) => line.split('FLAGS=')[1])).toEqual([
      'NodePort+non-routable',
      'NodePort',
      'NodePort',
      'ClusterIP+non-routable',
    ]);
  });

  test('terminating backends wait behind active ones, and serve when they are alone', () => {
    const { tables, lines } = scene();
    tables.upsertService(aService('web', { clusterIP: '10.96.0.1' }));
    const going = { ready: false, serving: true, terminating: true };
    const master = (conditions: { ready: boolean }) => {
      const endpoints = [
        { addresses: ['10.0.0.1'], conditions: going },
        { addresses: ['10.0.0.2'], conditions },
      ];
      tables.updateSlices([{ slice: aSlice('web', 'web-1', endpoints), gone: false }]);
      return lines('SVC')[0];
    };
    expect(master({ ready: true })).toContain('COUNT=1 QCOUNT=1');
    expect(master({ ready: false })).toContain('COUNT=1 QCOUNT=0');
  });

  test('source ranges of the family, and Maglev for what is reachable from outside', () => {
    const { tables, lines } = scene({ 'bpf-lb-algorithm': 'maglev', 'bpf-lb-maglev-table-size': '251' });
    const spec = {
      type: 'LoadBalancer' as const,
      clusterIP: '10.96.0.1',
      loadBalancerSourceRanges: ['192.0.2.0/24', 'fd00::/8'],
    };
    tables.upsertService({ ...aService('web', spec), status: { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } } });
    tables.updateSlices([{ slice: aSlice('web', 'web-1', ['10.0.0.1', '10.0.0.2']), gone: false }]);
    expect(lines('SRCRANGE')).toEqual(['SRCRANGE: ID=1 CIDR=192.0.2.0/24', 'SRCRANGE: ID=2 CIDR=192.0.2.0/24']);
    expect(lines('MAGLEV')).toEqual(['MAGLEV: ID=2 INNER=[1(126), 2(125)]']);
  });
});
