/** The endpoints of Service default/kubernetes, which the API server writes itself: where API servers are seen to run. */

import { suffix } from '../objects/drawn-names.ts';
import type { EndpointSlice, IPFamily, Node, Pod, Service } from '../objects/kube.ts';
import { isOver, nodeIPs } from '../objects/pod-facts.ts';
import type { Placed } from './cluster.ts';
import { commandWords, imageName, parseFlags } from './detect/programs.ts';
import type { Report } from './report.ts';

const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** Port of the API server that a pod runs; undefined for other pods. */
function servedBy(pod: Pod): number | undefined {
  if (!pod.spec.hostNetwork || isOver(pod)) return undefined;
  for (const { name, image, command = [], args = [] } of pod.spec.containers ?? []) {
    if (name !== 'kube-apiserver' && imageName(image ?? '') !== 'kube-apiserver') continue;
    return Number(parseFlags(commandWords([...command, ...args])).get('secure-port') ?? 6443);
  }
  return undefined;
}

function podNodeAddress(pod: Pod, nodes: ReadonlyMap<string, Placed<Node>>, family: IPFamily): string | undefined {
  const node = nodes.get(pod.spec.nodeName ?? '')?.object;
  return node && nodeIPs(node)[family];
}

/** One slice, as the API server's reconciler keeps it; none where nothing shows an API server. */
export function apiServerSlices(
  placed: Placed<Service>,
  pods: ReadonlyMap<string, Placed<Pod>>,
  nodes: ReadonlyMap<string, Placed<Node>>,
  report: Report,
): Placed<EndpointSlice>[] {
  const family: IPFamily = placed.object.spec.ipFamilies?.[0] ?? 'IPv4';
  const found = new Map<string, number>();
  for (const { object } of pods.values()) {
    const port = servedBy(object);
    const address = podNodeAddress(object, nodes, family);
    if (port !== undefined && address !== undefined) found.set(address, port);
  }
  if (found.size === 0) {
    const target = placed.object.spec.ports?.[0]?.targetPort;
    for (const { object } of nodes.values()) {
      const address = nodeIPs(object)[family];
      const isControlPlane = CONTROL_PLANE.some((label) => object.metadata.labels?.[label] !== undefined);
      if (isControlPlane && address !== undefined) found.set(address, typeof target === 'number' ? target : 6443);
    }
  }
  if (found.size === 0) return [];
  report.assume(
    'api-server-endpoints',
    'Service default/kubernetes leads to the nodes that run an API server',
    'give the EndpointSlices: kubectl get endpointslices -A -o json',
  );
  const object: EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `kubernetes-${suffix(family, 5)}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': 'kubernetes' },
    },
    addressType: family,
    endpoints: [...found.keys()].sort().map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [
      { name: placed.object.spec.ports?.[0]?.name ?? '', port: [...found.values()][0] as number, protocol: 'TCP' },
    ],
  };
  const { name, namespace } = placed.object.metadata;
  const by = {
    kind: 'Service',
    name,
    ...(namespace !== undefined && { namespace }),
    ...(placed.origin && { origin: placed.origin }),
  };
  return [{ object, madeBy: by }];
}
