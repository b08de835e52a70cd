/** Ports that containers of one pod, or pods of one node, take from each other. Pods of one workload are alike: the first speaks for all. */
import type { Pod } from '../objects/kube.ts';
import { portClashes } from '../pod/containers.ts';
import { overlap, usesByNode } from '../pod/host-ports.ts';
import type { Cluster, Placed } from './cluster.ts';
import type { Report } from './report.ts';

/** What makes pods alike: who made them. */
function ownerOf({ object, madeBy }: Placed<Pod>, key: string): string {
  const owner = madeBy ?? object.metadata.ownerReferences?.find((o) => o.controller !== false);
  return owner ? `${owner.kind} ${object.metadata.namespace}/${owner.name}` : key;
}

export function checkPods({ pods, nodes }: Pick<Cluster, 'pods' | 'nodes'>, report: Report): void {
  const told = new Set<string>();
  const isNew = (key: string): boolean => !told.has(key) && told.add(key) !== undefined;
  for (const [key, pod] of pods) {
    const { containers = [], initContainers = [] } = pod.object.spec;
    // Nearly all pods of a large cluster.
    if (containers.length + initContainers.length < 2) continue;
    const owner = ownerOf(pod, key);
    for (const { first, second } of portClashes(pod.object)) {
      const { containerPort, protocol = 'TCP' } = second.port;
      if (!isNew(`${owner} ${containerPort}/${protocol}`)) continue;
      report.problem(
        'warning',
        'container-port-clash',
        at(pod, second.path),
        `containers ${first.of.container.name} and ${second.of.container.name} share one network and both declare port ${containerPort}/${protocol}`,
        'Give one of them another port.',
      );
    }
  }
  for (const [node, uses] of usesByNode({ pods })) {
    // Which pods share a node that podwire made, the input does not say.
    if (!nodes.get(node)?.origin) continue;
    uses.forEach((use, i) => {
      const other = uses.slice(0, i).find((before) => before.key !== use.key && overlap(before, use));
      if (!other || !isNew(`${ownerOf(use.pod, use.key)} ${ownerOf(other.pod, other.key)} ${use.port}`)) return;
      report.problem(
        'warning',
        'host-port-clash',
        at(use.pod, use.declared.path),
        `port ${use.port}/${use.protocol} of node ${node} is taken by Pod ${other.key}, too`,
        'Change the port of one, or keep them on different nodes.',
      );
    });
  }
}

/** A pod that a controller would make stands where its maker stands. */
function at(pod: Placed<Pod>, path: (string | number)[]): Parameters<Report['problem']>[2] {
  if (pod.origin) return { origin: pod.origin, object: pod.object, path };
  return { object: pod.object, ...(pod.madeBy?.origin && { origin: pod.madeBy.origin }) };
}
