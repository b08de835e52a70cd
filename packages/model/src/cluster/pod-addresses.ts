/** Gives every running pod its addresses: those it shows, its node's, or the next free ones of its node's range (host-local IPAM). */
import { containsAddress, formatAddress, type IpAddress, type IpPrefix, parseAddress } from '@podwire/engine';
import { familyName, familyOf, nth, parseCIDR } from '../net/cidr.ts';
import type { IPFamily, Node, Pod } from '../objects/kube.ts';
import { isOver, nodeIPs, podAddresses, podIPTexts } from '../objects/pod-facts.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import { cniProfile } from './detect/cni-profiles.ts';
import { nodePodCIDRs } from './pod-cidrs.ts';
import type { Report } from './report.ts';

/** A range of one node (or, where a node has none, the whole pod network), handed out from its third address on: the second is the gateway's. */
class Pool {
  readonly #taken: ReadonlySet<string>;
  readonly #range: IpPrefix;
  #next = 2;

  constructor(range: IpPrefix, taken: ReadonlySet<string>) {
    this.#range = range;
    this.#taken = taken;
  }

  take(): string | undefined {
    for (;;) {
      const address = nth(this.#range, this.#next++);
      if (!address) return undefined;
      const text = formatAddress(address);
      if (!this.#taken.has(text)) return text;
    }
  }
}

class Pools {
  readonly #pools = new Map<string, Pool>();
  readonly #nodes: ReadonlyMap<string, Placed<Node>>;
  readonly #networks: readonly IpPrefix[];
  /** Addresses that the input's pods have. */
  readonly #taken: ReadonlySet<string>;

  constructor(nodes: ReadonlyMap<string, Placed<Node>>, settings: ClusterSettings, taken: ReadonlySet<string>) {
    this.#nodes = nodes;
    this.#networks = settings.podCIDRs.value.flatMap((c) => parseCIDR(c) ?? []);
    this.#taken = taken;
  }

  take(node: string, family: IPFamily): string | undefined {
    const own = nodePodCIDRs((this.#nodes.get(node) as Placed<Node>).object).find((c) => familyOf(c) === family);
    const key = own === undefined ? family : `${node} ${family}`;
    let pool = this.#pools.get(key);
    if (!pool) {
      const range = own === undefined ? this.#networks.find((n) => familyName(n.family) === family) : parseCIDR(own);
      if (!range) return undefined;
      pool = new Pool(range, this.#taken);
      this.#pools.set(key, pool);
    }
    return pool.take();
  }
}

/** Pods that show an address but no node stand on the node whose range or address it is. */
export function locatePods(
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
): Map<string, Placed<Pod>> {
  const nodeOfIP = new Map<string, string>();
  const ranges: { range: IpPrefix; node: string }[] = [];
  for (const [name, { object }] of nodes) {
    for (const ip of Object.values(nodeIPs(object))) nodeOfIP.set(ip, name);
    for (const cidr of nodePodCIDRs(object)) ranges.push({ range: parseCIDR(cidr) as IpPrefix, node: name });
  }
  const found = new Map(pods);
  for (const [key, placed] of pods) {
    const { spec, status } = placed.object;
    if (spec.nodeName || isOver(placed.object)) continue;
    const addresses = podAddresses(placed.object);
    const byHost = nodeOfIP.get(status?.hostIP ?? '');
    const first = addresses[0] === undefined ? undefined : parseAddress(addresses[0]);
    const byRange = first && ranges.find((r) => containsAddress(r.range, first))?.node;
    const nodeName = byHost ?? byRange;
    if (nodeName !== undefined)
      found.set(key, { ...placed, object: { ...placed.object, spec: { ...spec, nodeName } } });
  }
  return found;
}

/** What a pod's Ready condition would be once all its containers run. */
function readyCondition(pod: Pod): { type: string; status: string; reason?: string } {
  const waits = (pod.spec.readinessGates ?? []).find(
    (gate) => !pod.status?.conditions?.some((c) => c.type === gate.conditionType && c.status === 'True'),
  );
  return waits
    ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady' }
    : { type: 'Ready', status: 'True' };
}

function complete(placed: Placed<Pod>, node: Node, addresses: readonly string[], report: Report): Placed<Pod> {
  const pod = placed.object;
  const status = { ...pod.status, phase: pod.status?.phase ?? 'Running' };
  const hostIPs = Object.values(nodeIPs(node));
  if (hostIPs[0] !== undefined) Object.assign(status, { hostIP: hostIPs[0], hostIPs: hostIPs.map((ip) => ({ ip })) });
  if (addresses[0] !== undefined)
    Object.assign(status, { podIP: addresses[0], podIPs: addresses.map((ip) => ({ ip })) });
  if (!status.conditions) {
    const ready = readyCondition(pod);
    status.conditions = [ready];
    if (ready.status === 'True')
      report.assume(
        'assumed-ready',
        'Pods of which the input does not say whether they are ready are taken as ready',
        'give the Pods as they run: kubectl get pods -A -o json',
      );
    else
      report.assume(
        'unmet-readiness-gates',
        'Pods with readiness gates that nothing in the input sets are taken as not ready',
        'give the Pods as they run: kubectl get pods -A -o json',
      );
  }
  return { ...placed, object: { ...pod, status } };
}

/** Live and Pending: the real cluster has not given it a network yet. Without a phase it was written by hand. */
function waitsForNetwork(pod: Pod): boolean {
  return pod.status?.phase === 'Pending' && podIPTexts(pod).length === 0;
}

export function addressPods(
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
  families: readonly IPFamily[],
  settings: ClusterSettings,
  report: Report,
): Map<string, Placed<Pod>> {
  const taken = new Set<string>();
  for (const { object } of pods.values())
    if (!object.spec.hostNetwork && !isOver(object)) for (const a of podAddresses(object)) taken.add(a);
  const pools = new Pools(nodes, settings, taken);
  const result = new Map<string, Placed<Pod>>();
  for (const [key, placed] of pods) {
    const pod = placed.object;
    const node = nodes.get(pod.spec.nodeName ?? '')?.object;
    if (!node || isOver(pod) || waitsForNetwork(pod)) {
      result.set(key, placed);
      continue;
    }
    let addresses = podAddresses(pod);
    const shown = podIPTexts(pod).length;
    if (addresses.length === 0 && pod.spec.hostNetwork) {
      const ips = nodeIPs(node);
      addresses = families.flatMap((f) => ips[f] ?? []);
    } else if (addresses.length === 0) {
      addresses = families.flatMap((f) => pools.take(pod.spec.nodeName as string, f) ?? []);
      if (addresses.length === 0) {
        report.problem(
          'error',
          'pod-range-full',
          at(placed),
          `no address is left for Pod ${key} in ${nodePodCIDRs(node).join(', ') || 'the pod network'}`,
          'Give a larger pod network with --pod-cidr, or more nodes with --nodes.',
        );
      } else if (shown > 0) {
        report.assume(
          'redacted-pod-addresses',
          'Pod addresses are redacted in the input: made ones stand for them',
          'give the Pods as they are: kubectl get pods -A -o json',
        );
      } else {
        report.assume(
          'made-pod-addresses',
          'Pods without an address were given the next free one of their node',
          'give the Pods as they run: kubectl get pods -A -o json',
        );
      }
    } else if (addresses.length < shown) {
      report.problem(
        'warning',
        'bad-address',
        { ...at(placed), path: ['status', 'podIPs'] },
        `Pod ${key} shows an address that is none`,
        'Correct it; the others count.',
      );
    }
    const same =
      addresses.length === podAddresses(pod).length &&
      pod.status?.conditions &&
      pod.status.podIPs?.length === addresses.length &&
      pod.status.hostIP;
    result.set(key, same ? placed : complete(placed, node, addresses, report));
  }
  checkPodAddresses(result, nodes, settings, report);
  return result;
}

function at(placed: Placed<Pod>): { object: Pod; origin?: NonNullable<Placed<Pod>['origin']> } {
  const origin = placed.origin ?? placed.madeBy?.origin;
  return { object: placed.object, ...(origin && { origin }) };
}

/** Two holders of one address, and pods whose address no node's range has. */
function checkPodAddresses(
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
  settings: ClusterSettings,
  report: Report,
): void {
  const holders = new Map<string, string>();
  for (const [name, { object }] of nodes) {
    for (const ip of Object.values(nodeIPs(object))) {
      const other = holders.get(ip);
      if (other !== undefined)
        report.problem(
          'error',
          'ip-clash',
          nodes.get(name) ?? {},
          `${ip} is the address of Node ${name} and of ${other}`,
          'Correct one of the two addresses.',
        );
      else holders.set(ip, `Node ${name}`);
    }
  }
  const ranges = [...nodes].map(([name, { object }]) => ({
    name,
    prefixes: nodePodCIDRs(object).map((c) => parseCIDR(c) as IpPrefix),
  }));
  const own = new Map(ranges.map((r) => [r.name, r.prefixes]));
  const freely = cniProfile(settings.cni.value).ipam === 'own';
  for (const [key, placed] of pods) {
    const pod = placed.object;
    if (pod.spec.hostNetwork || isOver(pod)) continue;
    for (const text of podAddresses(pod)) {
      const other = holders.get(text);
      if (other !== undefined) {
        report.problem(
          'error',
          'ip-clash',
          { ...at(placed), path: ['status', 'podIP'] },
          `${text} is the address of Pod ${key} and of ${other}`,
          other.startsWith('Node')
            ? "If the Pod uses its node's network, set hostNetwork."
            : 'One of the two is out of date: take a new snapshot.',
        );
      } else holders.set(text, `Pod ${key}`);
      const address = parseAddress(text) as IpAddress;
      const mine = own.get(pod.spec.nodeName ?? '') ?? [];
      if (mine.some((p) => containsAddress(p, address)) || !mine.some((p) => p.family === address.family)) continue;
      const elsewhere = ranges.find((r) => r.prefixes.some((p) => containsAddress(p, address)))?.name;
      if (freely)
        report.assume(
          'own-ipam',
          `Pods whose address lies outside their node's podCIDRs are reached by a route of their own, as ${settings.cni.value} has them`,
        );
      else {
        report.problem(
          'warning',
          'pod-outside-cidr',
          { ...at(placed), path: ['status', 'podIP'] },
          `${text} lies outside the podCIDRs of its node ${pod.spec.nodeName} (${nodePodCIDRs((nodes.get(pod.spec.nodeName as string) as Placed<Node>).object).join(', ')})${elsewhere === undefined ? '' : `, in those of ${elsewhere}`}`,
          'Correct the address, the node or the podCIDRs; a route of its own is assumed.',
        );
      }
    }
  }
}
