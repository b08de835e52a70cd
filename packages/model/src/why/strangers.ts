/** Pods behind a Service that were hardly meant: its selector also fits those of another program. */
import type { ObjectRef } from '../answer/answer.ts';
import { objectRef, type Provenance } from '../answer/provenance.ts';
import { selectedPods } from '../answer/selected-pods.ts';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { imageName } from '../cluster/detect/programs.ts';
import type { Pod } from '../objects/kube.ts';
import { printLabels } from '../objects/labels.ts';
import { declaredPorts, isOver } from '../objects/pod-facts.ts';

export interface Strangers {
  code: 'selector-too-broad';
  text: string;
  mend: string;
  object: ObjectRef;
}

/** What made the pod; pods of one ReplicaSet, StatefulSet or DaemonSet are alike. */
function makerOf({ object, madeBy }: Placed<Pod>): string {
  const owner = madeBy ?? object.metadata.ownerReferences?.find(({ controller }) => controller);
  return owner ? `${owner.kind} ${owner.name}` : `Pod ${object.metadata.name}`;
}

/** Versions of one program differ in their tags alone. */
function programsOf({ object }: Placed<Pod>): string {
  return (object.spec.containers ?? [])
    .map(({ image }) => imageName(image ?? ''))
    .sort()
    .join(',');
}

function serves({ object }: Placed<Pod>, targets: readonly (number | string)[]): boolean {
  return declaredPorts(object).some(
    ({ containerPort, name }) => targets.includes(containerPort) || (name !== undefined && targets.includes(name)),
  );
}

/** The label that tells the ones from the others. */
function telling(meant: Placed<Pod>, stranger: Placed<Pod>): string | undefined {
  const own = meant.object.metadata.labels ?? {};
  const other = stranger.object.metadata.labels ?? {};
  const key = Object.keys(own).find(
    (label) =>
      own[label] !== other[label] && !label.endsWith('-hash') && label !== 'statefulset.kubernetes.io/pod-name',
  );
  return key === undefined ? undefined : `${key}: ${own[key]}`;
}

/** Undefined where all pods are of one program, or nothing tells which of them is meant. */
export function strangersOf(cluster: Cluster, key: string, provenance: Provenance): Strangers | undefined {
  const service = cluster.services.get(key);
  const selector = service?.object.spec.selector ?? {};
  if (!service || Object.keys(selector).length === 0) return undefined;
  const pods = selectedPods(cluster, service.object).filter(({ object }) => !isOver(object));
  if (new Set(pods.map(makerOf)).size < 2 || new Set(pods.map(programsOf)).size < 2) return undefined;
  const targets = (service.object.spec.ports ?? []).map(({ targetPort, port }) => targetPort ?? port);
  const meant = pods.find((pod) => serves(pod, targets));
  const stranger = meant && pods.find((pod) => !serves(pod, targets) && programsOf(pod) !== programsOf(meant));
  if (!meant || !stranger) return undefined;
  const label = telling(meant, stranger);
  return {
    code: 'selector-too-broad',
    text: `The selector of svc/${key} (${printLabels(selector)}) fits pods of ${makerOf(meant)}, which have port ${targets.join(', ')}, and of ${makerOf(stranger)}, which do not: part of the connections ends there.`,
    mend:
      label === undefined
        ? 'Give the pods that are meant a label of their own, and select it.'
        : `Add ${label} to the selector.`,
    object: objectRef(provenance, service, ['spec', 'selector']),
  };
}
