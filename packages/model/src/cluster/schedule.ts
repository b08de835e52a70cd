/**
 * Puts pods on nodes as kube-scheduler might: every rule of `node-fit.ts` holds, and among the nodes left the one with the fewest pods of
 * the same workload, then the fewest pods, then the first name. The real scheduler weighs more; where it may choose, so may we.
 */

import { uniqueName } from '../objects/drawn-names.ts';
import type { Namespace, Node, Pod } from '../objects/kube.ts';
import { isOver } from '../objects/pod-facts.ts';
import type { Placed } from './cluster.ts';
import { compareText, keyOf, sortedByKey } from './collect.ts';
import {
  allocatableOf,
  hasPodTerms,
  hostPortClash,
  hostPortsOf,
  isChoosy,
  type PlacedPod,
  podTermsAllow,
  requestsOf,
  untolerated,
  wantsNode,
} from './node-fit.ts';
import type { At, Report } from './report.ts';
import type { PodPlan } from './workloads.ts';

/** A node with what is on it. */
interface Room {
  placed: Placed<Node>;
  pods: number;
  perOwner: Map<string, number>;
  used: Map<string, number>;
  allocatable: Map<string, number>;
  hostPorts: string[];
}

function ownerOf({ object, madeBy }: Placed<Pod>): string {
  const owner = madeBy ?? object.metadata.ownerReferences?.find((o) => o.controller);
  return `${object.metadata.namespace}/${owner ? `${owner.kind}/${owner.name}` : `Pod/${object.metadata.name}`}`;
}

class Scheduler {
  readonly #rooms: Map<string, Room>;
  readonly #namespaces: ReadonlyMap<string, Placed<Namespace>>;
  readonly #report: Report;
  /** Nodes of whose labels nobody knows anything, because podwire made them. */
  readonly #areMade: boolean;
  readonly #placedPods: PlacedPod[] = [];
  #anyTerms = false;

  constructor(
    nodes: ReadonlyMap<string, Placed<Node>>,
    namespaces: ReadonlyMap<string, Placed<Namespace>>,
    report: Report,
  ) {
    this.#rooms = new Map(
      [...nodes].map(([name, placed]) => [
        name,
        {
          placed,
          pods: 0,
          perOwner: new Map(),
          used: new Map(),
          allocatable: allocatableOf(placed.object),
          hostPorts: [],
        },
      ]),
    );
    this.#namespaces = namespaces;
    this.#report = report;
    this.#areMade = [...nodes.values()].every((n) => !n.origin);
  }

  /** Counts a pod that already has a node. */
  occupy(placed: Placed<Pod>, name: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    const pod = placed.object;
    const owner = ownerOf(placed);
    room.pods++;
    room.perOwner.set(owner, (room.perOwner.get(owner) ?? 0) + 1);
    for (const [resource, value] of requestsOf(pod.spec))
      room.used.set(resource, (room.used.get(resource) ?? 0) + value);
    room.hostPorts.push(...hostPortsOf(pod));
    this.#anyTerms ||= hasPodTerms(pod.spec);
    this.#placedPods.push({ pod, node: room.placed.object });
  }

  /** Nodes that a daemon's pod runs on: its controller ignores room, affinity between pods and cordons. */
  daemonNodes(pod: Pod): string[] {
    return [...this.#rooms]
      .filter(([, room]) => this.#wants(pod, room) && untolerated(pod.spec, room.placed.object).length === 0)
      .map(([name]) => name);
  }

  /** The emptiest node, for a pod that certainly runs somewhere. */
  anyNode(): string | undefined {
    let best: Room | undefined;
    for (const room of this.#rooms.values()) if (!best || room.pods < best.pods) best = room;
    return best?.placed.object.metadata.name;
  }

  /** The best node, or why there is none. */
  choose(placed: Placed<Pod>): { node: string } | { why: string } {
    const pod = placed.object;
    const owner = ownerOf(placed);
    const ports = hostPortsOf(pod);
    const requests = requestsOf(pod.spec);
    const terms = this.#anyTerms || hasPodTerms(pod.spec);
    const reasons = new Map<string, number>();
    let best: Room | undefined;
    let bestMine = 0;
    for (const room of this.#rooms.values()) {
      const mine = room.perOwner.get(owner) ?? 0;
      const isBetter = !best || mine < bestMine || (mine === bestMine && room.pods < best.pods);
      if (!isBetter) continue;
      const why = this.#obstacle(pod, room, ports, requests, terms);
      if (why === undefined) {
        best = room;
        bestMine = mine;
      } else reasons.set(why, (reasons.get(why) ?? 0) + 1);
    }
    if (best) return { node: best.placed.object.metadata.name };
    return {
      why:
        [...reasons]
          .sort(([a], [b]) => compareText(a, b))
          .map(([why, n]) => `${n} ${why}`)
          .join(', ') || 'there is no node',
    };
  }

  #wants(pod: Pod, room: Room): boolean {
    if (wantsNode(pod.spec, room.placed.object)) return true;
    return this.#areMade && isChoosy(pod.spec);
  }

  /** What keeps a pod off a node that it wants. */
  crowded(pod: Pod, name: string): string | undefined {
    const room = this.#rooms.get(name);
    return room && this.#lack(room, hostPortsOf(pod), requestsOf(pod.spec));
  }

  #obstacle(
    pod: Pod,
    room: Room,
    ports: readonly string[],
    requests: ReadonlyMap<string, number>,
    terms: boolean,
  ): string | undefined {
    const node = room.placed.object;
    if (!this.#wants(pod, room)) return 'lack the labels it wants';
    const taints = untolerated(pod.spec, node);
    if (taints.length > 0) return `have the taint ${taints[0]}`;
    const lack = this.#lack(room, ports, requests);
    if (lack !== undefined) return lack;
    if (terms && !podTermsAllow(pod, node, this.#placedPods, this.#namespaces)) return 'are ruled out by pod affinity';
    return undefined;
  }

  #lack(room: Room, ports: readonly string[], requests: ReadonlyMap<string, number>): string | undefined {
    for (const [resource, value] of requests) {
      const total = room.allocatable.get(resource);
      if (total !== undefined && (room.used.get(resource) ?? 0) + value > total) return `lack ${resource}`;
    }
    const room4pods = room.allocatable.get('pods');
    if (room4pods !== undefined && room.pods >= room4pods) return 'are full';
    const clash = hostPortClash(ports, room.hostPorts);
    if (clash !== undefined) return `have host port ${clash.split(' ')[2]} in use`;
    return undefined;
  }

  /** Says once that labels which made nodes lack were taken as present. */
  noteMadeLabels(pod: Pod, count: number): void {
    if (!this.#areMade || !isChoosy(pod.spec)) return;
    if ([...this.#rooms.values()].some((room) => wantsNode(pod.spec, room.placed.object))) return;
    this.#report.assume(
      'assumed-node-labels',
      'Pods ask for node labels that made nodes do not have: every made node is taken to have them',
      'add Nodes: kubectl get nodes -o json',
      count,
    );
  }
}

/** A pod on its node: with the zone and region labels that binding copies from the node (KEP-4742). */
function onNode(placed: Placed<Pod>, node: Node): Placed<Pod> {
  const { object } = placed;
  const labels: Record<string, string> = {};
  for (const key of ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region']) {
    const value = node.metadata.labels?.[key];
    if (value !== undefined) labels[key] = value;
  }
  const metadata =
    Object.keys(labels).length === 0
      ? object.metadata
      : { ...object.metadata, labels: { ...object.metadata.labels, ...labels } };
  return { ...placed, object: { ...object, metadata, spec: { ...object.spec, nodeName: node.metadata.name } } };
}

/** A live pod that is Pending waits for the real scheduler: it is not placed. Everything else without a node is. */
function needsNode(pod: Pod): boolean {
  return !pod.spec.nodeName && !isOver(pod) && pod.status?.phase !== 'Pending';
}

/** Where pods go, and the problems of those that go nowhere. */
class Placement {
  readonly pods = new Map<string, Placed<Pod>>();
  readonly #scheduler: Scheduler;
  readonly #nodes: ReadonlyMap<string, Placed<Node>>;
  readonly #report: Report;

  constructor(scheduler: Scheduler, nodes: ReadonlyMap<string, Placed<Node>>, report: Report) {
    this.#scheduler = scheduler;
    this.#nodes = nodes;
    this.#report = report;
  }

  keep(placed: Placed<Pod>): void {
    this.pods.set(keyOf(placed.object), placed);
  }

  #bind(placed: Placed<Pod>, name: string): void {
    const bound = onNode(placed, (this.#nodes.get(name) as Placed<Node>).object);
    this.keep(bound);
    this.#scheduler.occupy(bound, name);
  }

  #pending(placed: Placed<Pod>, why: string): void {
    this.#report.problem(
      'warning',
      'unschedulable',
      placeOf(placed),
      `Pod ${keyOf(placed.object)} fits on none of ${this.#nodes.size} nodes: ${why}`,
      'Make more nodes with --nodes, or loosen what the Pod asks for.',
    );
    this.keep({ ...placed, object: { ...placed.object, status: { phase: 'Pending' } } });
  }

  /** One pod for each node that the DaemonSet wants; its controller names the node, but the scheduler still looks for room. */
  daemon(placed: Placed<Pod>): void {
    const names = this.#scheduler.daemonNodes(placed.object);
    this.#scheduler.noteMadeLabels(placed.object, names.length);
    const { name, namespace } = placed.object.metadata;
    for (const node of names) {
      const podName = uniqueName(name, `${namespace}/${name}/${node}`, 5, (n) => this.pods.has(`${namespace}/${n}`));
      const pod = { ...placed, object: { ...placed.object, metadata: { ...placed.object.metadata, name: podName } } };
      const why = this.#scheduler.crowded(pod.object, node);
      if (why === undefined) this.#bind(pod, node);
      else this.#pending(pod, `it belongs on ${node}, and nodes like it ${why}`);
    }
    if (names.length === 0 && this.#nodes.size > 0) {
      this.#report.problem('info', 'no-node-fits', placeOf(placed), 'no node fits this DaemonSet, so it has no Pods');
    }
  }

  one(placed: Placed<Pod>): void {
    const fixed = placed.object.spec.nodeName;
    if (fixed && this.#nodes.has(fixed)) {
      this.#bind(placed, fixed);
      return;
    }
    let choice = this.#scheduler.choose(placed);
    // A pod that a controller has made was read from a cluster, where it found a node that the input does not show.
    const somewhere = placed.origin && placed.object.metadata.ownerReferences ? this.#scheduler.anyNode() : undefined;
    if ('why' in choice && somewhere !== undefined) choice = { node: somewhere };
    if ('why' in choice) {
      this.#pending(placed, choice.why);
      return;
    }
    this.#scheduler.noteMadeLabels(placed.object, 1);
    this.#bind(placed, choice.node);
    this.#report.assume(
      'scheduled',
      'Pods without a node were spread over the nodes that may take them',
      'give the Pods as they run: kubectl get pods -A -o json',
    );
  }
}

function placeOf(placed: Placed<Pod>): At {
  const origin = placed.origin ?? placed.madeBy?.origin;
  return { object: placed.object, ...(origin && { origin }) };
}

/**
 * All pods, those given and those planned, on their nodes, by key. A pod that fits nowhere stays without a node and has a problem.
 */
export function schedule(
  given: ReadonlyMap<string, Placed<Pod>>,
  plans: readonly PodPlan[],
  nodes: ReadonlyMap<string, Placed<Node>>,
  namespaces: ReadonlyMap<string, Placed<Namespace>>,
  report: Report,
): Map<string, Placed<Pod>> {
  const scheduler = new Scheduler(nodes, namespaces, report);
  const placement = new Placement(scheduler, nodes, report);
  const waiting: Placed<Pod>[] = [];
  const running: Placed<Pod>[] = [];
  for (const placed of given.values()) {
    const { nodeName } = placed.object.spec;
    if (needsNode(placed.object)) waiting.push(placed);
    else placement.keep(placed);
    if (nodeName && !isOver(placed.object)) running.push(placed);
  }
  // In a whole snapshot there is nobody to find room for.
  if (waiting.length + plans.length > 0)
    for (const placed of running) scheduler.occupy(placed, placed.object.spec.nodeName as string);
  for (const { placed, daemon } of plans) {
    if (daemon) placement.daemon(placed);
    else waiting.push(placed);
  }
  for (const placed of waiting) placement.one(placed);
  return sortedByKey(placement.pods);
}
