/** Defaults of Pods and of what holds a pod template: pkg/apis/{core/v1,apps/*,batch/*}/defaults.go, Kubernetes v1.36. */
import { fill, mapList, withField } from './fill.ts';
import { groupOf } from './kinds.ts';
import type { Container, KubeObject, Pod, PodSpec, PodTemplate, Workload } from './kube.ts';

/** core/v1/defaults.go:defaultHostNetworkPorts(): in the host's network a container port is a host port. */
function defaultContainer(container: Container, isOnHost: boolean): Container {
  const ports = mapList(container.ports, (port) =>
    fill(port, { protocol: 'TCP', hostPort: isOnHost ? port.containerPort : undefined }),
  );
  return ports === undefined ? container : withField(container, 'ports', ports);
}

/** `serviceAccount` is the older name of `serviceAccountName` (core/v1/conversion.go). */
function defaultServiceAccount(spec: PodSpec & { serviceAccount?: unknown }, otherwise: string | undefined): PodSpec {
  const older = typeof spec.serviceAccount === 'string' && spec.serviceAccount !== '' ? spec.serviceAccount : otherwise;
  return fill<PodSpec>(spec, { serviceAccountName: older });
}

/** `isOnHost`: the ports are host ports, which holds for Pods in the host's network, not for templates of such (since Kubernetes 1.28). */
function defaultPodSpec(given: PodSpec, isOnHost: boolean): PodSpec {
  let spec = fill(given, { dnsPolicy: 'ClusterFirst', restartPolicy: 'Always' });
  for (const field of ['containers', 'initContainers'] as const) {
    const containers = mapList(spec[field], (container) => defaultContainer(container, isOnHost));
    if (containers !== undefined) spec = withField(spec, field, containers);
  }
  return spec;
}

/** core/v1/conversion.go: `podIP` is the first of `podIPs`, `hostIP` of `hostIPs`. */
function defaultPodStatus(status: NonNullable<Pod['status']>): NonNullable<Pod['status']> {
  return fill(status, {
    podIPs: status.podIP ? [{ ip: status.podIP }] : undefined,
    hostIPs: status.hostIP ? [{ ip: status.hostIP }] : undefined,
  });
}

export function defaultPod(pod: Pod): Pod {
  const spec = defaultPodSpec(defaultServiceAccount(pod.spec, 'default'), pod.spec.hostNetwork === true);
  const filled = withField(pod, 'spec', spec);
  return filled.status === undefined ? filled : withField(filled, 'status', defaultPodStatus(filled.status));
}

function defaultTemplate(template: PodTemplate): PodTemplate {
  if (template.spec === undefined) return template;
  return withField(template, 'spec', defaultPodSpec(defaultServiceAccount(template.spec, undefined), false));
}

type Spec = Workload['spec'];

/** batch/v1/defaults.go:SetDefaults_Job(): one completion, unless only the parallelism is given (a work queue). */
function defaultJobSpec<T extends { completions?: number; parallelism?: number }>(spec: T): T {
  const isSingle = spec.completions === undefined && spec.parallelism === undefined;
  return fill<{ completions?: number; parallelism?: number }>(spec, {
    completions: isSingle ? 1 : undefined,
    parallelism: 1,
  }) as T;
}

function defaultCronJobSpec(given: Spec): Spec {
  const spec = fill(given, { suspend: false });
  const job = spec.jobTemplate?.spec;
  if (spec.jobTemplate === undefined || job?.template === undefined) return spec;
  const template = defaultTemplate(job.template);
  return template === job.template
    ? spec
    : { ...spec, jobTemplate: { ...spec.jobTemplate, spec: { ...job, template } } };
}

/** Groups in which a workload without a selector took its template's labels: core/v1 for good, the others until `apps/v1`. */
function takesTemplateLabels(object: KubeObject): boolean {
  const group = groupOf(object.apiVersion);
  return object.kind === 'ReplicationController' || group === 'extensions' || object.apiVersion === 'apps/v1beta1';
}

function defaultSelector(object: Workload, spec: Spec): Spec {
  const labels = spec.template?.metadata?.labels;
  if (!takesTemplateLabels(object) || labels === undefined) return spec;
  const { selector } = spec;
  if (object.kind !== 'ReplicationController') return fill(spec, { selector: { matchLabels: labels } });
  return selector === undefined || Object.keys(selector).length === 0 ? { ...spec, selector: labels } : spec;
}

const replicated = new Set(['Deployment', 'ReplicaSet', 'StatefulSet', 'ReplicationController']);

/** The object itself where it is no workload or has no spec. */
export function defaultWorkload(object: KubeObject): KubeObject {
  const workload = object as Workload;
  const isWorkload = replicated.has(object.kind) || ['DaemonSet', 'Job', 'CronJob'].includes(object.kind);
  if (!isWorkload || workload.spec === undefined) return object;
  let { spec } = workload;
  if (object.kind === 'CronJob') return withField(workload, 'spec', defaultCronJobSpec(spec));
  if (spec.template !== undefined) spec = withField(spec, 'template', defaultTemplate(spec.template));
  if (object.kind === 'Job') return withField(workload, 'spec', defaultJobSpec(fill(spec, { suspend: false })));
  if (replicated.has(object.kind)) spec = fill(spec, { replicas: 1 });
  return withField(workload, 'spec', defaultSelector(workload, spec));
}
