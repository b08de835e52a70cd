/** Ports of a node that pods take: by `hostPort`, or by being in the node's network. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { imageName } from '../cluster/detect/programs.ts';
import type { Node, Pod, TransportProtocol } from '../objects/kube.ts';
import { hasHostPorts, isOver } from '../objects/pod-facts.ts';
import { type DeclaredPort, portsOf } from './containers.ts';

export interface NodePortUse {
  pod: Placed<Pod>;
  key: string;
  declared: DeclaredPort;
  port: number;
  protocol: TransportProtocol;
  /** `*` for every address of the node. */
  address: string;
}

/** Which ports of its node a pod takes, if it runs. */
export function nodePortsOf(pod: Placed<Pod>, key: string): NodePortUse[] {
  const { hostNetwork = false } = pod.object.spec;
  return portsOf(pod.object).flatMap((declared): NodePortUse[] => {
    const { hostPort, containerPort, hostIP, protocol = 'TCP' } = declared.port;
    const port = hostPort ?? (hostNetwork ? containerPort : undefined);
    if (!port || declared.of.role === 'init') return [];
    const address = !hostIP || hostIP === '0.0.0.0' || hostIP === '::' ? '*' : hostIP;
    return [{ pod, key, declared, port, protocol, address }];
  });
}

export function overlap(a: NodePortUse, b: NodePortUse): boolean {
  const addresses = a.address === b.address || a.address === '*' || b.address === '*';
  return a.port === b.port && a.protocol === b.protocol && addresses;
}

/** What pods take on each node, of those that run or are put there. */
export function usesByNode(cluster: Pick<Cluster, 'pods'>): Map<string, NodePortUse[]> {
  const found = new Map<string, NodePortUse[]>();
  for (const [key, pod] of cluster.pods) {
    const { nodeName, hostNetwork } = pod.object.spec;
    // Nearly all pods of a large cluster have a network of their own.
    if (!hostNetwork && !hasHostPorts(pod.object)) continue;
    if (nodeName === undefined || isOver(pod.object)) continue;
    const uses = nodePortsOf(pod, key);
    if (uses.length === 0) continue;
    const list = found.get(nodeName);
    if (list) list.push(...uses);
    else found.set(nodeName, uses);
  }
  return found;
}

/** Kubernetes' own programs on a node, and where they listen unless told otherwise (kubernetes.io, "Ports and Protocols"). */
const PROGRAMS: readonly { port: number; program: string; controlPlane: boolean }[] = [
  { port: 10250, program: 'kubelet', controlPlane: false },
  { port: 10256, program: 'kube-proxy', controlPlane: false },
  { port: 6443, program: 'kube-apiserver', controlPlane: true },
  { port: 2379, program: 'etcd', controlPlane: true },
  { port: 2380, program: 'etcd', controlPlane: true },
  { port: 10257, program: 'kube-controller-manager', controlPlane: true },
  { port: 10259, program: 'kube-scheduler', controlPlane: true },
];

const CONTROL_PLANE = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** The program of Kubernetes' own that has a port of the node; undefined also where the pod is that program. */
export function programAt({ port, protocol, declared }: NodePortUse, node: Node | undefined): string | undefined {
  if (protocol !== 'TCP') return undefined;
  const labels = node?.metadata.labels ?? {};
  const isControlPlane = CONTROL_PLANE.some((label) => label in labels);
  const found = PROGRAMS.find((p) => p.port === port && (!p.controlPlane || isControlPlane))?.program;
  const { image = '', name, command = [] } = declared.of.container;
  const own = [imageName(image), name, ...command.slice(0, 1).map((word) => word.slice(word.lastIndexOf('/') + 1))];
  return found !== undefined && own.includes(found) ? undefined : found;
}
