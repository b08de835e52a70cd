/** What is wrong inside one pod, or between it and the node it runs on. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { findPort } from '../controllers/pod-endpoint.ts';
import type { KubeObject, Pod, Service } from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';
import { portClashes, portsOf } from './containers.ts';
import { type NodePortUse, nodePortsOf, overlap, programAt, usesByNode } from './host-ports.ts';
import { isLoopback } from './listen.ts';

export interface PodFinding {
  severity: 'error' | 'warning';
  code: string;
  text: string;
  mend?: string;
  /** Field of the Pod. */
  path?: (string | number)[];
  /** The object that it clashes with, and the field there. */
  other?: { placed: Placed<KubeObject>; path: (string | number)[] };
}

/** Who listens where, as far as the input tells. */
export interface Listening {
  container: string;
  /** `*` for all. */
  address: string;
  port: number;
  protocol: 'TCP' | 'UDP' | 'SCTP';
  how: 'flag' | 'dump';
  text: string;
}

function inPod(pod: Placed<Pod>): PodFinding[] {
  return portClashes(pod.object).map(({ first, second }) => {
    const { containerPort, protocol = 'TCP' } = second.port;
    return {
      severity: 'warning',
      code: 'container-port-clash',
      text: `Containers ${first.of.container.name} and ${second.of.container.name} share one network and both declare port ${containerPort}/${protocol}: whichever comes second gets "address already in use".`,
      mend: 'Give one of them another port.',
      path: second.path,
      other: { placed: pod, path: first.path },
    };
  });
}

/** A Service that goes by the port's name means the first container that has it. */
function portNames(pod: Placed<Pod>): PodFinding[] {
  const seen = new Map<string, ReturnType<typeof portsOf>[number]>();
  return portsOf(pod.object).flatMap((declared): PodFinding[] => {
    const { name, containerPort } = declared.port;
    if (!name || declared.of.role === 'init') return [];
    const first = seen.get(name);
    if (!first) seen.set(name, declared);
    if (!first || first.of === declared.of || first.port.containerPort === containerPort) return [];
    return [
      {
        severity: 'warning',
        code: 'port-name-twice',
        text: `Port name ${name} is ${first.port.containerPort} in ${first.of.container.name} and ${containerPort} in ${declared.of.container.name}: a Service's targetPort ${name} means one of them alone.`,
        mend: 'Rename one.',
        path: declared.path,
        other: { placed: pod, path: first.path },
      },
    ];
  });
}

function where({ port, protocol, address }: NodePortUse): string {
  return `port ${port}/${protocol}${address === '*' ? '' : ` of ${address}`}`;
}

function betweenPods(use: NodePortUse, others: readonly NodePortUse[], node: string): PodFinding[] {
  const other = others.find((o) => o.key !== use.key && overlap(use, o));
  if (!other) return [];
  const isShared = use.pod.object.spec.hostNetwork && other.pod.object.spec.hostNetwork;
  return [
    {
      severity: 'error',
      code: 'host-port-clash',
      text: isShared
        ? `${where(use)} of node ${node} is ${other.key}'s, too: both are in the node's network, and only one can listen.`
        : `Host ${where(use)} of node ${node} is ${other.key}'s, too: no two pods of a node can have it.`,
      mend: 'Change the port of one, or keep them on different nodes.',
      path: use.declared.path,
      other: { placed: other.pod, path: other.declared.path },
    },
  ];
}

function withPrograms(use: NodePortUse, cluster: Cluster, node: string): PodFinding[] {
  const program = programAt(use, cluster.nodes.get(node)?.object);
  if (program === undefined) return [];
  const inNetwork = use.pod.object.spec.hostNetwork === true;
  return [
    {
      severity: 'warning',
      code: 'node-program-port',
      text: inNetwork
        ? `The ${program} of node ${node} listens on port ${use.port}, unless it was told otherwise: the pod cannot.`
        : `Host port ${use.port} takes the packets that the ${program} of node ${node} waits for, unless it was told otherwise.`,
      mend: 'Choose another port.',
      path: use.declared.path,
    },
  ];
}

function withNodePorts(use: NodePortUse, cluster: Cluster): PodFinding[] {
  for (const placed of cluster.services.values()) {
    const ports = placed.object.spec.ports ?? [];
    const at = ports.findIndex((p) => p.nodePort === use.port && (p.protocol ?? 'TCP') === use.protocol);
    if (at < 0) continue;
    const { name, namespace } = placed.object.metadata;
    return [
      {
        severity: 'warning',
        code: 'node-port-over-host-port',
        text: `Port ${use.port}/${use.protocol} of every node is the node port of Service ${namespace}/${name}: packets to it go there, and not to this pod.`,
        mend: 'Change one of the two.',
        path: use.declared.path,
        other: { placed, path: ['spec', 'ports', at, 'nodePort'] },
      },
    ];
  }
  return [];
}

/** Which pod holds the port on each node: what the scheduler does not say of a pod that waits. */
function whoHolds(
  uses: readonly NodePortUse[],
  byNode: ReadonlyMap<string, readonly NodePortUse[]>,
  cluster: Cluster,
): PodFinding[] {
  return uses.flatMap((use): PodFinding[] => {
    const holders = [...cluster.nodes.keys()].flatMap((node) => {
      const other = (byNode.get(node) ?? []).find((o) => overlap(use, o));
      return other ? [{ node, other }] : [];
    });
    const [first] = holders;
    if (!first) return [];
    const shown = holders.slice(0, 5).map(({ node, other }) => `${other.key} on ${node}`);
    const more = holders.length > shown.length ? ` and ${holders.length - shown.length} more` : '';
    const everywhere = holders.length === cluster.nodes.size;
    return [
      {
        severity: everywhere ? 'error' : 'warning',
        code: 'host-port-taken',
        text: `Host ${where(use)} is taken on ${everywhere ? 'every node' : `${holders.length} of ${cluster.nodes.size} nodes`}: ${shown.join(', ')}${more}.${everywhere ? ' The pod stays Pending.' : ''}`,
        mend: 'Change the port, or make room for it.',
        path: use.declared.path,
        other: { placed: first.other.pod, path: first.other.declared.path },
      },
    ];
  });
}

function onNode(pod: Placed<Pod>, key: string, cluster: Cluster): PodFinding[] {
  const uses = nodePortsOf(pod, key);
  if (uses.length === 0) return [];
  const byNode = usesByNode(cluster);
  const { nodeName } = pod.object.spec;
  if (nodeName === undefined)
    return [...whoHolds(uses, byNode, cluster), ...uses.flatMap((use) => withNodePorts(use, cluster))];
  // Which pods share a node that podwire made, the input does not say.
  const beside = cluster.nodes.get(nodeName)?.origin ? (byNode.get(nodeName) ?? []) : [];
  return uses.flatMap((use) => [
    ...betweenPods(use, beside, nodeName),
    ...withPrograms(use, cluster, nodeName),
    ...withNodePorts(use, cluster),
  ]);
}

/** Services that send to a port of the pod. */
function servicesTo(pod: Placed<Pod>, cluster: Cluster, port: number): Placed<Service>[] {
  const { namespace, labels = {} } = pod.object.metadata;
  return [...cluster.services.values()].filter(({ object }) => {
    const { selector = {}, ports = [] } = object.spec;
    if (object.metadata.namespace !== namespace || Object.keys(selector).length === 0) return false;
    return matchesPairs(selector, labels) && ports.some((servicePort) => findPort(pod.object, servicePort) === port);
  });
}

function onLoopback(pod: Placed<Pod>, listening: readonly Listening[], cluster: Cluster): PodFinding[] {
  return listening.flatMap(({ container, address, port, protocol, text }): PodFinding[] => {
    if (!isLoopback(address)) return [];
    const isReached = listening.some((l) => l.port === port && l.protocol === protocol && !isLoopback(l.address));
    const declared = portsOf(pod.object).find((d) => d.port.containerPort === port && d.of.role !== 'init');
    const [service] = servicesTo(pod, cluster, port);
    if (isReached || (!declared && !service)) return [];
    const outside = pod.object.spec.hostNetwork ? 'node' : 'pod';
    const also = service
      ? `, and Service ${service.object.metadata.namespace}/${service.object.metadata.name} sends there`
      : '';
    return [
      {
        severity: service ? 'error' : 'warning',
        code: 'listens-on-loopback',
        text: `${container} listens on ${address}:${port} only (${text}): nothing outside the ${outside} reaches it${also}.`,
        mend: 'Let it listen on 0.0.0.0 or ::.',
        ...(declared && { path: declared.path }),
        ...(service && { other: { placed: service, path: ['spec', 'ports'] } }),
      },
    ];
  });
}

/** The gravest first. */
export function podFindings(
  pod: Placed<Pod>,
  key: string,
  cluster: Cluster,
  listening: readonly Listening[],
): PodFinding[] {
  const all = [...inPod(pod), ...onNode(pod, key, cluster), ...onLoopback(pod, listening, cluster), ...portNames(pod)];
  return [
    ...all.filter(({ severity }) => severity === 'error'),
    ...all.filter(({ severity }) => severity === 'warning'),
  ];
}
