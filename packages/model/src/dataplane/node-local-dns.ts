/**
 * What the NodeLocal DNS cache sets up on each of its nodes: a link with its addresses, and rules that keep questions to them from
 * kube-proxy's translation (kubernetes/dns, cmd/node-cache/app/cache_app.go and pkg/netif).
 */
import { type Address, type Family, type Link, parseAddress } from '@podwire/engine';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { imageName, parseFlags } from '../cluster/detect/programs.ts';
import { canonical } from '../net/cidr.ts';
import type { Container, Pod } from '../objects/kube.ts';
import { isOver } from '../objects/pod-facts.ts';
import type { Addition } from './additions.ts';
import type { CniCause, PodCause } from './cause.ts';
import { ruleOf, tableFamily } from './rule-text.ts';

/** The image, under whatever registry. */
const IMAGE = 'k8s-dns-node-cache';

/** The addresses that a container of the cache listens on (`-localip`); undefined for any other container. */
export function nodeCacheAddresses({ image = '', command = [], args = [] }: Container): string[] | undefined {
  if (imageName(image) !== IMAGE) return undefined;
  const flags = parseFlags([...command, ...args]);
  if (flags.get('setupinterface') === 'false') return [];
  return (flags.get('localip') ?? '').split(',').flatMap((ip) => canonical(ip.trim()) ?? []);
}

export interface NodeCache {
  pod: Placed<Pod>;
  addresses: string[];
}

/** By node. */
export function nodeCaches(cluster: Cluster): Map<string, NodeCache> {
  const found = new Map<string, NodeCache>();
  for (const pod of cluster.pods.values()) {
    const { spec } = pod.object;
    if (!spec.hostNetwork || spec.nodeName === undefined || isOver(pod.object)) continue;
    const addresses = spec.containers?.map(nodeCacheAddresses).find((list) => list !== undefined);
    if (addresses !== undefined && addresses.length > 0) found.set(spec.nodeName, { pod, addresses });
  }
  return found;
}

const NAME = 'nodelocaldns';

/** The dummy link; it is never set up, which its addresses do not need. */
export function cacheLink({ pod, addresses }: NodeCache): { links: Link[]; addresses: Address[] } {
  const cause: PodCause = { kind: 'pod', pod, why: 'the NodeLocal DNS cache listens here' };
  return {
    links: [{ name: NAME, kind: 'dummy', up: false, cause }],
    addresses: addresses.map((address) => ({
      link: NAME,
      address: `${address}/${address.includes(':') ? 128 : 32}`,
      cause,
    })),
  };
}

/** Its rules in one family; they stand before all others. */
function rulesOf(own: readonly string[], family: Family): Addition[] {
  const table = tableFamily(family);
  const cause = (why: string): CniCause => ({ kind: 'cni', cni: 'node-local-dns', why });
  const skip = cause('the NodeLocal DNS cache answers itself: no connection tracking, no translation');
  const allow = cause('the NodeLocal DNS cache is asked on its node');
  const untracked = (match: string) =>
    ruleOf(`${match} -m comment --comment "NodeLocal DNS Cache: skip conntrack" -j NOTRACK`, table, skip);
  const allowed = (match: string) =>
    ruleOf(`${match} -m comment --comment "NodeLocal DNS Cache: allow DNS traffic" -j ACCEPT`, table, allow);
  const each = (make: (address: string, protocol: string) => string): string[] =>
    own.flatMap((address) => ['udp', 'tcp'].map((protocol) => make(address, protocol)));
  const towards = each((ip, protocol) => `-d ${ip} -p ${protocol} -m ${protocol} --dport 53`);
  const back = each((ip, protocol) => `-s ${ip} -p ${protocol} -m ${protocol} --sport 53`);
  const health = own.flatMap((ip) => [`-d ${ip} -p tcp -m tcp --dport 8080`, `-s ${ip} -p tcp -m tcp --sport 8080`]);
  return [
    {
      family: table,
      table: 'raw',
      hooked: [
        { chain: 'PREROUTING', at: 'first', rules: towards.map(untracked) },
        { chain: 'OUTPUT', at: 'first', rules: [...towards, ...back, ...health].map(untracked) },
      ],
      chains: [],
    },
    {
      family: table,
      table: 'filter',
      hooked: [
        { chain: 'INPUT', at: 'first', rules: towards.map(allowed) },
        { chain: 'OUTPUT', at: 'first', rules: back.map(allowed) },
      ],
      chains: [],
    },
  ];
}

/** The rules of caches with the same addresses are the same objects. */
export class NodeCacheRules {
  readonly #known = new Map<string, Addition[]>();

  for({ addresses }: NodeCache, family: Family): Addition[] {
    const own = addresses.filter((address) => parseAddress(address)?.family === family);
    if (own.length === 0) return [];
    const key = own.join();
    const rules = this.#known.get(key) ?? rulesOf(own, family);
    this.#known.set(key, rules);
    return rules;
  }
}
