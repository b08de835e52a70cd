/** What dumps of nodes show of the cluster's settings: command lines of programs, and the links that network plugins make. */
import type { Netns } from '@podwire/engine';
import { DUMMY_LINK, setName } from '../../proxy/ipvs/names.ts';
import { TABLE } from '../../proxy/nftables/lines.ts';
import type { ProxyMode } from '../cluster.ts';
import { commandWords, parseFlags } from './programs.ts';
import type { Finding } from './setting.ts';

export interface NodeShown {
  node: string;
  /** Command lines. */
  processes: readonly string[];
  /** Names of links that routes or listings name. */
  links: readonly string[];
  /** Modes of kube-proxy that left their traces there, each with what shows it. */
  proxyModes: readonly { mode: ProxyMode; why: string }[];
}

/** The flags that one program was started with on a node; undefined: it is not among the processes. */
export function processFlags(shown: NodeShown, program: string): ReadonlyMap<string, string> | undefined {
  for (const line of shown.processes) {
    const words = commandWords([line]);
    const at = words.findIndex((word) => word.slice(word.lastIndexOf('/') + 1) === program);
    if (at >= 0) return parseFlags(words.slice(at + 1));
  }
  return undefined;
}

/** Links that only one plugin makes. */
const LINKS: readonly (readonly [RegExp, string])[] = [
  [/^cali[0-9a-f]{11}$|^vxlan\.calico$|^wireguard\.cali$/, 'calico'],
  [/^flannel(\.\d+|-v6\.\d+|-wg)$/, 'flannel'],
  [/^cilium_(host|net|vxlan|geneve)$|^lxc[0-9a-f]{12}$/, 'cilium'],
  [/^weave$/, 'weave'],
  [/^antrea-gw\d$/, 'antrea'],
];

export function* shownPlugins(all: readonly NodeShown[]): Generator<Finding<string>> {
  for (const { node, links } of all) {
    for (const [pattern, cni] of LINKS) {
      const link = links.find((name) => pattern.test(name));
      if (link !== undefined) yield { value: cni, why: `${node} has the link ${link}` };
    }
  }
}

const CLUSTER_IPS = (['IPv4', 'IPv6'] as const).map((family) => setName('KUBE-CLUSTER-IP', family));

/** By what only one mode makes. */
export function shownProxyModes({ links, netfilter, sets = [] }: Netns): NodeShown['proxyModes'] {
  const found: { mode: ProxyMode; why: string }[] = [];
  const set = sets.find(({ name }) => CLUSTER_IPS.includes(name));
  const chains = netfilter.flatMap((table) => table.chains.map(({ name }) => name));
  const filter = chains.find((name) => name === 'KUBE-IPVS-FILTER');
  if (links.some(({ name }) => name === DUMMY_LINK)) found.push({ mode: 'ipvs', why: `link ${DUMMY_LINK}` });
  else if (set) found.push({ mode: 'ipvs', why: `ipset ${set.name}` });
  else if (filter !== undefined) found.push({ mode: 'ipvs', why: `chain ${filter}` });
  const table = netfilter.find(({ name, family }) => name === TABLE && (family === 'ip' || family === 'ip6'));
  if (table) found.push({ mode: 'nftables', why: `table ${table.family} ${table.name}` });
  const service = chains.find((name) => /^KUBE-(SVC|SEP)-[A-Z2-7]{16}$/.test(name));
  if (service !== undefined) found.push({ mode: 'iptables', why: `chain ${service}` });
  return found;
}
