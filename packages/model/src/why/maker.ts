/** Pods are seldom written by hand: what is wrong with one is wrong in the template it was made from. */
import type { ObjectRef } from '../answer/answer.ts';
import { type FieldPath, objectRef, type Provenance } from '../answer/provenance.ts';
import type { Placed } from '../cluster/cluster.ts';
import { fieldPath } from '../cluster/report.ts';
import type { Pod } from '../objects/kube.ts';

/** Where a field of a pod is to be changed. */
export function makerOf(pod: Placed<Pod>, provenance: Provenance, path: FieldPath): ObjectRef {
  const { madeBy } = pod;
  if (pod.origin || !madeBy) return objectRef(provenance, pod, path);
  const field = fieldPath(['spec', 'template', ...path]);
  const { kind, namespace, name, origin } = madeBy;
  return {
    kind,
    ...(namespace !== undefined && { namespace }),
    name,
    field,
    ...(origin && { file: origin.file, line: provenance.lineOf(origin, ['spec', 'template', ...path]) }),
  };
}
