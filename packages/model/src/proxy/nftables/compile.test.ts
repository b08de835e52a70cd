import type { Chain, NftSet, Statement, Table } from '@podwire/engine';
import { describe, expect, it } from 'vitest';
import { type NftObject, parseNftRuleset, printNftRuleset, Ruleset } from '../../linux/nft/index.ts';
import { nftTables, printNftTables } from '../../linux/nft-compile/index.ts';
import { placeOf } from '../categorize-endpoints.ts';
import { CONFIG, NODES, node, service, slice } from '../cluster.fixture.ts';
import { endpointsByServicePort } from '../endpoints.ts';
import type { ProxyCause, ProxyConfig, ProxyNode, ProxyObjects } from '../proxy.ts';
import { randomCluster } from '../random-cluster.fixture.ts';
import { servicePorts } from '../service-ports.ts';
import { nftablesCompiler } from './compile.ts';
import { serviceChainNames } from './names.ts';
import { rulesetText } from './ruleset-text.ts';
import { nftablesSettings } from './settings.ts';

const CIDRS = ['10.96.0.0/16', 'fd00:96::/112'];

/** The commands that kube-proxy would give on a node without rules. */
function commands({ services, endpointSlices }: ProxyObjects, config: ProxyConfig, on: ProxyNode): string {
  const families = ['IPv4', 'IPv6'] as const;
  return families
    .map((family) => {
      const nodeIP = on.nodeIPs[family];
      return rulesetText({
        ports: servicePorts(services, family),
        endpoints: endpointsByServicePort(endpointSlices, family),
        settings: nftablesSettings(config, CIDRS, on, family),
        place: placeOf(on),
        ...(nodeIP !== undefined && { nodeIP }),
        interfaceAddresses: on.interfaceAddresses,
      });
    })
    .join('');
}

/** What the kernel holds after these commands, as nft lists it. */
function loaded(text: string): NftObject[] {
  const { objects, problems } = parseNftRuleset(text, { raw: true });
  expect(problems).toEqual([]);
  const ruleset = new Ruleset();
  for (const object of objects) if (!('rule' in object)) ruleset.apply({ add: object });
  return objects.map((object) => {
    if ('rule' in object) return { rule: ruleset.rule(object.rule) };
    // The kernel's own size for sets that rules write to.
    return 'set' in object && object.set.timeout !== undefined ? { set: { ...object.set, size: 65535 } } : object;
  });
}

/** Blocks of a listing in order of their text, elements likewise. */
const sorted = (listing: string) =>
  listing
    .replace(/elements = \{([^}]*)\}/g, (_, elements: string) =>
      elements
        .split(',')
        .map((element) => element.trim())
        .sort()
        .join(', '),
    )
    .split(/\n\t\}\n|\n\}\n|(?<=for kube-proxy")\n/)
    .map((block) => block.trim())
    .sort();

/** The table as the machine sees it: layers laid over each other, without what leads to objects and text. */
function flat(table: Table): Record<string, unknown> {
  const chains = new Map<string, Chain>();
  const sets = new Map<string, NftSet>();
  for (let layer: Table | undefined = table; layer; layer = layer.base) {
    for (const chain of layer.chains) if (!chains.has(chain.name)) chains.set(chain.name, chain);
    for (const set of layer.sets ?? []) if (!sets.has(set.name ?? '')) sets.set(set.name ?? '', set);
  }
  const content = ({ elements, cause: _, ...set }: NftSet) => ({
    ...set,
    elements: elements.map(({ cause: __, ...element }) => JSON.stringify(element)).sort(),
  });
  const body = (statement: Statement) =>
    JSON.parse(JSON.stringify(statement, (key, value: unknown) => (key === 'cause' ? undefined : value)));
  return Object.fromEntries([
    ...[...chains.values()].map(({ name, hook, rules }) => [name, { hook, rules: rules.map((r) => r.body.map(body)) }]),
    ...[...sets.values()].map((set) => [`@${set.name}`, content(set)]),
  ]);
}

describe('the tables of any node', () => {
  it('are what the commands leave there, for random clusters', () => {
    const first = Date.now() % 1_000_000;
    for (let seed = first; seed < first + 6; seed++) {
      const { objects, config } = randomCluster(seed);
      const compile = nftablesCompiler.prepare({ ...objects, serviceCIDRs: CIDRS }, config);
      for (const on of [...NODES, ...NODES]) {
        const where = `seed ${seed}, ${on.name}`;
        const { tables } = compile(on);
        const listed = loaded(commands(objects, config, on));
        expect(sorted(printNftTables(tables)), where).toEqual(sorted(printNftRuleset(listed)));
        expect(tables.map(flat), where).toEqual(nftTables(listed).map(flat));
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
  const objects = { services: [local], endpointSlices: [endpoints] };
  const compile = nftablesCompiler.prepare(objects, { ...CONFIG, nodePortAddresses: ['0.0.0.0/0', '::/0'] });
  const [n1, n2, n3, n4] = NODES.map((on) => compile(on).tables);

  const chainNamed = (tables: readonly Table[] | undefined, name: string): Chain | undefined => {
    for (let layer = tables?.[0]; layer; layer = layer.base) {
      const found = layer.chains.find((chain) => chain.name === name);
      if (found) return found;
    }
    return undefined;
  };

  it('are the very same for nodes that differ in nothing', () => {
    for (const [i, table] of (n2 ?? []).entries()) expect(table).toBe(n4?.[i]);
    expect(n2?.[0]).not.toBe(n1?.[0]);
  });

  it('share the chains in which nodes do not differ', () => {
    const { cluster, local: own, external } = serviceChainNames('shop', 'web', 'http', 'tcp');
    const same = (name: string) => chainNamed(n1, name) === chainNamed(n3, name);
    expect([same(cluster), same('services'), same(external), same(own)]).toEqual([true, true, true, false]);
    expect(chainNamed(n2, own)).toBeUndefined();
    expect(chainNamed(n2, external)).not.toBe(chainNamed(n1, external));
  });

  it('name the object behind rules and elements', () => {
    const { cluster, local: own } = serviceChainNames('shop', 'web', 'http', 'tcp');
    const [rule] = chainNamed(n1, cluster)?.rules ?? [];
    expect(rule?.cause).toMatchObject({ service: local, port: 0 });
    const translation = rule?.body.find((statement) => statement.kind === 'nat-to');
    const map = translation?.value.kind === 'map' ? (translation.value.map as NftSet) : undefined;
    expect(map?.elements.map(({ cause }) => (cause as ProxyCause).endpoint)).toEqual([0, 1]);
    const nodePorts = n1?.[0]?.base?.base?.sets?.find(({ name }) => name === 'service-nodeports');
    expect(nodePorts?.elements.map(({ cause }) => cause)).toEqual([
      { kind: 'proxy', service: local, port: 0, path: ['spec', 'ports', 0, 'nodePort'] },
    ]);
    expect(chainNamed(n1, own)?.rules.length).toBe(1);
  });
});

describe('node ports', () => {
  const objects = { services: [], endpointSlices: [] };
  const served = (config: Partial<ProxyConfig>) => {
    const [table] = nftablesCompiler.prepare(objects, { ...CONFIG, ...config })(node('n1', 1)).tables;
    for (let layer = table; layer; layer = layer.base)
      for (const set of layer.sets ?? [])
        if (set.name === 'nodeport-ips') return set.elements.flatMap(({ key }) => key);
    return undefined;
  };

  it("are served on the node's own address unless told otherwise, and never on loopback", () => {
    expect(served({})).toEqual(['192.0.2.1']);
    expect(served({ nodePortAddresses: ['127.0.0.0/8', '192.0.2.0/24'] })).toEqual(['192.0.2.1']);
    expect(served({ nodePortAddresses: ['198.51.100.0/24'] })).toEqual([]);
    expect(served({ nodePortAddresses: ['0.0.0.0/0'] })).toBeUndefined();
  });

  it('need no route_localnet', () => {
    const compile = nftablesCompiler.prepare(objects, { ...CONFIG, conntrackTCPLiberal: true });
    expect(compile(node('n1', 1)).sysctls).toEqual({ 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 });
  });

  it('tell each problem once', () => {
    const compile = nftablesCompiler.prepare(objects, { ...CONFIG, nodePortAddresses: ['127.0.0.0/8', '::1/128'] });
    const told = NODES.map((on) => compile(on).problems.map(({ code }) => code));
    expect(told).toEqual([['node-port-loopback', 'node-port-loopback'], [], [], []]);
  });
});

it('is an error where nft would refuse a rule', () => {
  const config = {
    ...CONFIG,
    detectLocalMode: 'BridgeInterface' as const,
    bridgeInterface: 'a-name-too-long-for-linux',
  };
  const { problems } = nftablesCompiler.prepare({ services: [], endpointSlices: [] }, config)(node('n1', 1));
  expect(problems.map(({ code, severity }) => [code, severity])).toContainEqual(['rule-refused', 'error']);
});
