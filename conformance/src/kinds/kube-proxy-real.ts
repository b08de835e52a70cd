/** What the real kube-proxy left in iptables and ip6tables of one node. */
import {
  detectNodeIPs,
  type EndpointSlice,
  iptablesCompiler,
  type Node,
  type ProxyConfig,
  type ProxyNode,
  printIptablesSave,
  type Service,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase, skip } from '../contract.ts';
import { firstDifference } from '../difference.ts';
import type { Suite } from '../suite.ts';

interface RealCase {
  id: string;
  state: string;
  node: string;
  mode: string;
  config: {
    clusterCIDR?: string;
    detectLocalMode?: ProxyConfig['detectLocalMode'];
    detectLocal?: { bridgeInterface?: string; interfaceNamePrefix?: string };
    nodePortAddresses?: string[];
    iptables?: { masqueradeAll?: boolean; masqueradeBit?: number; localhostNodePorts?: boolean };
  };
  interfaces: { addresses: string[] }[];
  sysctls: Record<string, string>;
  /** Services of which the real thing writes either of two rulesets. */
  undetermined?: string[];
}

interface State {
  nodes: Node[];
  services: Service[];
  endpointslices: EndpointSlice[];
}

function configOf({ config, sysctls }: RealCase): ProxyConfig {
  const { iptables = {}, detectLocal = {} } = config;
  return {
    clusterCIDRs: (config.clusterCIDR ?? '').split(','),
    detectLocalMode: config.detectLocalMode ?? 'ClusterCIDR',
    ...detectLocal,
    nodePortAddresses: config.nodePortAddresses ?? [],
    masqueradeAll: iptables.masqueradeAll ?? false,
    masqueradeBit: iptables.masqueradeBit ?? 14,
    localhostNodePorts: iptables.localhostNodePorts ?? true,
    conntrackTCPLiberal: sysctls['net.netfilter.nf_conntrack_tcp_be_liberal'] === '1',
    randomFully: true,
    nfacctCounters: true,
  };
}

function nodeOf(row: RealCase, state: State): ProxyNode {
  const node = state.nodes.find(({ metadata }) => metadata.name === row.node);
  const internal = (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return {
    name: row.node,
    nodeIPs: detectNodeIPs(
      internal.map(({ address }) => address),
      '',
    ).ips,
    interfaceAddresses: row.interfaces.flatMap(({ addresses }) => addresses),
    topologyLabels: node?.metadata.labels ?? {},
    podCIDRs: node?.spec?.podCIDRs ?? [],
  };
}

/** Rules by `table chain`. */
type Chains = Record<string, string[]>;

function readChains(text: string): Chains {
  const chains: Chains = {};
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (line.startsWith(':')) chains[`${table} ${line.slice(1).split(' ', 1)[0]}`] = [];
    else if (line.startsWith('-A ')) chains[`${table} ${line.split(' ', 2)[1]}`]?.push(line);
  }
  return chains;
}

/** Chains in which service ports come in no fixed order. */
const UNORDERED = /^(?:filter|nat) KUBE-(?:SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/;
const LAST = 'NOTE: this must be the last rule in this chain';

const commentOf = (rule: string) => /--comment (?:"([^"]*)"|(\S+))/.exec(rule)?.slice(1).join('') ?? '';
const serviceOf = (rule: string) => /^([^ :]+\/[^ :]+)/.exec(commentOf(rule))?.[1] ?? '';

/** Rules of one service port keep their order among themselves; the node port jump stays last. */
function sortByPort(rules: string[]): string[] {
  const key = (rule: string) => (rule.includes(LAST) ? '~' : commentOf(rule).split(' ', 1)[0]) ?? '';
  return rules
    .map((rule, index) => ({ rule, index }))
    .sort((a, b) => (key(a.rule) < key(b.rule) ? -1 : key(a.rule) > key(b.rule) ? 1 : a.index - b.index))
    .map(({ rule }) => rule);
}

function normalise(text: string, undetermined: readonly string[]): Chains {
  const isUndetermined = (rule: string) => undetermined.some((service) => serviceOf(rule) === service);
  const chains = readChains(text);
  for (const [name, rules] of Object.entries(chains)) {
    if (UNORDERED.test(name)) chains[name] = sortByPort(rules.filter((rule) => !isUndetermined(rule)));
    else if (rules.some(isUndetermined)) delete chains[name];
  }
  return chains;
}

function judge(suite: Suite, folder: string): Outcome {
  const row = suite.json<RealCase>(`${folder}/case.json`);
  if (row.mode !== 'iptables') return skip(`${row.mode} mode`);
  const state = suite.json<State>(`states/${row.state}.json`);
  const objects = { services: state.services, endpointSlices: state.endpointslices };
  const { tables, sysctls } = iptablesCompiler.prepare(objects, configOf(row))(nodeOf(row, state));
  const undetermined = row.undetermined ?? [];
  for (const [file, family] of [
    ['iptables-save.txt', 'ip'],
    ['ip6tables-save.txt', 'ip6'],
  ] as const) {
    const expected = normalise(suite.text(`${folder}/${file}`), undetermined);
    const found = normalise(printIptablesSave(tables, family), undetermined);
    const difference = firstDifference(expected, found, file);
    if (difference !== undefined) return fail(difference);
  }
  const route = 'net.ipv4.conf.all.route_localnet';
  const difference = firstDifference(row.sysctls[route], String(sysctls[route] ?? 0), route);
  return difference === undefined ? pass : fail(difference);
}

export const kubeProxyReal: Kind = {
  kind: 'kube-proxy-real',
  *cases(suite): Generator<SuiteCase> {
    for (const folder of suite.list()) {
      if (suite.has(`${folder}/case.json`)) yield { id: folder, run: () => judge(suite, folder) };
    }
  },
};
