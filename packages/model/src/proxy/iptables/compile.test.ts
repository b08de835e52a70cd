import type { Chain, Table } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import { parseIptablesSave, printIptablesSave } from '../../linux/iptables-save.ts';
import { CONFIG, NODES, node, service, slice } from '../cluster.fixture.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import type { ProxyCause, ProxyConfig, ProxyNode, ProxyObjects } from '../proxy.ts';
import { randomCluster } from '../random-cluster.fixture.ts';
import { servicePorts } from '../service-ports.ts';
import { iptablesCompiler } from './compile.ts';
import { serviceChainNames } from './names.ts';
import { restoreText } from './restore-text.ts';
import { iptablesSettings } from './settings.ts';

/** Rules by `table chain`, without chains that are empty. */
function filled(text: string): Record<string, string[]> {
  const chains: Record<string, string[]> = {};
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    const [, chain, rule] = /^-A (\S+) ?(.*)/.exec(line) ?? [];
    if (!chain?.startsWith('KUBE-')) continue;
    const key = `${table} ${chain}`;
    chains[key] = [...(chains[key] ?? []), rule ?? ''];
  }
  return chains;
}

/** What the text fed to iptables-restore leaves in the kernel. */
function restored(objects: ProxyObjects, config: ProxyConfig, on: ProxyNode, family: 'IPv4' | 'IPv6') {
  const nodeIP = on.nodeIPs[family];
  const text = restoreText({
    ports: servicePorts(objects.services, family),
    endpoints: endpointsByServicePort(objects.endpointSlices, family),
    settings: iptablesSettings(config, on, family),
    place: { nodeName: on.name, zone: on.topologyLabels['topology.kubernetes.io/zone'] ?? '' },
    ...(nodeIP !== undefined && { nodeIP }),
    interfaceAddresses: on.interfaceAddresses,
    sync: { existingChains: [] },
  });
  const kernel = family === 'IPv4' ? 'ip' : 'ip6';
  const { tables, problems } = parseIptablesSave(text, kernel);
  expect(problems).toEqual([]);
  return filled(printIptablesSave(tables, kernel));
}

function chainNamed(tables: readonly Table[], table: string, name: string): Chain | undefined {
  for (let layer = tables.find((t) => t.name === table && t.family === 'ip'); layer; ) {
    const found = layer.chains.find((chain) => chain.name === name);
    if (found) return found;
    layer = layer.base as Table;
  }
  return undefined;
}

describe('the tables of any node', () => {
  it('are what the text leaves there, for random clusters', () => {
    const first = Date.now() % 1_000_000;
    for (let seed = first; seed < first + 20; seed++) {
      const { objects, config } = randomCluster(seed);
      const compile = iptablesCompiler.prepare(objects, config);
      for (const on of [...NODES, ...NODES]) {
        const { tables } = compile(on);
        for (const [family, kernel] of [
          ['IPv4', 'ip'],
          ['IPv6', 'ip6'],
        ] as const) {
          const found = filled(printIptablesSave(tables, kernel));
          expect(found, `seed ${seed}, ${on.name}, ${family}`).toEqual(restored(objects, config, on, family));
        }
      }
    }
  });

  const local = service('shop/web', {
    type: 'NodePort',
    ports: [{ name: 'http', port: 80, nodePort: 30080 }],
    externalTrafficPolicy: 'Local',
  });
  const endpoints = slice('shop/web', [
    { ip: '10.244.1.2', node: 'n1' },
    { ip: '10.244.3.2', node: 'n3' },
  ]);
  const compile = iptablesCompiler.prepare({ services: [local], endpointSlices: [endpoints] }, CONFIG);
  const [n1, n2, n3, n4] = NODES.map((on) => compile(on).tables);

  it('are the very same for nodes that differ in nothing', () => {
    expect(n2).toEqual(n4);
    for (const [i, table] of (n2 ?? []).entries()) expect(table).toBe(n4?.[i]);
  });

  it('share the chains in which nodes do not differ', () => {
    const { cluster, local: own, external } = serviceChainNames('shop/web:http', 'tcp');
    const same = (table: string, name: string) =>
      chainNamed(n1 ?? [], table, name) === chainNamed(n3 ?? [], table, name);
    expect([same('nat', cluster), same('nat', 'KUBE-SERVICES'), same('nat', external)]).toEqual([true, true, true]);
    expect(same('nat', own)).toBe(false);
    expect(chainNamed(n2 ?? [], 'nat', own)).toBeUndefined();
    expect(chainNamed(n2 ?? [], 'nat', external)).not.toBe(chainNamed(n1 ?? [], 'nat', external));
  });

  it('name the object behind every rule', () => {
    const { cluster, local: own } = serviceChainNames('shop/web:http', 'tcp');
    const causes = (table: string, name: string) =>
      chainNamed(n1 ?? [], table, name)?.rules.map(({ cause }) => cause as ProxyCause) ?? [];
    expect(causes('nat', 'KUBE-POSTROUTING').map(({ service: object }) => object)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(causes('nat', 'KUBE-NODEPORTS')).toEqual([
      { kind: 'proxy', service: local, port: 0, path: ['spec', 'ports', 0, 'nodePort'] },
    ]);
    expect(causes('nat', own)).toMatchObject([{ slice: endpoints, endpoint: 0 }]);
    expect(causes('nat', cluster).map(({ endpoint }) => endpoint)).toEqual([undefined, 0, 1]);
    expect(causes('nat', cluster)[0]?.service).toBe(local);
  });
});

describe('what comes with the tables', () => {
  const objects = { services: [], endpointSlices: [] };

  it('is route_localnet where node ports are served on 127.0.0.1', () => {
    const sysctls = (config: Partial<ProxyConfig>) =>
      iptablesCompiler.prepare(objects, { ...CONFIG, ...config })(node('n1', 1)).sysctls;
    expect(sysctls({})).toEqual({ 'net.ipv4.conf.all.route_localnet': 1 });
    expect(sysctls({ localhostNodePorts: false })).toEqual({});
    expect(sysctls({ nodePortAddresses: ['192.0.2.0/24'] })).toEqual({});
    expect(sysctls({ nodePortAddresses: ['127.0.0.0/8'], conntrackTCPLiberal: true })).toEqual({
      'net.ipv4.conf.all.route_localnet': 1,
      'net.netfilter.nf_conntrack_tcp_be_liberal': 1,
    });
  });

  it('is each problem once', () => {
    const config = { ...CONFIG, nodePortAddresses: ['127.0.0.0/8', '::1/128'], localhostNodePorts: false };
    const compile = iptablesCompiler.prepare(objects, config);
    const told = NODES.map((on) => compile(on).problems.map(({ code, message }) => [code, message.includes('::1')]));
    expect(told).toEqual([
      [
        ['node-port-loopback', false],
        ['node-port-loopback', true],
      ],
      [],
      [],
      [],
    ]);
  });

  it('is an error where iptables would refuse a rule', () => {
    const config = {
      ...CONFIG,
      detectLocalMode: 'BridgeInterface' as const,
      bridgeInterface: 'a-name-too-long-for-linux',
    };
    const services = [service('shop/web', {})];
    const endpointSlices = [slice('shop/web', [{ ip: '10.244.1.2' }])];
    services.push(service('shop/api', { clusterIP: '10.96.0.11' }));
    endpointSlices.push(slice('shop/api', [{ ip: '10.244.1.3' }]));
    const { problems } = iptablesCompiler.prepare({ services, endpointSlices }, config)(node('n1', 1));
    expect(problems.map(({ code, severity }) => [code, severity])).toEqual([['rule-refused', 'error']]);
  });
});
