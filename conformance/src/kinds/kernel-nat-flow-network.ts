/** Builds the network of a `kernel-nat-flow` case from the same texts that the kernel was given. */
import type { Listener, Netns, Network } from '@podwire/engine';
import {
  applyBridge,
  applyIp,
  emptyNetns,
  type IpFamily,
  nftTables,
  parseIptablesSave,
  parseNftRuleset,
} from '@podwire/model';

export interface Ruleset {
  format: 'iptables-restore' | 'nft';
  text: string;
}

interface End {
  ns: string;
  name: string;
  mac: string;
}

export interface NatFlowConfig {
  family: 4 | 6;
  namespaces: {
    name: string;
    sysctls: Record<string, number>;
    ip_batch: string;
    bridge_batch: string;
  }[];
  links: { type: 'veth'; a: End; b: End; mtu: number }[];
  rulesets: Record<string, Ruleset>;
  listeners: { ns: string; proto: 'tcp' | 'udp'; port: number }[];
}

const PROTOCOL = { tcp: 6, udp: 17 };

function plug(netnses: ReadonlyMap<string, Netns>, from: End, to: End, mtu: number): void {
  netnses.get(from.ns)?.links.push({
    name: from.name,
    kind: 'veth',
    mac: from.mac,
    mtu,
    up: false,
    peer: { netns: to.ns, link: to.name },
  });
}

function refuse(netns: string, refused: readonly { command: string; message: string }[]): void {
  const [first] = refused;
  if (first) throw new Error(`${netns}: ${first.command}: ${first.message}`);
}

/** The node had no other tables of nftables. */
function restoreNft(netns: Netns, { text }: Ruleset): Netns {
  const { objects, problems } = parseNftRuleset(text);
  const [problem] = problems;
  if (problem) throw new Error(`${netns.name}, ruleset, line ${problem.line}: ${problem.message}`);
  return { ...netns, netfilter: nftTables(objects) };
}

/** `iptables-restore` replaces the tables that its text names. */
function restore(netns: Netns, family: IpFamily, { text }: Ruleset): Netns {
  const { tables, problems } = parseIptablesSave(text, family);
  const [problem] = problems;
  if (problem) throw new Error(`${netns.name}, rules, line ${problem.line}: ${problem.message}`);
  const replaced = new Set(tables.map((table) => table.name));
  const kept = netns.netfilter.filter((table) => table.family !== family || !replaced.has(table.name));
  return { ...netns, netfilter: [...kept, ...tables] };
}

export function withRulesets(network: Network, family: 4 | 6, rulesets: Readonly<Record<string, Ruleset>>): Network {
  return {
    netnses: network.netnses.map((netns) => {
      const ruleset = rulesets[netns.name];
      if (ruleset?.format === 'nft') return restoreNft(netns, ruleset);
      return ruleset ? restore(netns, family === 4 ? 'ip' : 'ip6', ruleset) : netns;
    }),
  };
}

export function buildNetwork({ family, namespaces, links, rulesets, listeners }: NatFlowConfig): Network {
  const netnses = new Map(namespaces.map(({ name, sysctls }) => [name, { ...emptyNetns(name), sysctls }]));
  for (const { a, b, mtu } of links) {
    plug(netnses, a, b, mtu);
    plug(netnses, b, a, mtu);
  }
  const world = [...netnses.values()];
  for (const { name, ip_batch, bridge_batch } of namespaces) {
    const netns = netnses.get(name);
    if (!netns) continue;
    refuse(name, applyIp(netns, ip_batch, world));
    refuse(name, applyBridge(netns, bridge_batch, world));
    netns.listeners = listeners
      .filter((listener) => listener.ns === name)
      .map(
        ({ proto, port }): Listener => ({ protocol: PROTOCOL[proto], address: family === 4 ? '0.0.0.0' : '::', port }),
      );
  }
  return withRulesets({ netnses: world }, family, rulesets);
}
