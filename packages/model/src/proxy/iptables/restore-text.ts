/** What kube-proxy feeds to `iptables-restore --noflush --counters` in one sync, byte for byte. (pkg/proxy/iptables: syncProxyRules) */
import { categorizeEndpoints, type ProxyPlace } from '../categorize-endpoints.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { type PortState, usesExternalChain } from '../port-state.ts';
import { type ServicePortInfo, servicePortKey } from '../service-ports.ts';
import { forwardRules, KUBELET_FIREWALL, localnetRules, masqueradeRules, TOP_LEVEL_CHAINS } from './base-chains.ts';
import { dispatchRules } from './dispatch.ts';
import { clusterIPMasquerade, endpointChain, endpointChoice, isLargeCluster } from './endpoint-chains.ts';
import { isServiceChain } from './names.ts';
import { nodePortJumps } from './node-ports.ts';
import { IptablesPort, usesFirewallChain } from './port.ts';
import { type RuleLine, restoreLine } from './rule-line.ts';
import { allowsNode, externalChain, firewallChain } from './service-chains.ts';
import type { IptablesSettings } from './settings.ts';

export interface RestoreInput {
  /** In the order in which their rules are written. */
  ports: ReadonlyMap<string, ServicePortInfo>;
  endpoints: ReadonlyMap<string, readonly EndpointInfo[]>;
  settings: IptablesSettings;
  place: ProxyPlace;
  /** Primary node IP of the family. */
  nodeIP?: string;
  interfaceAddresses: readonly string[];
  sync: {
    /** `namespace/name` of the Services whose own chains are written; undefined: all, a full sync. */
    updated?: ReadonlySet<string>;
    /** Chains of the nat table before the sync: those of Services that nothing needs any more are deleted. */
    existingChains: readonly string[];
    /** The last deletion is less than `syncPeriod` ago: in a large cluster there is none yet. */
    hasDeletedLately?: boolean;
  };
}

/** The chains of one service port on this node, each with its rules, in the order in which kube-proxy makes them. */
interface ServiceChains {
  /** Rules that open a chain below before anything else of it is written. */
  opening: RuleLine[];
  chains: { name: string; rules: RuleLine[] }[];
}

function serviceChains(
  port: IptablesPort,
  state: PortState,
  categorized: { cluster?: EndpointInfo[]; local?: EndpointInfo[]; all: EndpointInfo[] },
  { settings, nodeIP }: RestoreInput,
  isLarge: boolean,
): ServiceChains {
  const { external, firewall, cluster, local } = port.chains;
  const chains: ServiceChains['chains'] = [];
  if (usesExternalChain(port, state)) chains.push({ name: external, rules: externalChain(port, state, settings) });
  if (usesFirewallChain(port, state)) {
    chains.push({ name: firewall, rules: firewallChain(port, allowsNode(port, nodeIP)) });
  }
  for (const [name, endpoints = []] of [
    [cluster, categorized.cluster],
    [local, categorized.local],
  ] as const) {
    if (endpoints.length > 0) chains.push({ name, rules: endpointChoice(port, name, endpoints, isLarge) });
  }
  for (const endpoint of categorized.all) {
    chains.push({ name: port.endpointChain(endpoint), rules: endpointChain(port, endpoint, isLarge) });
  }
  return { opening: clusterIPMasquerade(port, state, settings), chains };
}

const chainLine = (name: string) => `:${name} - [0:0]`;

export function restoreText(input: RestoreInput): string {
  const { settings, sync } = input;
  const isLarge = isLargeCluster(input.ports.keys(), input.endpoints);
  const filterChains: string[] = [...TOP_LEVEL_CHAINS.filter];
  const natChains: string[] = [...TOP_LEVEL_CHAINS.nat];
  const rules: Record<'filter' | 'nat', string[]> = { filter: [], nat: [] };
  const write = (lines: readonly RuleLine[]) => {
    for (const line of lines) rules[line.table].push(restoreLine(line));
  };
  write(masqueradeRules(settings));
  const localnet = localnetRules(settings);
  if (localnet.length > 0) filterChains.push(KUBELET_FIREWALL);
  write(localnet);

  const needed = new Set<string>();
  for (const info of input.ports.values()) {
    const port = new IptablesPort(info);
    const endpoints = input.endpoints.get(servicePortKey(info.namespace, info.name, info.port, info.protocol)) ?? [];
    const categorized = categorizeEndpoints(endpoints, info, input.place);
    const state = { hasEndpoints: categorized.hasAny, hasLocalEndpoints: (categorized.local ?? []).length > 0 };
    write(dispatchRules(port, state, settings));
    const { opening, chains } = serviceChains(port, state, categorized, input, isLarge);
    const isWritten = sync.updated === undefined || sync.updated.has(`${info.namespace}/${info.name}`);
    if (isWritten) write(opening);
    for (const { name, rules: lines } of chains) {
      needed.add(name);
      if (!isWritten) continue;
      natChains.push(name);
      write(lines);
    }
  }
  const isKept = isLarge && sync.hasDeletedLately === true;
  // A chain is deleted by being named, which flushes it, and then struck.
  for (const name of isKept ? [] : [...sync.existingChains].sort()) {
    if (needed.has(name) || !isServiceChain(name)) continue;
    natChains.push(name);
    rules.nat.push(`-X ${name}`);
  }
  write(nodePortJumps(settings, input.interfaceAddresses).rules);
  write(forwardRules(settings));
  const table = (name: 'filter' | 'nat', chains: string[]) => [
    `*${name}`,
    ...chains.map(chainLine),
    ...rules[name],
    'COMMIT',
  ];
  return `${[...table('filter', filterChains), ...table('nat', natChains)].join('\n')}\n`;
}
