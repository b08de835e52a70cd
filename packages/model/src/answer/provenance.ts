/** From an object of the cluster to the file and line that says so. */
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { fieldPath } from '../cluster/report.ts';
import type { KubeObject } from '../objects/kube.ts';
import type { Origin, ReadResult } from '../read/source.ts';
import type { ObjectRef } from './answer.ts';

export type FieldPath = readonly (string | number)[];

export interface Provenance {
  /** File and line of a field; the object's own line where `path` is empty. */
  lineOf(origin: Origin, path: FieldPath): number;
  /** The place of an object that came by identity, as in a rule's cause. */
  placed(object: KubeObject): Placed<KubeObject> | undefined;
}

export function provenanceOf(cluster: Cluster, read: Pick<ReadResult, 'lineOf'>): Provenance {
  let byIdentity: Map<KubeObject, Placed<KubeObject>> | undefined;
  const lines = new Map<string, number>();
  const index = (): Map<KubeObject, Placed<KubeObject>> => {
    const found = new Map<KubeObject, Placed<KubeObject>>();
    const add = (placed: Placed<KubeObject>): void => {
      found.set(placed.object, placed);
    };
    for (const map of [cluster.services, cluster.pods, cluster.nodes, cluster.workloads, cluster.networkPolicies]) {
      for (const placed of map.values()) add(placed);
    }
    for (const slices of cluster.endpointSlices.values()) slices.forEach(add);
    return found;
  };
  return {
    lineOf(origin, path) {
      // Finding a line reads the source once more, and one answer names the same field many times.
      const key = JSON.stringify([origin.file, origin.document, origin.items, path]);
      let line = lines.get(key);
      if (line === undefined) {
        line = path.length === 0 ? origin.line : read.lineOf(origin, path);
        lines.set(key, line);
      }
      return line;
    },
    placed(object) {
      byIdentity ??= index();
      return byIdentity.get(object);
    },
  };
}

/** What an answer says of an object. An object that a controller would make points at the one that made it. */
export function objectRef(provenance: Provenance, placed: Placed<KubeObject>, path: FieldPath = []): ObjectRef {
  const { object, origin, madeBy } = placed;
  const field = fieldPath(path);
  const namespace = object.metadata.namespace;
  const base: ObjectRef = {
    kind: object.kind,
    ...(namespace !== undefined && { namespace }),
    name: object.metadata.name,
    ...(field !== '' && { field }),
  };
  if (origin) return { ...base, file: origin.file, line: provenance.lineOf(origin, path) };
  if (!madeBy) return base;
  const maker = `${madeBy.kind} ${madeBy.namespace === undefined ? '' : `${madeBy.namespace}/`}${madeBy.name}`;
  if (!madeBy.origin) return { ...base, madeFrom: maker };
  return { ...base, madeFrom: maker, file: madeBy.origin.file, line: madeBy.origin.line };
}
