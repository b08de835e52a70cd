/** Why a pod is not ready, as far as its object tells. */
import type { Pod } from '../objects/kube.ts';
import { isOver } from '../objects/pod-facts.ts';

/** Names in `containers with unready status: [web sidecar]`, which the kubelet writes (pkg/kubelet/status/generate.go). */
function unreadyContainers(message: string | undefined): string[] {
  const list = /\[([^\]]*)\]/.exec(message ?? '')?.[1] ?? '';
  return list.split(' ').filter((name) => name !== '');
}

function containerCause(pod: Pod, names: readonly string[]): string {
  const probed = names.filter((name) =>
    [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])].some(
      (container) => container.name === name && container.readinessProbe !== undefined,
    ),
  );
  const list = names.join(', ');
  if (probed.length === names.length && names.length > 0) return `no readinessProbe success of ${list}`;
  return `${list} ${names.length === 1 ? 'does' : 'do'} not run, or ${names.length === 1 ? 'is' : 'are'} not ready`;
}

/** A clause: `no readinessProbe success of web`; undefined for a pod that is ready. */
export function whyNotReady(pod: Pod): string | undefined {
  const { status = {}, metadata, spec } = pod;
  if (isOver(pod)) return `it has ended (${status.phase})`;
  const conditions = status.conditions ?? [];
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (metadata.deletionTimestamp) return 'it is being deleted';
  if (ready?.status === 'True') return undefined;
  const scheduled = conditions.find(({ type, status: value }) => type === 'PodScheduled' && value === 'False');
  if (scheduled) return `it runs on no node (${scheduled.reason ?? 'not scheduled'})`;
  const names = unreadyContainers(ready?.message);
  if (names.length > 0) return containerCause(pod, names);
  const gates = (spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  const unmet = gates.filter(
    (gate) => !conditions.some(({ type, status: value }) => type === gate && value === 'True'),
  );
  if (unmet.length > 0) return `readiness gate ${unmet.join(', ')} is not True`;
  if (!ready) return status.phase === 'Pending' ? 'it is Pending' : 'it has no condition Ready';
  return ready.reason === undefined
    ? 'its condition Ready is False'
    : `its condition Ready is ${ready.status} (${ready.reason})`;
}
