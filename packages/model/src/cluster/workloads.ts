/** The Pods that controllers would make of workloads: names, labels and owners as Kubernetes gives them. */

import { hexDigits, suffix, uniqueName } from '../objects/drawn-names.ts';
import type {
  KubeObject,
  LabelSelector,
  ObjectMeta,
  Pod,
  PodSpec,
  PodTemplate,
  Toleration,
  Workload,
} from '../objects/kube.ts';
import { matchesSelector, printLabels } from '../objects/labels.ts';
import { defaultPod } from '../objects/pod-defaults.ts';
import { isLive } from '../objects/pod-facts.ts';
import type { Placed } from './cluster.ts';
import { type Collected, type HorizontalPodAutoscaler, keyOf } from './collect.ts';
import type { Report } from './report.ts';

/** A pod to place: where it must run, if its controller already says so. */
export interface PodPlan {
  placed: Placed<Pod>;
  /** One per node: a DaemonSet's pod, still without a node. */
  daemon?: boolean;
}

/** A number of pods that no example and no cluster has; what is above is not made. */
const MAX_REPLICAS = 200_000;

function templateOf(workload: Workload): PodTemplate | undefined {
  const spec = workload.spec;
  return workload.kind === 'CronJob' ? spec?.jobTemplate?.spec?.template : spec?.template;
}

/** The selector as a LabelSelector; ReplicationControllers have a plain map, old API versions take the template's labels. */
function selectorOf(workload: Workload): LabelSelector | undefined {
  const { selector } = workload.spec ?? {};
  const labels = templateOf(workload)?.metadata?.labels;
  if (workload.kind === 'ReplicationController')
    return { matchLabels: (selector as Record<string, string> | undefined) ?? labels ?? {} };
  if (selector && Object.keys(selector).length > 0) return selector as LabelSelector;
  return labels && Object.keys(labels).length > 0 ? { matchLabels: labels } : undefined;
}

/** What the DaemonSet controller lets its pods tolerate (pkg/controller/daemon/util, `AddOrUpdateDaemonPodTolerations`). */
function daemonTolerations(hostNetwork: boolean): Toleration[] {
  const all = [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
    { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
    { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
  ];
  const network = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };
  return hostNetwork ? [...all, network] : all;
}

interface Making {
  workload: Placed<Workload>;
  template: PodTemplate;
  /** Labels that the controller adds. */
  labels: Record<string, string>;
  owner: { apiVersion: string; kind: string; name: string };
}

function pod(
  { workload, template, labels, owner }: Making,
  name: string,
  extra: Record<string, string> = {},
): Placed<Pod> {
  const { namespace } = workload.object.metadata;
  const metadata: ObjectMeta = {
    name,
    ...(namespace !== undefined && { namespace }),
    labels: { ...template.metadata?.labels, ...labels, ...extra },
    ...(template.metadata?.annotations && { annotations: template.metadata.annotations }),
    ownerReferences: [{ ...owner, controller: true }],
  };
  const { kind } = workload.object;
  return {
    object: { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...template.spec } },
    madeBy: {
      kind,
      name: workload.object.metadata.name,
      ...(namespace !== undefined && { namespace }),
      ...(workload.origin && { origin: workload.origin }),
    },
  };
}

/** How many pods: what HorizontalPodAutoscalers do without metrics is to keep the number within their bounds. */
function replicasOf(
  workload: Placed<Workload>,
  autoscalers: readonly Placed<HorizontalPodAutoscaler>[],
  report: Report,
): number {
  const { object } = workload;
  const { spec } = object;
  let replicas =
    object.kind === 'Job'
      ? Math.min(spec.parallelism ?? 1, spec.completions ?? Number.MAX_SAFE_INTEGER)
      : (spec.replicas ?? 1);
  if (object.kind === 'Job' && spec.suspend) replicas = 0;
  const scaler = autoscalers.find(
    ({ object: a }) =>
      a.metadata.namespace === object.metadata.namespace &&
      a.spec?.scaleTargetRef?.kind === object.kind &&
      a.spec.scaleTargetRef.name === object.metadata.name,
  );
  if (scaler && replicas > 0) {
    const { minReplicas = 1, maxReplicas = Number.MAX_SAFE_INTEGER } = scaler.object.spec ?? {};
    const scaled = Math.min(Math.max(replicas, minReplicas), maxReplicas);
    if (scaled !== replicas) {
      report.assume(
        'autoscaled',
        'Workloads have the number of replicas that their HorizontalPodAutoscaler allows without metrics',
        'give the Pods: kubectl get pods -A -o json',
      );
    }
    replicas = scaled;
  }
  if (replicas > MAX_REPLICAS) {
    report.problem(
      'error',
      'too-many-replicas',
      { ...workload, path: ['spec', 'replicas'] },
      `${replicas} replicas are more than podwire makes: none was made`,
      `Ask with ${MAX_REPLICAS} or fewer.`,
    );
    return 0;
  }
  return Math.max(0, replicas);
}

/** What the API server sets on a Pod and not on a template: host ports in the host's network, a service account. */
function asPod(spec: PodSpec = {}): PodSpec {
  return defaultPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name: '' }, spec }).spec;
}

function makePods(
  workload: Placed<Workload>,
  template: PodTemplate,
  replicas: number,
  isTaken: (name: string) => boolean,
): PodPlan[] {
  const { object } = workload;
  const { name, namespace = '' } = object.metadata;
  const hash = suffix(JSON.stringify(template), object.kind === 'Deployment' || object.kind === 'ReplicaSet' ? 9 : 8);
  const seed = `${namespace}/${object.kind}/${name}`;
  const mine: Making = {
    workload,
    template: { ...template, spec: asPod(template.spec) },
    labels: {},
    owner: { apiVersion: object.apiVersion, kind: object.kind, name },
  };
  const random = (making: Making, base: string, index: number): PodPlan => ({
    placed: pod(making, uniqueName(base, `${seed}/${index}`, 5, isTaken)),
  });
  const many = (count: number, make: (index: number) => PodPlan): PodPlan[] =>
    Array.from({ length: count }, (_, i) => make(i));
  switch (object.kind) {
    case 'Deployment': {
      const set = `${name}-${hash}`;
      const making = {
        ...mine,
        labels: { 'pod-template-hash': hash },
        owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: set },
      };
      return many(replicas, (i) => random(making, set, i));
    }
    case 'StatefulSet': {
      const start = (object.spec as { ordinals?: { start?: number } }).ordinals?.start ?? 0;
      // In order, the next pod waits for the one before to be ready: behind a gate that nothing sets it waits for ever.
      const waits = object.spec.podManagementPolicy !== 'Parallel' && (template.spec?.readinessGates ?? []).length > 0;
      return many(waits ? Math.min(replicas, 1) : replicas, (i) => {
        const ordinal = `${name}-${start + i}`;
        const labels = {
          'statefulset.kubernetes.io/pod-name': ordinal,
          'apps.kubernetes.io/pod-index': String(start + i),
          'controller-revision-hash': `${name}-${hash}`,
        };
        const placed = pod(mine, ordinal, labels);
        // The controller names the pod's host after the pod and its subdomain after the governing Service.
        placed.object.spec = {
          ...placed.object.spec,
          hostname: ordinal,
          ...(object.spec.serviceName && { subdomain: object.spec.serviceName }),
        };
        return { placed };
      });
    }
    case 'DaemonSet': {
      const generation = object.metadata.annotations?.['deprecated.daemonset.template.generation'] ?? '1';
      const labels = { 'controller-revision-hash': hash, 'pod-template-generation': generation };
      const placed = pod({ ...mine, labels }, name);
      const { spec } = placed.object;
      placed.object.spec = {
        ...spec,
        tolerations: [...(spec.tolerations ?? []), ...daemonTolerations(spec.hostNetwork ?? false)],
      };
      return [{ placed, daemon: true }];
    }
    case 'Job':
      return many(replicas, (i) =>
        random({ ...mine, labels: { 'batch.kubernetes.io/job-name': name, 'job-name': name } }, name, i),
      );
    case 'CronJob': {
      const job = `${name}-${hexDigits(seed, 8)}`;
      const making = {
        ...mine,
        labels: { 'batch.kubernetes.io/job-name': job, 'job-name': job },
        owner: { apiVersion: 'batch/v1', kind: 'Job', name: job },
      };
      return [random(making, job, 0)];
    }
    default:
      return many(replicas, (i) => random(mine, name, i));
  }
}

/** Pods of a workload that runs so many; none without a template. `isTaken`: names in its namespace. */
export function podsOfWorkload(
  workload: Placed<Workload>,
  replicas: number,
  isTaken: (name: string) => boolean,
): Placed<Pod>[] {
  const template = templateOf(workload.object);
  return template ? makePods(workload, template, replicas, isTaken).map(({ placed }) => placed) : [];
}

/** Whether another workload of the input keeps this one (a ReplicaSet of a Deployment, a Job of a CronJob). */
function isKept(workload: Workload, workloads: Collected['workloads']): boolean {
  return (workload.metadata.ownerReferences ?? []).some((o) =>
    workloads.has(`${o.kind} ${workload.metadata.namespace}/${o.name}`),
  );
}

/** Labels that differ between a selector and the template it does not fit. */
function misfit(selector: LabelSelector, labels: Readonly<Record<string, string>>): string {
  const wrong = Object.entries(selector.matchLabels ?? {}).filter(([key, value]) => labels[key] !== value);
  return wrong.map(([key, value]) => `${key}=${value}`).join(',') || 'its expressions';
}

/**
 * ReplicaSets and ReplicationControllers take pods that fit and that nobody owns for their own (pkg/controller/controller_ref_manager.go). How
 * many, up to `wanted`.
 */
function adopt(
  { object }: Placed<Workload>,
  selector: LabelSelector | undefined,
  present: readonly Placed<Pod>[],
  wanted: number,
  collected: Collected,
): number {
  if (object.kind !== 'ReplicaSet' && object.kind !== 'ReplicationController') return 0;
  const { apiVersion, kind, metadata } = object;
  // Another controller may have taken one by now.
  const now = present.map((p) => collected.pods.get(keyOf(p.object)) ?? p);
  const orphans = now.filter(
    ({ object: p }) =>
      !p.metadata.ownerReferences?.some((o) => o.controller) && matchesSelector(selector, p.metadata.labels ?? {}),
  );
  for (const placed of orphans.slice(0, wanted)) {
    const owner = { apiVersion, kind, name: metadata.name, controller: true };
    const pod = { ...placed.object, metadata: { ...placed.object.metadata, ownerReferences: [owner] } };
    collected.pods.set(keyOf(pod), { ...placed, object: pod });
  }
  return Math.min(wanted, orphans.length);
}

/** Plans for the pods of every workload whose pods the input does not show. */
export function planPods(collected: Collected, report: Report): PodPlan[] {
  const plans: PodPlan[] = [];
  const taken = new Set(collected.pods.keys());
  const byNamespace = new Map<string, Placed<Pod>[]>();
  for (const placed of collected.pods.values()) {
    const namespace = placed.object.metadata.namespace ?? '';
    const list = byNamespace.get(namespace);
    if (list) list.push(placed);
    else byNamespace.set(namespace, [placed]);
  }
  const autoscalers = [...collected.autoscalers.values()];
  for (const workload of collected.workloads.values()) {
    const { object } = workload;
    const { namespace = '' } = object.metadata;
    if (isKept(object, collected.workloads)) continue;
    const template = templateOf(object);
    if (!template) {
      report.problem(
        'error',
        'no-template',
        { ...workload, path: ['spec', 'template'] },
        'this workload has no pod template, so it has no Pods',
        'Add spec.template.',
      );
      continue;
    }
    const selector = selectorOf(object);
    const labels = template.metadata?.labels ?? {};
    if (selector && object.kind !== 'Job' && object.kind !== 'CronJob' && !matchesSelector(selector, labels)) {
      report.problem(
        'error',
        'selector-template-mismatch',
        { ...workload, path: ['spec', 'selector'] },
        `the selector wants ${misfit(selector, labels)}, but the template has ${printLabels(labels) || 'no labels'}: the API server refuses this`,
        'Make selector and template labels agree.',
      );
      continue;
    }
    const present = byNamespace.get(namespace) ?? [];
    const mine = present.filter(
      ({ object: p }) =>
        ownedBy(p, object) ||
        // Pods that somebody wrote by hand only look like its own.
        ((isLive(p) || p.status?.phase !== undefined) &&
          selector !== undefined &&
          matchesSelector(selector, p.metadata.labels ?? {})),
    );
    if (mine.length > 0) continue;
    // A workload as a cluster had it, beside pods of its namespace: it really has none.
    if (isLive(object) && present.some(({ object: p }) => p.status?.phase !== undefined)) continue;
    const wanted = replicasOf(workload, autoscalers, report);
    const replicas = wanted - adopt(workload, selector, present, wanted, collected);
    const made = makePods(workload, template, replicas, (name) => taken.has(`${namespace}/${name}`));
    for (const plan of made) {
      const key = keyOf(plan.placed.object);
      if (taken.has(key) && !plan.daemon) {
        report.problem(
          'error',
          'name-clash',
          workload,
          `would make Pod ${key}, which exists already`,
          'Rename one of the two.',
        );
        continue;
      }
      taken.add(key);
      plans.push(plan);
    }
    if (object.kind === 'Job' || object.kind === 'CronJob') {
      report.assume(
        'running-jobs',
        'Jobs and CronJobs are looked at while they run: one Pod for each at a time',
        undefined,
        made.length,
      );
    }
  }
  return plans;
}

function ownedBy(object: KubeObject, workload: Workload): boolean {
  return (object.metadata.ownerReferences ?? []).some(
    (o) => o.kind === workload.kind && o.name === workload.metadata.name,
  );
}
