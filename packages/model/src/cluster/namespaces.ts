/** The namespaces that the input holds or uses, each with the label that the API server puts on it. */
import type { Namespace } from '../objects/kube.ts';
import type { Placed } from './cluster.ts';
import { type Collected, sortedByKey } from './collect.ts';
import type { Report } from './report.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';

/** In every cluster from the start. */
const ALWAYS = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

function labelled(placed: Placed<Namespace>): Placed<Namespace> {
  const { metadata } = placed.object;
  if (metadata.labels?.[NAME_LABEL] === metadata.name) return placed;
  return {
    ...placed,
    object: {
      ...placed.object,
      metadata: { ...metadata, labels: { ...metadata.labels, [NAME_LABEL]: metadata.name } },
    },
  };
}

export function buildNamespaces(collected: Collected, report: Report): Map<string, Placed<Namespace>> {
  const found = new Map<string, Placed<Namespace>>();
  for (const [name, placed] of collected.namespaces) found.set(name, labelled(placed));
  const used = new Set<string>();
  for (const kind of [
    collected.pods,
    collected.services,
    collected.workloads,
    collected.networkPolicies,
    collected.endpointSlices,
  ]) {
    for (const { object } of kind.values())
      if (object.metadata.namespace !== undefined) used.add(object.metadata.namespace);
  }
  for (const name of used) {
    if (found.has(name)) continue;
    found.set(name, labelled({ object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } }));
    if (!ALWAYS.includes(name))
      report.assume(
        'implied-namespaces',
        'Namespaces that objects are in, but that are not in the input, are taken to exist without labels of their own',
        'add Namespaces: kubectl get namespaces -o json',
      );
  }
  return sortedByKey(found);
}
