/**
 * The cluster after something happened to it, once its controllers have nothing left to do: pods that workloads make in the place of others,
 * their nodes and addresses, and the EndpointSlices of every Service that they concern. Objects that nothing touched keep their identity.
 */
import { byDeletion } from '../controllers/scale-down.ts';
import { uniqueName } from '../objects/drawn-names.ts';
import type { IPFamily, Pod, Service, Workload } from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';
import { isOver, podAddresses } from '../objects/pod-facts.ts';
import { changedSlices } from './change-slices.ts';
import type { Cluster, Placed } from './cluster.ts';
import { sortedByKey } from './collect.ts';
import { addressPods } from './pod-addresses.ts';
import { Report } from './report.ts';
import { schedule } from './schedule.ts';
import { podsOfWorkload } from './workloads.ts';

/** Pods and Services by `namespace/name`, workloads by `Kind namespace/name`. */
export type ObjectChange =
  | { kind: 'delete-pod'; pod: string }
  | { kind: 'delete-service'; service: string }
  | { kind: 'delete-workload'; workload: string; pods: readonly string[] }
  /** Marked for deletion; its processes still run. */
  | { kind: 'terminate-pod'; pod: string }
  /** `pods`: those that the workload has. */
  | { kind: 'scale'; workload: string; pods: readonly string[]; replicas: number }
  | { kind: 'ready'; pod: string; ready: boolean }
  /** Its containers start anew in the network namespace that they had. */
  | { kind: 'restart-pod'; pod: string };

export interface Changed {
  /** One after the other, each as kube-proxy gets to see it; the last is what stays. */
  clusters: Cluster[];
  /** Sentences: what the change brought about. */
  effects: string[];
  /** What had to be decided that the input does not say. */
  assumed: string[];
  /** Keys of the pods whose processes are gone, those included that run anew. */
  ended: string[];
}

type Pods = ReadonlyMap<string, Placed<Pod>>;

const keyOf = ({ metadata }: Pod): string => `${metadata.namespace ?? 'default'}/${metadata.name}`;

function nameTaken(pods: Pods, namespace: string): (name: string) => boolean {
  return (name) => pods.has(`${namespace}/${name}`);
}

/** A pod like one that is gone, as its controller makes it; undefined for a pod without a controller. */
function replacement(gone: Placed<Pod>, pods: Pods): Placed<Pod> | undefined {
  const { object } = gone;
  const { metadata, spec } = object;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  if (!owner || isOver(object)) return undefined;
  const namespace = metadata.namespace ?? 'default';
  const keepsName = owner.kind === 'StatefulSet';
  const name = keepsName
    ? metadata.name
    : uniqueName(owner.name, `${namespace}/${owner.kind}/${metadata.name}`, 5, nameTaken(pods, namespace));
  const { labels, annotations, ownerReferences } = metadata;
  const { nodeName, ...free } = spec;
  return {
    object: {
      apiVersion: object.apiVersion,
      kind: object.kind,
      metadata: {
        name,
        namespace,
        ...(labels && { labels }),
        ...(annotations && { annotations }),
        ...(ownerReferences && { ownerReferences }),
      },
      spec: owner.kind === 'DaemonSet' ? { ...free, ...(nodeName !== undefined && { nodeName }) } : free,
    },
    madeBy: gone.madeBy ?? { kind: owner.kind, namespace, name: owner.name },
  };
}

/** On their nodes, with addresses that nobody has and `gone` had not: ranges are handed out in a circle. */
function settle(cluster: Cluster, pods: Pods, fresh: readonly Placed<Pod>[], gone: readonly Placed<Pod>[]): Pods {
  if (fresh.length === 0) return sortedByKey(new Map(pods));
  const report = new Report((origin) => origin.line);
  const plans = fresh.map((placed) => ({ placed }));
  const { nodes, namespaces, settings } = cluster;
  const families = settings.podCIDRs.value.map((cidr): IPFamily => (cidr.includes(':') ? 'IPv6' : 'IPv4'));
  const placed = new Map(schedule(pods, plans, nodes, namespaces, report));
  const held = gone.map((pod): [string, Placed<Pod>] => [`${keyOf(pod.object)} gone`, pod]);
  for (const [key, pod] of held) placed.set(key, pod);
  const addressed = new Map(addressPods(placed, nodes, [...new Set(families)], settings, report));
  for (const [key] of held) addressed.delete(key);
  return sortedByKey(addressed);
}

function placeText({ object }: Placed<Pod>): string {
  const where = object.spec.nodeName === undefined ? 'on no node' : `on ${object.spec.nodeName}`;
  const [address] = podAddresses(object);
  return `pod/${keyOf(object)} ${where}${address === undefined ? '' : `, ${address}`}`;
}

class Changing {
  readonly #cluster: Cluster;
  readonly effects: string[] = [];
  readonly assumed: string[] = [];
  readonly ended: string[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  #pod(key: string): Placed<Pod> {
    const pod = this.#cluster.pods.get(key);
    if (!pod) throw new RangeError(`the cluster has no pod ${key}`);
    return pod;
  }

  /** The cluster with other pods, and the slices that follow from them. */
  #with(cluster: Cluster, pods: Pods, touched: readonly Pod[]): Cluster {
    const selects = ({ metadata, spec }: Service): boolean =>
      Object.keys(spec.selector ?? {}).length > 0 &&
      touched.some(
        (pod) =>
          (pod.metadata.namespace ?? 'default') === (metadata.namespace ?? 'default') &&
          matchesPairs(spec.selector ?? {}, pod.metadata.labels ?? {}),
      );
    const next = { ...cluster, pods: new Map(pods) };
    const services = [...cluster.services.values()].filter(({ object }) => selects(object));
    const { endpointSlices, effects } = changedSlices(next, services);
    this.effects.push(...effects);
    return { ...next, endpointSlices };
  }

  /** Pods go, and others come. */
  #exchange(gone: readonly Placed<Pod>[], come: (left: Pods) => Placed<Pod>[]): Cluster {
    const left = new Map(this.#cluster.pods);
    for (const { object } of gone) left.delete(keyOf(object));
    const fresh = come(left);
    const pods = settle(this.#cluster, left, fresh, gone);
    const settled = fresh.flatMap(({ object }) => pods.get(keyOf(object)) ?? []);
    for (const { object } of gone) {
      this.ended.push(keyOf(object));
      this.effects.push(`pod/${keyOf(object)} is gone, and its address with it`);
    }
    for (const pod of settled) {
      this.effects.push(`its controller makes ${placeText(pod)}`);
      this.assumed.push(
        `The new pod/${keyOf(pod.object)} is taken to be scheduled as podwire does it, and to become ready`,
      );
    }
    return this.#with(
      this.#cluster,
      pods,
      [...gone, ...settled].map(({ object }) => object),
    );
  }

  deletePods(keys: readonly string[], isReplaced: boolean): Cluster {
    const gone = keys.map((key) => this.#pod(key));
    return this.#exchange(gone, (left) => (isReplaced ? gone.flatMap((one) => replacement(one, left) ?? []) : []));
  }

  deleteService(key: string): Cluster {
    const services = new Map(this.#cluster.services);
    const endpointSlices = new Map(this.#cluster.endpointSlices);
    services.delete(key);
    endpointSlices.delete(key);
    this.effects.push(`svc/${key} is gone, its EndpointSlices and kube-proxy's rules for it with it`);
    return { ...this.#cluster, services, endpointSlices };
  }

  edit(key: string, cluster: Cluster, change: (pod: Pod) => Pod): Cluster {
    const placed = this.#pod(key);
    const object = change(placed.object);
    const pods = new Map(cluster.pods);
    pods.set(key, { ...placed, object });
    return this.#with(cluster, pods, [placed.object, object]);
  }

  scale(workloadKey: string, keys: readonly string[], replicas: number): Cluster {
    const workload = this.#cluster.workloads.get(workloadKey) as Placed<Workload>;
    const mine = keys.map((key) => this.#pod(key)).filter(({ object }) => !isOver(object));
    if (replicas < mine.length) {
      const { order, isTied } = byDeletion(
        mine.map(({ object }) => object),
        workload.object.kind,
        mine.length - replicas,
      );
      const gone = order.slice(0, mine.length - replicas).map((pod) => this.#pod(keyOf(pod)));
      if (isTied)
        this.assumed.push(
          `Which pods a smaller workload loses the input does not decide: ${gone.map(({ object }) => `pod/${keyOf(object)}`).join(', ')}`,
        );
      return this.#exchange(gone, () => []);
    }
    const { namespace = 'default' } = workload.object.metadata;
    return this.#exchange([], (left) => {
      const isTaken = nameTaken(left, namespace);
      if (workload.object.kind === 'StatefulSet')
        return podsOfWorkload(workload, replicas, isTaken).filter(({ object }) => !left.has(keyOf(object)));
      return podsOfWorkload(workload, replicas - mine.length, isTaken);
    });
  }
}

function withReady(ready: boolean): (pod: Pod) => Pod {
  return (pod) => {
    const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'Ready');
    return {
      ...pod,
      status: { ...pod.status, conditions: [...others, { type: 'Ready', status: ready ? 'True' : 'False' }] },
    };
  };
}

/** What stands for a time that nobody looks at: only that there is one counts. */
const SOME_TIME = '1970-01-01T00:00:00Z';

/** Keys are those of the cluster. */
export function applyChange(cluster: Cluster, change: ObjectChange): Changed {
  const changing = new Changing(cluster);
  const clusters = ((): Cluster[] => {
    switch (change.kind) {
      case 'delete-pod':
        return [changing.deletePods([change.pod], true)];
      case 'delete-service':
        return [changing.deleteService(change.service)];
      case 'delete-workload': {
        const without = changing.deletePods(change.pods, false);
        const workloads = new Map(without.workloads);
        workloads.delete(change.workload);
        return [{ ...without, workloads }];
      }
      case 'terminate-pod':
        changing.effects.push(`pod/${change.pod} is terminating: its processes run until they end or are killed`);
        return [
          changing.edit(change.pod, cluster, (pod) => ({
            ...pod,
            metadata: { ...pod.metadata, deletionTimestamp: SOME_TIME },
          })),
        ];
      case 'scale':
        return [changing.scale(change.workload, change.pods, change.replicas)];
      case 'ready':
        return [changing.edit(change.pod, cluster, withReady(change.ready))];
      case 'restart-pod': {
        changing.ended.push(change.pod);
        changing.effects.push(
          `the containers of pod/${change.pod} start anew: it keeps its address, and is not ready for a while`,
        );
        const down = changing.edit(change.pod, cluster, withReady(false));
        return [down, changing.edit(change.pod, down, withReady(true))];
      }
    }
  })();
  const { effects, assumed, ended } = changing;
  return { clusters, effects, assumed, ended };
}
