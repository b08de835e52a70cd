/** What the downward API gives a container of its own Pod (pkg/fieldpath, kubelet_pods.go, pkg/api/v1/resource). */
import type { Cluster } from '../cluster/cluster.ts';
import type { Container, EnvVar, Pod } from '../objects/kube.ts';
import { nodeIPs, podAddresses } from '../objects/pod-facts.ts';
import { parseQuantity } from '../objects/quantity.ts';

export type Told = { value: string } | { unknown: string } | { error: string };

function listed(addresses: readonly string[], what: string): Told {
  return addresses.length === 0 ? { unknown: what } : { value: addresses.join(',') };
}

/** `spec.nodeName`, `metadata.labels['app']`. */
export function fieldValue(cluster: Cluster, pod: Pod, path: string): Told {
  const { metadata, spec } = pod;
  const node = cluster.nodes.get(spec.nodeName ?? '')?.object;
  const own = node ? Object.values(nodeIPs(node)) : [];
  const [, map, key] = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path) ?? [];
  if (map === 'labels' || map === 'annotations') return { value: metadata[map]?.[key as string] ?? '' };
  switch (path) {
    case 'metadata.name':
      return { value: metadata.name };
    case 'metadata.namespace':
      return { value: metadata.namespace ?? '' };
    case 'metadata.uid':
      return metadata.uid === undefined ? { unknown: 'the uid that the API server gives' } : { value: metadata.uid };
    case 'spec.nodeName':
      return spec.nodeName === undefined ? { unknown: 'the node it is put on' } : { value: spec.nodeName };
    case 'spec.serviceAccountName':
      return { value: spec.serviceAccountName ?? '' };
    case 'status.hostIP':
      return listed(own.slice(0, 1), "the node's address");
    case 'status.hostIPs':
      return listed(own, "the node's addresses");
    case 'status.podIP':
      return listed((spec.hostNetwork ? own : podAddresses(pod)).slice(0, 1), "the Pod's address");
    case 'status.podIPs':
      return listed(spec.hostNetwork ? own : podAddresses(pod), "the Pod's addresses");
    default:
      return { error: `${path} is no field that the downward API gives` };
  }
}

type ResourceRef = NonNullable<NonNullable<EnvVar['valueFrom']>['resourceFieldRef']>;

/** Of these a container without a limit has what the node can give. */
const FROM_NODE = new Set(['cpu', 'memory', 'ephemeral-storage']);

/** Amounts are divided and rounded up. */
export function resourceValue(cluster: Cluster, pod: Pod, container: Container, ref: ResourceRef): Told {
  const { containers = [], initContainers = [] } = pod.spec;
  const of = ref.containerName
    ? [...containers, ...initContainers].find((c) => c.name === ref.containerName)
    : container;
  if (!of) return { error: `container ${ref.containerName} not found` };
  const [, kind, name = ''] = /^(limits|requests)\.(.+)$/.exec(ref.resource) ?? [];
  if (kind === undefined) return { error: `${ref.resource} is no resource of a container` };
  const { limits = {}, requests = {} } = of.resources ?? {};
  // The API server sets a request that is missing to the limit.
  let amount = parseQuantity(kind === 'limits' ? limits[name] : (requests[name] ?? limits[name])) ?? 0;
  if (kind === 'limits' && amount === 0 && FROM_NODE.has(name)) {
    const status = cluster.nodes.get(pod.spec.nodeName ?? '')?.object.status as
      | { allocatable?: Record<string, string | number> }
      | undefined;
    const allocatable = parseQuantity(status?.allocatable?.[name]);
    if (allocatable === undefined) return { unknown: `what the node can give (status.allocatable ${name})` };
    amount = allocatable;
  }
  const divisor = parseQuantity(ref.divisor) || 1;
  // Kubernetes counts processors in thousandths, all else in whole units.
  const scale = name === 'cpu' ? 1000 : 1;
  return { value: String(Math.ceil(Math.ceil(amount * scale) / Math.ceil(divisor * scale))) };
}
