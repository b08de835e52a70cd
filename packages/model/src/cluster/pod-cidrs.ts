/** The pod ranges of nodes: those they show, those their pods are in, or the next free ones of the pod network. */
import { formatPrefix, type IpPrefix, parseAddress } from '@podwire/engine';
import { canonicalCIDR, covering, familyNumber, familyOf, overlaps, parseCIDR, piece, width } from '../net/cidr.ts';
import type { IPFamily, Node } from '../objects/kube.ts';
import { isOver, podAddresses } from '../objects/pod-facts.ts';
import { refOf } from '../objects/refs.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import { cniProfile } from './detect/cni-profiles.ts';
import type { Report } from './report.ts';

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
    else found.set(name, [...podAddresses(pod)]);
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

export function assignPodCIDRs(
  nodes: Map<string, Placed<Node>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  collected: Collected,
  report: Report,
): void {
  const { ipam } = cniProfile(settings.cni.value);
  const isComplete = (n: Placed<Node>): boolean => nodePodCIDRs(n.object).length >= families.length;
  if ([...nodes.values()].every(isComplete)) return;
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
export function checkPodCIDRs(
  nodes: ReadonlyMap<string, Placed<Node>>,
  settings: ClusterSettings,
  report: Report,
): void {
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
