/**
 * Which pods a workload loses first: ActivePodsWithRanks (pkg/controller/controller_utils.go) of a ReplicaSet, as far as objects tell without
 * a clock; the highest ordinal of a StatefulSet. Kubernetes v1.36.
 */
import type { Pod } from '../objects/kube.ts';
import { isPodReady } from '../objects/pod-facts.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

function costOf({ metadata }: Pod): number {
  const text = metadata.annotations?.[DELETION_COST] ?? '';
  return /^-?(?:0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

/** Smaller goes first, part by part. */
function rank(pod: Pod, together: number): number[] {
  const phase = { Pending: 0, Unknown: 1, Running: 2 }[pod.status?.phase ?? 'Running'] ?? 2;
  return [pod.spec.nodeName ? 1 : 0, phase, isPodReady(pod) ? 1 : 0, costOf(pod), -together];
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (const [i, part] of a.entries()) {
    const difference = part - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const ordinalOf = ({ metadata }: Pod): number => Number(/-(\d+)$/.exec(metadata.name)?.[1] ?? -1);

/** @returns The pods, those that go first at the start. `isTied`: among equals the last by name was taken, where `count` go. */
export function byDeletion(pods: readonly Pod[], kind: string, count: number): { order: Pod[]; isTied: boolean } {
  if (kind === 'StatefulSet') return { order: pods.toSorted((a, b) => ordinalOf(b) - ordinalOf(a)), isTied: false };
  const onNode = new Map<string, number>();
  for (const { spec } of pods) onNode.set(spec.nodeName ?? '', (onNode.get(spec.nodeName ?? '') ?? 0) + 1);
  const ranks = new Map(pods.map((pod) => [pod, rank(pod, onNode.get(pod.spec.nodeName ?? '') ?? 0)]));
  const of = (pod: Pod) => ranks.get(pod) as number[];
  const order = pods.toSorted((a, b) => compareRanks(of(a), of(b)) || (a.metadata.name < b.metadata.name ? 1 : -1));
  const [last, next] = [order[count - 1], order[count]];
  return { order, isTied: last !== undefined && next !== undefined && compareRanks(of(last), of(next)) === 0 };
}
