/** The cluster's nodes: those in the input, those that pods and slices name, or made ones; each with an address and pod CIDRs. */
import { formatAddress, formatPrefix, type IpPrefix, parseAddress } from '@podwire/engine';
import { suggest } from '../answer/suggest.ts';
import type { IPFamily, KubeObject, Node } from '../objects/kube.ts';
import { refOf } from '../objects/refs.ts';
import {
  canonical,
  canonicalCIDR,
  covering,
  familyNumber,
  familyOf,
  nth,
  overlaps,
  parseCIDR,
  piece,
  width,
} from './cidr.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import { type Collected, sortedByKey } from './collect.ts';
import { cniProfile } from './detect/cni-profiles.ts';
import type { ClusterOverrides } from './overrides.ts';
import { isOver, nodeIPs, podAddresses } from './pod-facts.ts';
import type { Report } from './report.ts';

const DEFAULT_NODES = 3;

/** Networks for made node addresses, the first that touches neither pods nor Services. The first ones are kind's. */
const NODE_NETWORKS: Record<IPFamily, readonly string[]> = {
  IPv4: ['172.18.0.0/16', '192.168.0.0/16', '10.10.0.0/16', '172.31.0.0/16'],
  IPv6: ['fc00:f853:ccd:e793::/64', 'fd00:10:10::/64'],
};

function madeNode(name: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    spec: {},
    status: {},
  };
}

/** Nodes that pods and endpoints stand on, by name, with the first object that says so and the host addresses seen. */
function namedByPods(
  collected: Collected,
): Map<string, { by: Placed<KubeObject>; path: (string | number)[]; hostIPs: string[] }> {
  const found = new Map<string, { by: Placed<KubeObject>; path: (string | number)[]; hostIPs: string[] }>();
  const note = (
    name: string,
    by: Placed<KubeObject>,
    path: (string | number)[],
    hostIPs: (string | undefined)[],
  ): void => {
    const entry = found.get(name) ?? { by, path, hostIPs: [] };
    found.set(name, entry);
    for (const ip of hostIPs) if (ip !== undefined && !entry.hostIPs.includes(ip)) entry.hostIPs.push(ip);
  };
  for (const placed of collected.pods.values()) {
    const { spec, status } = placed.object;
    if (spec.nodeName)
      note(spec.nodeName, placed, ['spec', 'nodeName'], [status?.hostIP, ...(status?.hostIPs ?? []).map((h) => h.ip)]);
  }
  for (const placed of collected.endpointSlices.values()) {
    for (const [i, endpoint] of placed.object.endpoints.entries()) {
      if (endpoint.nodeName) note(endpoint.nodeName, placed, ['endpoints', i, 'nodeName'], []);
    }
  }
  for (const placed of collected.workloads.values()) {
    const name = placed.object.spec.template?.spec?.nodeName;
    if (name) note(name, placed, ['spec', 'template', 'spec', 'nodeName'], []);
  }
  return found;
}

function madeBy({ object, origin }: Placed<KubeObject>): NonNullable<Placed<Node>['madeBy']> {
  const { name, namespace } = object.metadata;
  return { kind: object.kind, name, ...(namespace !== undefined && { namespace }), ...(origin && { origin }) };
}

function inferNodes(nodes: Map<string, Placed<Node>>, collected: Collected, report: Report): void {
  const given = nodes.size;
  for (const [name, { by, path, hostIPs }] of namedByPods(collected)) {
    if (nodes.has(name)) continue;
    if (given > 0) {
      const near = suggest(name, collected.nodes.keys(), (n) => n, 1)[0];
      report.problem(
        'warning',
        'unknown-reference',
        { ...by, path },
        `Node ${name} is not in the input, so one was made`,
        near === undefined ? 'Add the Node, or take the name out.' : `Did you mean ${near}?`,
      );
    }
    const node = madeNode(name);
    node.status = {
      addresses: hostIPs.flatMap((ip) => canonical(ip) ?? []).map((address) => ({ type: 'InternalIP', address })),
    };
    nodes.set(name, { object: node, madeBy: madeBy(by) });
    report.assume(
      'inferred-nodes',
      'Nodes that are not in the input but are named by Pods, EndpointSlices or workloads',
      'add Nodes: kubectl get nodes -o json',
    );
  }
}

/** Hands out node addresses: beside those that are known, else in a network of its own. */
class NodeAddresses {
  readonly #taken: Set<string>;
  readonly #network: IpPrefix;
  #next = 2;

  constructor(family: IPFamily, nodes: Iterable<Placed<Node>>, settings: ClusterSettings) {
    const known = [...nodes].flatMap(({ object }) => nodeIPs(object)[family] ?? []);
    this.#taken = new Set(known);
    const used = [...settings.podCIDRs.value, ...settings.serviceCIDRs.value].flatMap((c) => parseCIDR(c) ?? []);
    const beside = covering(
      known.flatMap((a) => parseAddress(a) ?? []),
      family === 'IPv4' ? 24 : 64,
    );
    const choices = NODE_NETWORKS[family].flatMap((c) => parseCIDR(c) ?? []);
    const free = choices.find((c) => !used.some((u) => overlaps(c, u)));
    this.#network = (beside ?? free ?? choices[0]) as IpPrefix;
  }

  take(): string | undefined {
    for (;;) {
      const address = nth(this.#network, this.#next++);
      if (!address) return undefined;
      const text = formatAddress(address);
      if (this.#taken.has(text)) continue;
      this.#taken.add(text);
      return text;
    }
  }
}

function addressNodes(
  nodes: Map<string, Placed<Node>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  report: Report,
): void {
  for (const family of families) {
    const pool = new NodeAddresses(family, nodes.values(), settings);
    for (const [name, placed] of nodes) {
      const node = placed.object;
      const written = node.status?.addresses ?? [];
      const readable = written.filter((a) => !a.type.endsWith('IP') || canonical(a.address) !== undefined);
      if (nodeIPs(node)[family]) continue;
      const address = pool.take();
      if (address === undefined) {
        report.problem(
          'error',
          'no-node-address',
          placed,
          `no ${family} address is left for this Node`,
          'Give its InternalIP.',
        );
        continue;
      }
      // A second family is an extra of the made address, not a redaction.
      const hidden = readable.length < written.length;
      report.assume(
        hidden ? 'redacted-node-addresses' : 'made-node-addresses',
        hidden
          ? 'Node addresses are redacted in the input: made ones stand for them'
          : 'Node addresses that the input does not have were made',
        'give the Nodes as they are: kubectl get nodes -o json',
      );
      const made: Node = {
        ...node,
        status: { ...node.status, addresses: [...readable, { type: 'InternalIP', address }] },
      };
      nodes.set(name, { ...placed, object: made });
    }
  }
}

/** The node's own CIDRs that can be read, one per family. */
export function nodePodCIDRs(node: Node): string[] {
  const texts = node.spec?.podCIDRs ?? (node.spec?.podCIDR === undefined ? [] : [node.spec.podCIDR]);
  return texts.flatMap((t) => canonicalCIDR(t) ?? []);
}

/** Pod addresses by node and family, of pods with a network of their own. */
function podsOnNodes(collected: Collected): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { object: pod } of collected.pods.values()) {
    const name = pod.spec.nodeName;
    if (!name || pod.spec.hostNetwork || isOver(pod)) continue;
    const list = found.get(name);
    if (list) list.push(...podAddresses(pod));
    else found.set(name, podAddresses(pod));
  }
  return found;
}

/** A range that fits the pods seen on a node: a /24 or /64 that holds them all. */
function rangeOfPods(addresses: readonly string[], family: IPFamily): IpPrefix | undefined {
  const parsed = addresses.filter((a) => familyOf(a) === family).flatMap((a) => parseAddress(a) ?? []);
  const bits = family === 'IPv4' ? 24 : 64;
  const range = covering(parsed, bits);
  return range && range.length === bits ? range : undefined;
}

/** Node mask as the controller manager has it (24 and 64), longer where the pod network is too small for it. */
function maskFor(network: IpPrefix, count: number): number {
  const usual = network.family === 4 ? 24 : 64;
  const needed = network.length + Math.ceil(Math.log2(Math.max(1, count)));
  return Math.min(width(network.family) - 2, Math.max(usual, needed));
}

function assignPodCIDRs(
  nodes: Map<string, Placed<Node>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  collected: Collected,
  report: Report,
): void {
  const { ipam } = cniProfile(settings.cni.value);
  const seen = podsOnNodes(collected);
  for (const family of families) {
    const network = settings.podCIDRs.value
      .flatMap((c) => parseCIDR(c) ?? [])
      .find((p) => p.family === familyNumber(family));
    const used: IpPrefix[] = [...nodes.values()].flatMap((n) =>
      nodePodCIDRs(n.object).flatMap((c) => parseCIDR(c) ?? []),
    );
    const isFree = (range: IpPrefix): boolean => !used.some((u) => overlaps(u, range));
    const set = (name: string, placed: Placed<Node>, range: IpPrefix): void => {
      used.push(range);
      const podCIDRs = [...nodePodCIDRs(placed.object), formatPrefix(range)];
      nodes.set(name, {
        ...placed,
        object: { ...placed.object, spec: { ...placed.object.spec, podCIDR: podCIDRs[0] as string, podCIDRs } },
      });
    };
    const without = (): [string, Placed<Node>][] =>
      [...nodes].filter(([, n]) => !nodePodCIDRs(n.object).some((c) => familyOf(c) === family));
    for (const [name, placed] of without()) {
      const range = rangeOfPods(seen.get(name) ?? [], family);
      // Two nodes whose pods share a range have no range of their own.
      if (!range || !isFree(range)) continue;
      set(name, placed, range);
      report.assume(
        'inferred-pod-cidrs',
        'Nodes without podCIDRs were given the range that their Pods are in',
        'add Nodes with spec.podCIDRs: kubectl get nodes -o json',
      );
    }
    const rest = without();
    if (!network || rest.length === 0) continue;
    // Pods with addresses of the plugin's own choice need no range, and a made one would be wrong.
    if (ipam === 'own' && [...seen.values()].some((list) => list.length > 0)) continue;
    const length = maskFor(network, nodes.size);
    let index = 0;
    for (const [name, placed] of rest) {
      let range = piece(network, length, index++);
      while (range && !isFree(range)) range = piece(network, length, index++);
      if (!range) {
        report.problem(
          'error',
          'pod-network-full',
          placed,
          `the pod network ${formatPrefix(network)} has no /${length} left for this Node`,
          'Give a larger network with --pod-cidr, or fewer nodes.',
        );
        break;
      }
      set(name, placed, range);
      report.assume(
        'made-pod-cidrs',
        'Nodes without podCIDRs were given one out of the pod network',
        'add Nodes with spec.podCIDRs, or say the pod network with --pod-cidr',
      );
    }
  }
}

/** podCIDRs that two nodes both have, or that lie outside a pod network that the input states. */
function checkPodCIDRs(nodes: ReadonlyMap<string, Placed<Node>>, settings: ClusterSettings, report: Report): void {
  const all = [...nodes.values()].flatMap((placed) =>
    nodePodCIDRs(placed.object).flatMap((text, i) => ({ placed, text, i, prefix: parseCIDR(text) as IpPrefix })),
  );
  const sorted = [...all].sort((a, b) => a.prefix.family - b.prefix.family || compareWords(a.prefix, b.prefix));
  for (let i = 1; i < sorted.length; i++) {
    const [a, b] = [sorted[i - 1], sorted[i]] as [(typeof all)[0], (typeof all)[0]];
    if (a.prefix.family !== b.prefix.family || !overlaps(a.prefix, b.prefix)) continue;
    report.problem(
      'error',
      'pod-cidr-clash',
      { ...b.placed, path: ['spec', 'podCIDRs', b.i] },
      `podCIDR ${b.text} overlaps ${a.text} of ${refOf(a.placed.object)}`,
      'Give each Node a range of its own.',
    );
  }
  if (settings.podCIDRs.how === 'assumed') return;
  const networks = settings.podCIDRs.value.flatMap((c) => parseCIDR(c) ?? []);
  for (const { placed, text, i, prefix } of all) {
    if (
      !networks.some((n) => n.family === prefix.family) ||
      networks.some((n) => n.length <= prefix.length && overlaps(n, prefix))
    )
      continue;
    report.problem(
      'warning',
      'pod-cidr-outside',
      { ...placed, path: ['spec', 'podCIDRs', i] },
      `podCIDR ${text} lies outside the pod network ${settings.podCIDRs.value.join(', ')} (${settings.podCIDRs.why})`,
      'Correct one of the two: traffic of this node counts as from outside the cluster.',
    );
  }
}

function compareWords(a: IpPrefix, b: IpPrefix): number {
  for (let i = 0; i < 4; i++) {
    const d = (a.words[i] as number) - (b.words[i] as number);
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

export function buildNodes(
  collected: Collected,
  settings: ClusterSettings,
  families: readonly IPFamily[],
  overrides: ClusterOverrides,
  report: Report,
): Map<string, Placed<Node>> {
  const nodes = new Map(collected.nodes);
  inferNodes(nodes, collected, report);
  const wanted = overrides.nodes ?? (nodes.size === 0 ? DEFAULT_NODES : 0);
  for (let i = 1; nodes.size < wanted; i++) {
    const name = `node-${i}`;
    if (nodes.has(name)) continue;
    nodes.set(name, { object: madeNode(name) });
    report.assume(
      'made-nodes',
      'Nodes were made: workers with room for everything',
      'add Nodes: kubectl get nodes -o json, or say how many with --nodes',
    );
  }
  const sorted = sortedByKey(nodes);
  addressNodes(sorted, families, settings, report);
  assignPodCIDRs(sorted, families, settings, collected, report);
  checkPodCIDRs(sorted, settings, report);
  return sorted;
}
