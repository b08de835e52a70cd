/** Nodes that are not in the input: those that pods, slices and workloads name, and those that podwire makes. */

import { canonical } from '../net/cidr.ts';
import type { KubeObject, Node } from '../objects/kube.ts';
import { suggest } from '../objects/suggest.ts';
import type { Placed } from './cluster.ts';
import type { Collected } from './collect.ts';
import type { ClusterOverrides } from './overrides.ts';
import type { Report } from './report.ts';

const DEFAULT_NODES = 3;

function madeNode(name: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
    },
    spec: {},
    status: {},
  };
}

/** Nodes that are not in the input but that pods and endpoints stand on, by name, with the first object that says so and the host addresses seen. */
function namedByPods(
  collected: Collected,
): Map<string, { by: Placed<KubeObject>; path: (string | number)[]; hostIPs: string[] }> {
  const found = new Map<string, { by: Placed<KubeObject>; path: (string | number)[]; hostIPs: string[] }>();
  const note = (
    name: string,
    by: Placed<KubeObject>,
    path: (string | number)[],
    hostIPs: (string | undefined)[],
  ): void => {
    const entry = found.get(name) ?? { by, path, hostIPs: [] };
    found.set(name, entry);
    for (const ip of hostIPs) if (ip !== undefined && !entry.hostIPs.includes(ip)) entry.hostIPs.push(ip);
  };
  for (const placed of collected.pods.values()) {
    const { spec, status } = placed.object;
    if (spec.nodeName && !collected.nodes.has(spec.nodeName))
      note(spec.nodeName, placed, ['spec', 'nodeName'], [status?.hostIP, ...(status?.hostIPs ?? []).map((h) => h.ip)]);
  }
  for (const placed of collected.endpointSlices.values()) {
    for (const [i, endpoint] of placed.object.endpoints.entries()) {
      if (endpoint.nodeName && !collected.nodes.has(endpoint.nodeName))
        note(endpoint.nodeName, placed, ['endpoints', i, 'nodeName'], []);
    }
  }
  for (const placed of collected.workloads.values()) {
    const name = placed.object.spec.template?.spec?.nodeName;
    if (name) note(name, placed, ['spec', 'template', 'spec', 'nodeName'], []);
  }
  return found;
}

function madeBy({ object, origin }: Placed<KubeObject>): NonNullable<Placed<Node>['madeBy']> {
  const { name, namespace } = object.metadata;
  return { kind: object.kind, name, ...(namespace !== undefined && { namespace }), ...(origin && { origin }) };
}

export function inferNodes(nodes: Map<string, Placed<Node>>, collected: Collected, report: Report): void {
  const given = nodes.size;
  for (const [name, { by, path, hostIPs }] of namedByPods(collected)) {
    if (nodes.has(name)) continue;
    if (given > 0) {
      const near = suggest(name, collected.nodes.keys(), (n) => n, 1)[0];
      report.problem(
        'warning',
        'unknown-reference',
        { ...by, path },
        `Node ${name} is not in the input, so one was made`,
        near === undefined ? 'Add the Node, or take the name out.' : `Did you mean ${near}?`,
      );
    }
    const node = madeNode(name);
    node.status = {
      addresses: hostIPs.flatMap((ip) => canonical(ip) ?? []).map((address) => ({ type: 'InternalIP', address })),
    };
    nodes.set(name, { object: node, madeBy: madeBy(by) });
    report.assume(
      'inferred-nodes',
      'Nodes that are not in the input but are named by Pods, EndpointSlices or workloads',
      'add Nodes: kubectl get nodes -o json',
    );
  }
}

/** Nodes, or pods that run on some, were read from a cluster: podwire adds none to them. */
function isSnapshot(collected: Collected): boolean {
  if (collected.nodes.size > 0) return true;
  return [...collected.pods.values()].some(({ object }) => object.spec.nodeName && object.status?.phase !== undefined);
}

/** A DaemonSet has one pod per node, so that its pods count the nodes that nothing names. */
function daemonsWithoutNode(collected: Collected): number {
  if (collected.nodes.size > 0) return 0;
  const counts = new Map<string, number>();
  for (const { object } of collected.pods.values()) {
    const daemon = object.metadata.ownerReferences?.find((o) => o.kind === 'DaemonSet');
    if (!daemon || object.spec.nodeName) continue;
    const key = `${object.metadata.namespace}/${daemon.name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

export function addMadeNodes(
  nodes: Map<string, Placed<Node>>,
  collected: Collected,
  overrides: ClusterOverrides,
  report: Report,
): void {
  const wanted = overrides.nodes ?? Math.max(isSnapshot(collected) ? 0 : DEFAULT_NODES, daemonsWithoutNode(collected));
  for (let i = 1; nodes.size < wanted; i++) {
    const name = `node-${i}`;
    if (nodes.has(name)) continue;
    nodes.set(name, { object: madeNode(name) });
    report.assume(
      'made-nodes',
      'Nodes were made: workers with room for everything',
      'add Nodes: kubectl get nodes -o json, or say how many with --nodes',
    );
  }
}
