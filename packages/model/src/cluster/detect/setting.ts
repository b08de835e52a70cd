/** How a setting finds its value: what the user says, else the first thing in the input that says it, else an assumption. */

import { builtInKind } from '../../objects/kinds.ts';
import type { KubeObject } from '../../objects/kube.ts';
import { refOf } from '../../objects/refs.ts';
import type { Origin } from '../../read/source.ts';
import type { Placed, Setting } from '../cluster.ts';

/** One place in the input that says the value of a setting. */
export interface Finding<T> {
  value: T;
  why: string;
  origin?: Origin;
}

/** `ConfigMap kube-system/kube-proxy, clusterCIDR` as a finding's `why`. */
export function finding<T>(value: T, { object, origin }: Placed<KubeObject>, what: string): Finding<T> {
  const { name, namespace } = object.metadata;
  // Configuration files have no name, and only built-in kinds have a namespace by default.
  const ref = builtInKind(object.apiVersion, object.kind)
    ? refOf(object)
    : [object.kind, namespace && `${namespace}/${name}`, !namespace && name].filter(Boolean).join(' ');
  return { value, why: `${ref}, ${what}`, ...(origin && { origin }) };
}

/** `fallback` is called only where nothing says the value; its `why` says why that is assumed. */
export function choose<T>(
  given: T | undefined,
  option: string,
  findings: Iterable<Finding<T>>,
  fallback: () => Finding<T>,
): Setting<T> {
  if (given !== undefined) return { value: given, how: 'given', why: option };
  for (const { value, why, origin } of findings) return { value, how: 'detected', why, ...(origin && { origin }) };
  const { value, why, origin } = fallback();
  return { value, how: 'assumed', why, ...(origin && { origin }) };
}
