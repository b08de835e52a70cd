import type { IpvsService } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import { parseIptablesSave, printIptablesSave } from '../../linux/iptables-save.ts';
import { categorizeEndpoints, placeOf } from '../categorize-endpoints.ts';
import { CONFIG, NODES, node, service, slice } from '../cluster.fixture.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import type { ProxyCause, ProxyConfig, ProxyNode, ProxyObjects } from '../proxy.ts';
import { randomCluster } from '../random-cluster.fixture.ts';
import { servicePorts } from '../service-ports.ts';
import { ipvsCompiler } from './compile.ts';
import { SET_NAMES, setName } from './names.ts';
import { ipvsRestoreText, ipvsRules } from './rules.ts';
import { ipvsSettings } from './settings.ts';

const FAMILIES = ['IPv4', 'IPv6'] as const;

const shown = ({ protocol, address, port, servers }: IpvsService) =>
  `${protocol} ${address} ${port}: ${servers.map((s) => `${s.address} ${s.port}`).join(', ')}`;

/** Which servers each address has, port by port, without anything that is shared between nodes. */
function expectedServices({ services, endpointSlices }: ProxyObjects, on: ProxyNode, nodeIPs: readonly string[]) {
  const found = new Map<string, string>();
  for (const family of FAMILIES) {
    const endpoints = endpointsByServicePort(endpointSlices, family);
    for (const [key, info] of servicePorts(services, family)) {
      const { cluster = [], local } = categorizeEndpoints(endpoints.get(key) ?? [], info, placeOf(on));
      const add = (address: string, port: number, isLocal: boolean) => {
        const end = `${info.protocol.toLowerCase()} ${address} ${port}`;
        const servers = (isLocal ? (local ?? cluster) : cluster).map((e) => `${e.ip} ${e.port}`);
        found.set(end, `${end}: ${servers.join(', ')}`);
      };
      add(info.clusterIP, info.portNumber, info.internalPolicyLocal);
      for (const { ip } of [...info.externalIPs, ...info.loadBalancerVIPs])
        add(ip, info.portNumber, info.externalPolicyLocal);
      for (const ip of info.nodePort === 0 ? [] : nodeIPs) {
        if (ip.includes(':') === (family === 'IPv6')) add(ip, info.nodePort, info.externalPolicyLocal);
      }
    }
  }
  return [...found.values()].sort();
}

describe('any node', () => {
  it('has virtual services with the endpoints of their policy, for random clusters', () => {
    const first = Date.now() % 1_000_000;
    for (let seed = first; seed < first + 20; seed++) {
      const { objects, config } = randomCluster(seed);
      const compile = ipvsCompiler.prepare(objects, { ...config, nodePortAddresses: [] });
      for (const on of [...NODES, ...NODES]) {
        const number = on.name.slice(1);
        const expected = expectedServices(objects, on, [`192.0.2.${number}`, `2001:db8::${number}`]);
        const { ipvs } = compile(on);
        expect(ipvs?.services.map(shown).sort(), `seed ${seed}, ${on.name}`).toEqual(expected);
      }
    }
  });

  it('has the tables that the text leaves there', () => {
    const { objects, config } = randomCluster(7);
    const compile = ipvsCompiler.prepare(objects, config);
    const on = NODES[0] as ProxyNode;
    const { tables, ipvs } = compile(on);
    for (const [family, kernel] of [
      ['IPv4', 'ip'],
      ['IPv6', 'ip6'],
    ] as const) {
      const filled = SET_NAMES.filter((name) =>
        ipvs?.sets.some((set) => set.name === setName(name, family) && set.entries.length > 0),
      );
      expect(filled).not.toEqual([]);
      const rules = ipvsRules(ipvsSettings(config, on, family), new Set(filled), []);
      const restored = parseIptablesSave(ipvsRestoreText(rules), kernel);
      expect(restored.problems).toEqual([]);
      const own = (text: string) =>
        text.split('\n').filter((line) => line.startsWith('-A KUBE-') && !line.includes('-m ipvs'));
      expect(own(printIptablesSave(tables, kernel)).sort()).toEqual(
        own(printIptablesSave(restored.tables, kernel)).sort(),
      );
    }
  });
});

const compiled = (objects: ProxyObjects, config: Partial<ProxyConfig> = {}, on = node('n1', 1)) =>
  ipvsCompiler.prepare(objects, { ...CONFIG, ...config })(on);

const setOf = (rules: ReturnType<typeof compiled>, name: string) =>
  rules.ipvs?.sets.find((set) => set.name === name)?.entries.map(({ value }) => value);

describe('addresses', () => {
  const balanced = service(
    'shop/web',
    { type: 'LoadBalancer', externalIPs: ['192.0.2.1', '198.51.100.7'], ports: [{ name: 'http', port: 80 }] },
    ['203.0.113.5'],
  );

  it('of Services stand on the dummy link, unless the node has them', () => {
    const rules = compiled({ services: [balanced], endpointSlices: [] });
    expect(rules.ipvs?.link).toMatchObject({ name: 'kube-ipvs0', kind: 'dummy', up: false });
    const addresses = ['10.96.0.10/32', '198.51.100.7/32', '203.0.113.5/32'];
    expect(rules.ipvs?.addresses.map(({ address }) => address)).toEqual(addresses);
    expect(setOf(rules, 'KUBE-IPVS-IPS')).toEqual(addresses.map((text) => text.slice(0, -3)));
    // It is served all the same.
    expect(rules.ipvs?.services.map(({ address }) => address)).toContain('192.0.2.1');
  });

  it('name the field that they come from', () => {
    const { ipvs } = compiled({ services: [balanced], endpointSlices: [] });
    const paths = ipvs?.addresses.map(({ cause }) => (cause as ProxyCause).path);
    expect(paths).toEqual([
      ['spec', 'ports', 0],
      ['spec', 'externalIPs', 1],
      ['status', 'loadBalancer', 'ingress', 0, 'ip'],
    ]);
  });

  it('for node ports include those of the dummy link where --nodeport-addresses does', () => {
    const ports = [{ name: 'http', port: 80, nodePort: 30080 }];
    const objects = { services: [service('shop/web', { type: 'NodePort', ports })], endpointSlices: [] };
    const served = (nodePortAddresses: string[]) =>
      compiled(objects, { nodePortAddresses }).ipvs?.services.flatMap(({ address, port }) =>
        port === 30080 ? (address ?? '') : [],
      );
    expect(served([])).toEqual(['192.0.2.1']);
    expect(served(['10.96.0.0/16'])).toEqual(['10.96.0.10']);
    expect(served(['127.0.0.0/8'])).toEqual([]);
  });
});

describe('policy Local', () => {
  const endpoints = slice('shop/web', [{ ip: '10.244.2.9', node: 'n2' }]);
  const clusterServers = (spec: Parameters<typeof service>[1]) => {
    const rules = compiled({ services: [service('shop/web', spec)], endpointSlices: [endpoints] });
    return rules.ipvs?.services.find(({ address }) => address === '10.96.0.10')?.servers.map((s) => s.address);
  };

  it('leaves the cluster IP without endpoints, but not where something else of the port is under policy Cluster', () => {
    expect(clusterServers({ internalTrafficPolicy: 'Local' })).toEqual([]);
    const ports = [{ name: 'http', port: 80, nodePort: 30080 }];
    expect(clusterServers({ type: 'NodePort', internalTrafficPolicy: 'Local', ports })).toEqual(['10.244.2.9']);
  });
});

it('closes the address of a load balancer to the node where no source range holds it', () => {
  const guarded = (range: string) =>
    compiled({
      services: [service('shop/web', { type: 'LoadBalancer', loadBalancerSourceRanges: [range] }, ['203.0.113.5'])],
      endpointSlices: [],
    });
  const closed = (rules: ReturnType<typeof compiled>) =>
    printIptablesSave(rules.tables, 'ip')
      .split('\n')
      .filter((line) => line.startsWith('-A KUBE-IPVS-OUT-FILTER'));
  const shut = guarded('198.51.100.0/24');
  expect(closed(shut)).toEqual([
    '-A KUBE-IPVS-OUT-FILTER -s 203.0.113.5/32 -m ipvs --vproto 6 --vaddr 203.0.113.5 --vport 80 -j DROP',
  ]);
  expect(setOf(shut, 'KUBE-LOAD-BALANCER-SOURCE-IP')).toEqual([]);
  const open = guarded('192.0.2.0/24');
  expect(closed(open)).toEqual([]);
  expect(setOf(open, 'KUBE-LOAD-BALANCER-SOURCE-IP')).toEqual(['203.0.113.5,tcp:80,203.0.113.5']);
});

it('takes scheduler, affinity and ARP from the configuration', () => {
  const spec = { sessionAffinity: 'ClientIP' as const, sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } };
  const objects = { services: [service('shop/web', spec)], endpointSlices: [] };
  const plain = compiled(objects);
  expect(plain.ipvs?.services[0]).toMatchObject({ scheduler: 'rr', persistent: 60 });
  expect(plain.ipvs?.services[0]).not.toHaveProperty('flags');
  expect(plain.sysctls).toEqual({
    'net.ipv4.vs.conntrack': 1,
    'net.ipv4.vs.expire_nodest_conn': 1,
    'net.ipv4.vs.expire_quiescent_template': 1,
    'net.ipv4.ip_forward': 1,
  });
  const other = compiled(objects, { ipvs: { scheduler: 'mh', strictARP: true } });
  expect(other.ipvs?.services[0]).toMatchObject({ scheduler: 'mh', flags: 'mh-port' });
  expect(other.sysctls).toMatchObject({ 'net.ipv4.conf.all.arp_ignore': 1, 'net.ipv4.conf.all.arp_announce': 2 });
});

it('tells of a scheduler that the kernel does not have', () => {
  const codes = (scheduler: string) =>
    compiled({ services: [], endpointSlices: [] }, { ipvs: { scheduler } }).problems.map(({ code }) => code);
  expect(codes('random')).toEqual(['unknown-scheduler']);
  expect(codes('')).toEqual([]);
});

it('names IPv6 sets so that ipset takes them', () => {
  const names = SET_NAMES.map((name) => setName(name, 'IPv6'));
  expect(names.every((name) => name.startsWith('KUBE-6-') && name.length <= 31)).toBe(true);
  expect(names).toContain('KUBE-6-LOAD-BALANCER-SOURCE-CID');
  expect(new Set([...names, ...SET_NAMES]).size).toBe(2 * SET_NAMES.length);
});

it('says where two Services want one virtual service', () => {
  const services = ['a', 'b'].map((name, i) =>
    service(`shop/${name}`, { clusterIP: `10.96.0.1${i}`, externalIPs: ['198.51.100.7'] }),
  );
  const endpointSlices = [slice('shop/a', [{ ip: '10.244.1.1' }]), slice('shop/b', [{ ip: '10.244.1.2' }])];
  const { problems, ipvs } = compiled({ services, endpointSlices });
  expect(problems.map(({ code, object }) => [code, object])).toEqual([['virtual-service-twice', 'Service shop/b']]);
  expect(ipvs?.services.map(shown)).toContain('tcp 198.51.100.7 80: 10.244.1.2 8080');
});

it('shares what nodes have alike', () => {
  const objects = {
    services: [service('shop/web', {})],
    endpointSlices: [slice('shop/web', [{ ip: '10.244.1.9', node: 'n1' }])],
  };
  const compile = ipvsCompiler.prepare(objects, CONFIG);
  const [, two, , four] = NODES.map(compile);
  expect(two?.tables.every((table, i) => table === four?.tables[i])).toBe(true);
  expect(two?.ipvs?.services[0]).toBe(four?.ipvs?.services[0]);
  expect(two?.ipvs?.sets.every((set, i) => set === four?.ipvs?.sets[i])).toBe(true);
  expect(two?.ipvs?.addresses[0]).toBe(four?.ipvs?.addresses[0]);
});
