/** The table that kube-proxy makes on one node, as nft commands, byte for byte. (pkg/proxy/nftables: syncProxyRules; knftables' own printing) */
import { categorizeEndpoints, type ProxyPlace } from '../categorize-endpoints.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { tableFamily } from '../ip.ts';
import { type PortState, usesExternalChain } from '../port-state.ts';
import { type ServicePortInfo, servicePortKey } from '../service-ports.ts';
import { ensureElements, hairpinElement, portElements } from './elements.ts';
import {
  type ChainLine,
  chainCommand,
  type ElementLine,
  elementCommand,
  type RuleLine,
  ruleCommand,
  type SetLine,
  setCommand,
  TABLE,
} from './lines.ts';
import { NftablesPort } from './port.ts';
import { affinitySet, allowsNode, choiceRules, endpointRules, externalRules, firewallRules } from './service-rules.ts';
import type { NftablesSettings } from './settings.ts';
import { nodePortElements, servicesRules, TOP_CHAINS, topRules, topSets } from './top-level.ts';

export interface RulesetInput {
  /** In the order in which their rules are written. */
  ports: ReadonlyMap<string, ServicePortInfo>;
  endpoints: ReadonlyMap<string, readonly EndpointInfo[]>;
  settings: NftablesSettings;
  place: ProxyPlace;
  /** Primary node IP of the family. */
  nodeIP?: string;
  interfaceAddresses: readonly string[];
}

interface Lines {
  chains: ChainLine[];
  sets: SetLine[];
  rules: RuleLine[];
  elements: ElementLine[];
}

function addPort(lines: Lines, port: NftablesPort, endpoints: readonly EndpointInfo[], input: RulesetInput): void {
  const { settings, place, nodeIP } = input;
  const { info, chains } = port;
  const categorized = categorizeEndpoints(endpoints, info, place);
  const state: PortState = {
    hasEndpoints: categorized.hasAny,
    hasLocalEndpoints: (categorized.local ?? []).length > 0,
  };
  const add = (name: string, rules: readonly RuleLine[]) => {
    lines.chains.push({ name });
    lines.rules.push(...rules);
  };
  for (const [chain, some = []] of [
    [chains.cluster, categorized.cluster],
    [chains.local, categorized.local],
  ] as const) {
    if (some.length > 0) add(chain, choiceRules(port, chain, some, settings));
  }
  if (usesExternalChain(port, state)) add(chains.external, externalRules(port, state, settings));
  if (port.usesFirewallChain) add(chains.firewall, firewallRules(port, allowsNode(port, nodeIP), settings));
  for (const endpoint of categorized.all) {
    if (endpoint.nodeName === place.nodeName) lines.elements.push(hairpinElement(port, endpoint));
    if (!port.hasAffinity) continue;
    add(port.endpoint(endpoint).endpoint, endpointRules(port, endpoint, settings));
    lines.sets.push(affinitySet(port, endpoint, settings));
  }
  lines.elements.push(...portElements(port, state));
}

const byName = <T extends { name: string }>(named: readonly T[]): T[] =>
  [...named].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));

function grouped<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}

/** Chains, sets and maps by name, rules chain by chain, elements set by set. */
export function rulesetText(input: RulesetInput): string {
  const { settings, ports, endpoints } = input;
  const family = tableFamily(settings.family);
  const lines: Lines = {
    chains: [...TOP_CHAINS],
    sets: topSets(settings),
    rules: [...topRules(settings), ...servicesRules(settings)],
    elements: nodePortElements(settings, input.interfaceAddresses),
  };
  for (const info of ports.values()) {
    const key = servicePortKey(info.namespace, info.name, info.port, info.protocol);
    addPort(lines, new NftablesPort(info), endpoints.get(key) ?? [], input);
  }
  const chains = byName(lines.chains);
  const [sets, maps] = [false, true].map((isMap) => byName(lines.sets.filter((set) => (set.isMap ?? false) === isMap)));
  const rules = grouped(lines.rules, ({ chain }) => chain);
  const elements = grouped(ensureElements(lines.elements), ({ set }) => set);
  const all = [...(sets ?? []), ...(maps ?? [])];
  const commands = [
    `add table ${family} ${TABLE} { comment "rules for kube-proxy" ; }`,
    ...chains.map((chain) => chainCommand(family, chain)),
    ...all.map((set) => setCommand(family, set)),
    ...chains.flatMap(({ name }) => (rules.get(name) ?? []).map((rule) => ruleCommand(family, rule))),
    ...all.flatMap(({ name }) => (elements.get(name) ?? []).map((element) => elementCommand(family, element))),
  ];
  return `${commands.join('\n')}\n`;
}
