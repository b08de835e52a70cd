/** What pods, nodes and Services show of themselves: addresses, phase, readiness. */

import { canonical, familyOf } from '../net/cidr.ts';
import type { ContainerPort, IPFamily, KubeObject, Node, Pod, Service } from './kube.ts';

/** Ended pods keep their status but have no network any more. */
export function isOver(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Read from a running cluster, not written by hand. */
export function isLive(object: KubeObject): boolean {
  const { metadata } = object;
  return metadata.uid !== undefined || 'creationTimestamp' in metadata || 'resourceVersion' in metadata;
}

/** What `status.podIPs` and `status.podIP` hold, redactions included, without repetition. */
export function podIPTexts(pod: Pod): string[] {
  const { podIP, podIPs = [] } = pod.status ?? {};
  if (podIPs.length === 1 && podIPs[0]?.ip === podIP && podIP) return [podIP];
  const all = [...(podIP === undefined ? [] : [podIP]), ...podIPs.map((p) => p.ip)].filter((ip) => ip !== '');
  return [...new Set(all)];
}

/** Every step asks for these; objects are never changed in place. */
const addressesOf = new WeakMap<Pod, readonly string[]>();

/** Canonical pod addresses, primary first. */
export function podAddresses(pod: Pod): readonly string[] {
  let addresses = addressesOf.get(pod);
  if (!addresses) {
    addresses = podIPTexts(pod).flatMap((text) => canonical(text) ?? []);
    addressesOf.set(pod, addresses);
  }
  return addresses;
}

/** Canonical node addresses by family: the first InternalIP, else the first ExternalIP (pkg/util/node/node.go, `GetNodeHostIPs`). */
export function nodeIPs(node: Node): Partial<Record<IPFamily, string>> {
  const found: Partial<Record<IPFamily, string>> = {};
  for (const type of ['InternalIP', 'ExternalIP']) {
    for (const entry of node.status?.addresses ?? []) {
      const address = entry.type === type ? canonical(entry.address) : undefined;
      if (address !== undefined) found[familyOf(address)] ??= address;
    }
  }
  return found;
}

export function isPodReady(pod: Pod): boolean {
  return pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === 'None' || (service.spec.clusterIPs?.includes('None') ?? false);
}

export function hasHostPorts(pod: Pod): boolean {
  const has = (list: Pod['spec']['containers']): boolean =>
    list?.some((c) => c.ports?.some((p) => p.hostPort)) ?? false;
  return has(pod.spec.containers) || has(pod.spec.initContainers);
}

const NO_PORTS: readonly ContainerPort[] = [];

/** What `containerPorts` finds, without the places. */
export function declaredPorts(pod: Pick<Pod, 'spec'>): readonly ContainerPort[] {
  const { containers = [], initContainers = [] } = pod.spec;
  // Nearly all pods of a large cluster; every step asks for them.
  if (containers.length <= 1 && initContainers.length === 0) return containers[0]?.ports ?? NO_PORTS;
  return Array.from(containerPorts(pod), ({ port }) => port);
}

/** Containers' ports in the order that named ports are looked up; sidecars (init containers that keep running) come last. */
export function* containerPorts(pod: Pick<Pod, 'spec'>): Generator<{ port: ContainerPort; path: (string | number)[] }> {
  for (const [i, container] of (pod.spec.containers ?? []).entries()) {
    for (const [j, port] of (container.ports ?? []).entries())
      yield { port, path: ['spec', 'containers', i, 'ports', j] };
  }
  for (const [i, container] of (pod.spec.initContainers ?? []).entries()) {
    if (container.restartPolicy !== 'Always') continue;
    for (const [j, port] of (container.ports ?? []).entries())
      yield { port, path: ['spec', 'initContainers', i, 'ports', j] };
  }
}
