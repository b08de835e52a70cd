/**
 * Where the rules of kube-proxy send the first packet of a connection. The rules are walked as the suite's format says that upstream's own
 * tracer does, which is not what a kernel does: all endpoints are collected, and the filter chains are asked whatever the packet's way.
 */
import {
  type Chain,
  containsAddress,
  type Match,
  parseAddress,
  parsePrefix,
  type Rule,
  type Statement,
  type Table,
} from '@podwire/engine';
import { type LocalDetector, nftTables, type ProxyConfig, parseIptablesSave, parseNftRuleset } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';
import { NftTracer } from './kube-proxy-flow-nft.ts';
import type { ProxyCase } from './kube-proxy-input.ts';
import { compilerNamed } from './kube-proxy-recording.ts';

interface Probe {
  name: string;
  sourceIP: string;
  destIP: string;
  destPort: number;
  protocol: 'tcp' | 'udp' | 'sctp';
  expect: { parsed: Fate };
}

export interface Fate {
  endpoints: string[];
  verdict: '' | 'DROP' | 'REJECT' | 'ACCEPT';
  /** Null: it means nothing beside a verdict. */
  masquerade: boolean | null;
}

interface FlowCase extends ProxyCase {
  /** Addresses that count as the node's own. */
  localIPs: string[];
  /** iptables-save text, or commands of nft, that stand for the objects. */
  givenRules?: string;
  probes: Probe[];
}

export type Packet = Pick<Probe, 'sourceIP' | 'destIP' | 'destPort' | 'protocol'>;

const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 };

class Tracer {
  readonly outputs: string[] = [];
  masquerade = false;
  readonly #chains: ReadonlyMap<string, Chain>;
  readonly #localIPs: ReadonlySet<string>;

  constructor(tables: readonly Table[], localIPs: readonly string[]) {
    const chains = new Map<string, Chain>();
    for (const own of tables) {
      for (let table: Table | undefined = own; table; table = table.base) {
        for (const chain of table.chains) {
          const key = `${table.name} ${chain.name}`;
          if (!chains.has(key)) chains.set(key, chain);
        }
      }
    }
    this.#chains = chains;
    this.#localIPs = new Set(localIPs);
  }

  /** Whether the chain, or one it jumped to for certain, decided. */
  run(table: 'nat' | 'filter', name: string, packet: Packet): boolean {
    const chain = this.#chains.get(`${table} ${name}`);
    if (!chain) throw new Error(`no chain ${name} in table ${table}`);
    return chain.rules.some((rule) => this.#apply(table, rule, packet));
  }

  #apply(table: 'nat' | 'filter', rule: Rule, packet: Packet): boolean {
    for (const statement of rule.body) {
      switch (statement.kind) {
        case 'jump': {
          if (statement.chain === 'KUBE-MARK-MASQ') {
            this.masquerade = true;
            return false;
          }
          const isChance = rule.body.some(({ kind }) => kind === 'statistic');
          return this.run(table, statement.chain, packet) && !isChance;
        }
        case 'accept':
        case 'drop':
          this.outputs.push(statement.kind.toUpperCase());
          return true;
        case 'reject':
          this.outputs.push('REJECT');
          return true;
        case 'dnat': {
          const { addresses, ports } = statement.range;
          const ip = addresses?.from ?? '';
          this.outputs.push(`${ip.includes(':') ? `[${ip}]` : ip}:${ports?.from ?? ''}`);
          return true;
        }
        default:
          if (!this.#holds(statement, packet)) return false;
      }
    }
    return false;
  }

  #holds(match: Exclude<Statement, { kind: 'jump' }>, packet: Packet): boolean {
    switch (match.kind) {
      case 'saddr':
        return includes(match.prefix, packet.sourceIP) !== (match.not ?? false);
      case 'daddr':
        return includes(match.prefix, packet.destIP) !== (match.not ?? false);
      case 'protocol':
        return (match.protocol === PROTOCOLS[packet.protocol]) !== (match.not ?? false);
      case 'tcp':
      case 'udp':
      case 'sctp': {
        const ports = match.dport;
        return ports === undefined || (ports.from <= packet.destPort && packet.destPort <= ports.to);
      }
      case 'addrtype':
        return this.#isOfType(match, packet);
      case 'comment':
      case 'nfacct':
      case 'statistic':
        return true;
      case 'recent':
        return match.action === 'set';
      case 'mark':
      case 'conntrack':
        return false;
      default:
        throw new Error(`the walk knows nothing of ${match.kind}`);
    }
  }

  #isOfType({ srcType, dstType }: Extract<Match, { kind: 'addrtype' }>, packet: Packet): boolean {
    const isLocal = (types: { types: string[]; not?: boolean } | undefined, ip: string) =>
      types === undefined || (types.types.includes('LOCAL') && this.#localIPs.has(ip)) !== (types.not ?? false);
    return isLocal(srcType, packet.sourceIP) && isLocal(dstType, packet.destIP);
  }
}

function includes(prefix: string, ip: string): boolean {
  const [network, address] = [parsePrefix(prefix), parseAddress(ip)];
  return network !== undefined && address !== undefined && containsAddress(network, address);
}

const FILTER_CHAINS = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL'];
const VERDICTS = ['DROP', 'REJECT', 'ACCEPT'] as const;

function trace(tables: readonly Table[], localIPs: readonly string[], probe: Packet): Fate {
  const tracer = new Tracer(tables, localIPs);
  tracer.run('nat', 'PREROUTING', probe);
  const first = tracer.outputs[0];
  const destIP = first === undefined ? probe.destIP : first.slice(0, first.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  for (const chain of FILTER_CHAINS) tracer.run('filter', chain, { ...probe, destIP });
  const verdict = VERDICTS.find((word) => tracer.outputs.includes(word)) ?? '';
  const endpoints = tracer.outputs.filter((output) => output !== verdict);
  return { endpoints, verdict, masquerade: verdict === '' ? tracer.masquerade : null };
}

function detectLocal(detector: LocalDetector): Pick<ProxyConfig, 'clusterCIDRs' | 'detectLocalMode'> {
  switch (detector.kind) {
    case 'none':
      return { detectLocalMode: 'ClusterCIDR', clusterCIDRs: [] };
    case 'cidr':
      return { detectLocalMode: 'ClusterCIDR', clusterCIDRs: [detector.cidr] };
    case 'bridgeInterface':
    case 'interfaceNamePrefix':
      throw new Error(`no probe can tell its interface, but the detector is ${detector.kind}`);
  }
}

function configOf({ config }: ProxyCase): ProxyConfig {
  return {
    ...config,
    ...detectLocal(config.localDetector),
    masqueradeBit: Math.log2(Number(config.masqueradeMark)),
    nfacctCounters: config.nfacctCounters?.localhost_nps_accepted_pkts ?? false,
  };
}

/** Given rulesets come from a fake iptables, which prints the comments of jumps without quotes. */
function quoteComments(text: string): string {
  return text.replace(/--comment ([^"\s].*?)(?= -{1,2}[a-z]|$)/gm, '--comment "$1"');
}

function tablesOf(row: FlowCase): Table[] {
  const family = row.ipFamily === 'IPv4' ? 'ip' : 'ip6';
  if (row.givenRules !== undefined && row.mode === 'nftables') {
    const { objects, problems } = parseNftRuleset(row.givenRules);
    if (problems.length > 0) throw new Error(problems[0]?.message);
    return nftTables(objects).filter((table) => table.family === family);
  }
  if (row.givenRules !== undefined) {
    const { tables, problems } = parseIptablesSave(quoteComments(row.givenRules), family);
    if (problems.length > 0) throw new Error(problems[0]?.message);
    return tables;
  }
  const compiler = compilerNamed(row.mode);
  if (!compiler) throw new Error(`mode ${row.mode} is not compiled`);
  const objects = {
    services: row.services ?? [],
    endpointSlices: row.endpointSlices ?? [],
    serviceCIDRs: (row.config.serviceCIDRs ?? '').split(/,\s*/),
  };
  const { name, ip, interfaceAddresses, topologyLabels } = row.node;
  const node = {
    name,
    nodeIPs: { [row.ipFamily]: ip },
    interfaceAddresses,
    topologyLabels: topologyLabels ?? {},
    podCIDRs: [],
  };
  const { tables } = compiler.prepare(objects, configOf(row))(node);
  return tables.filter((table) => table.family === family);
}

function judge(row: FlowCase): Outcome {
  const tables = tablesOf(row);
  for (const probe of row.probes) {
    const found =
      row.mode === 'nftables' ? new NftTracer(tables, row.localIPs, probe).trace() : trace(tables, row.localIPs, probe);
    const difference = firstDifference(probe.expect.parsed, found);
    if (difference !== undefined) return fail(`${probe.name}: ${difference}`);
  }
  return pass;
}

export const kubeProxyFlow: Kind = {
  kind: 'kube-proxy-flow',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<FlowCase>('cases.jsonl')) {
      yield { id: row.id, variant: row.mode, run: () => judge(row) };
    }
  },
};
