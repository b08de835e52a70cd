/** Who is called what in a cluster: looks objects up by the names people use, and finds the pods of a workload. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { KubeObject, Pod, Workload } from '../objects/kube.ts';

/** An object that can be an end of a connection. `key` is `namespace/name`, or the node's name. */
export type Named =
  | { kind: 'pod'; key: string }
  | { kind: 'service'; key: string }
  | { kind: 'node'; key: string }
  | { kind: 'workload'; key: string; workload: Placed<Workload> };

export interface Directory {
  /** Objects of that name, in one namespace or everywhere; pods, Services, workloads and nodes in this order. */
  named(name: string, namespace?: string): Named[];
  /** Keys of the pods a workload keeps, sorted. */
  podsOf(workload: Placed<Workload>): string[];
  /** Everything that has a name, for suggestions: `pod/web`, with its namespace. */
  all(): { kind: string; namespace: string | undefined; name: string }[];
}

export function namespaceOf(object: KubeObject): string {
  return object.metadata.namespace ?? 'default';
}

export function keyOf(object: KubeObject): string {
  return `${namespaceOf(object)}/${object.metadata.name}`;
}

/** `pod-template-hash` ends the name of a ReplicaSet that a Deployment made. */
function deploymentOfReplicaSet(pod: Pod, replicaSet: string): string | undefined {
  const hash = pod.metadata.labels?.['pod-template-hash'];
  return hash !== undefined && replicaSet.endsWith(`-${hash}`) ? replicaSet.slice(0, -hash.length - 1) : undefined;
}

/** The chain of controllers above an object, by `kind namespace/name`, as far as the input shows or the names tell. */
function ownersOf(pod: Placed<Pod>, byKindAndKey: ReadonlyMap<string, Placed<Workload>>): string[] {
  const owners: string[] = [];
  const namespace = namespaceOf(pod.object);
  if (pod.madeBy) owners.push(`${pod.madeBy.kind} ${pod.madeBy.namespace ?? namespace}/${pod.madeBy.name}`);
  let object: KubeObject | undefined = pod.object;
  // Controllers stand at most three deep (CronJob, Job, Pod); the bound keeps a circle of ownerReferences from hanging us.
  for (let depth = 0; object && depth < 4; depth++) {
    const owner = object.metadata.ownerReferences?.find((o) => o.controller !== false);
    if (!owner) break;
    const id = `${owner.kind} ${namespace}/${owner.name}`;
    owners.push(id);
    const placed = byKindAndKey.get(id);
    if (!placed && owner.kind === 'ReplicaSet') {
      const deployment = deploymentOfReplicaSet(pod.object, owner.name);
      if (deployment !== undefined) owners.push(`Deployment ${namespace}/${deployment}`);
    }
    object = placed?.object;
  }
  return owners;
}

export function directoryOf(cluster: Cluster): Directory {
  let names: Map<string, Named[]> | undefined;
  let owned: Map<string, string[]> | undefined;

  function index(): Map<string, Named[]> {
    if (names) return names;
    const found = new Map<string, Named[]>();
    const add = (name: string, entry: Named): void => {
      const list = found.get(name);
      if (list) list.push(entry);
      else found.set(name, [entry]);
    };
    for (const [key, pod] of cluster.pods) add(pod.object.metadata.name, { kind: 'pod', key });
    for (const [key, service] of cluster.services) add(service.object.metadata.name, { kind: 'service', key });
    for (const workload of cluster.workloads.values()) {
      add(workload.object.metadata.name, { kind: 'workload', key: keyOf(workload.object), workload });
    }
    for (const key of cluster.nodes.keys()) add(key, { kind: 'node', key });
    names = found;
    return found;
  }

  function ownedPods(): Map<string, string[]> {
    if (owned) return owned;
    const byKindAndKey = new Map<string, Placed<Workload>>();
    for (const workload of cluster.workloads.values()) {
      byKindAndKey.set(`${workload.object.kind} ${keyOf(workload.object)}`, workload);
    }
    const found = new Map<string, string[]>();
    for (const [key, pod] of cluster.pods) {
      for (const owner of new Set(ownersOf(pod, byKindAndKey))) {
        const list = found.get(owner);
        if (list) list.push(key);
        else found.set(owner, [key]);
      }
    }
    owned = found;
    return found;
  }

  return {
    named: (name, namespace) =>
      (index().get(name) ?? []).filter(
        (entry) => namespace === undefined || entry.kind === 'node' || entry.key.startsWith(`${namespace}/`),
      ),
    podsOf: (workload) => [...(ownedPods().get(`${workload.object.kind} ${keyOf(workload.object)}`) ?? [])].sort(),
    all() {
      const found: { kind: string; namespace: string | undefined; name: string }[] = [];
      const add = (kind: string, object: KubeObject): void => {
        found.push({ kind, namespace: namespaceOf(object), name: object.metadata.name });
      };
      for (const { object } of cluster.pods.values()) add('Pod', object);
      for (const { object } of cluster.services.values()) add('Service', object);
      for (const { object } of cluster.workloads.values()) add(object.kind, object);
      for (const { object } of cluster.nodes.values()) {
        found.push({ kind: 'Node', namespace: undefined, name: object.metadata.name });
      }
      return found;
    },
  };
}
