import type { Findings, Path } from './findings.ts';
import { suggest } from './suggest.ts';

/** Every field that a part of an object may have, and the parts inside it: `[part]` is a list of them. */
interface Part {
  fields: readonly string[];
  parts?: Readonly<Record<string, Part | readonly [Part]>>;
}

const words = (text: string): string[] => text.trim().split(/\s+/);

const selector: Part = {
  fields: ['matchLabels', 'matchExpressions'],
  parts: { matchExpressions: [{ fields: ['key', 'operator', 'values'] }] },
};

const container: Part = {
  fields:
    words(`args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy
    resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath
    terminationMessagePolicy tty volumeDevices volumeMounts workingDir`),
  parts: { ports: [{ fields: words('containerPort hostIP hostPort name protocol') }] },
};

const podSpec: Part = {
  fields:
    words(`activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks
    ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets
    initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims
    resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup securityContext serviceAccount
    serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations
    topologySpreadConstraints volumes workloadRef`),
  parts: { containers: [container], initContainers: [container] },
};

const template: Part = { fields: ['metadata', 'spec'], parts: { spec: podSpec } };
const workload = (fields: string): Part => ({
  fields: words(`selector template ${fields}`),
  parts: { template, selector },
});

const job = workload(`parallelism completions activeDeadlineSeconds podFailurePolicy successPolicy backoffLimit
  backoffLimitPerIndex maxFailedIndexes manualSelector ttlSecondsAfterFinished completionMode suspend podReplacementPolicy
  managedBy scheduling`);

/** The `spec` of each kind. */
const specs: Readonly<Record<string, Part>> = {
  Pod: podSpec,
  Deployment: workload(
    'replicas strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds rollbackTo',
  ),
  ReplicaSet: workload('replicas minReadySeconds'),
  ReplicationController: { fields: words('replicas minReadySeconds selector template'), parts: { template } },
  StatefulSet:
    workload(`replicas volumeClaimTemplates serviceName podManagementPolicy updateStrategy revisionHistoryLimit
    minReadySeconds persistentVolumeClaimRetentionPolicy ordinals`),
  DaemonSet: workload('updateStrategy minReadySeconds revisionHistoryLimit templateGeneration'),
  Job: job,
  CronJob: {
    fields:
      words(`schedule timeZone startingDeadlineSeconds concurrencyPolicy suspend jobTemplate successfulJobsHistoryLimit
      failedJobsHistoryLimit`),
    parts: { jobTemplate: { fields: ['metadata', 'spec'], parts: { spec: job } } },
  },
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListed(part: Part | readonly [Part]): part is readonly [Part] {
  return Array.isArray(part);
}

function check(value: unknown, part: Part, path: Path, findings: Findings): void {
  if (!isRecord(value)) return;
  for (const field of Object.keys(value)) {
    if (!part.fields.includes(field)) reportUnknown(field, part, path, findings);
  }
  for (const [field, inner] of Object.entries(part.parts ?? {})) {
    const found = value[field];
    if (!isListed(inner)) check(found, inner, [...path, field], findings);
    else if (Array.isArray(found)) {
      for (const [index, member] of found.entries()) check(member, inner[0], [...path, field, index], findings);
    }
  }
}

function reportUnknown(field: string, part: Part, path: Path, findings: Findings): void {
  const [near] = suggest(field, part.fields, (name) => name, 1);
  const mend = near === undefined ? 'Remove it, or put it where it belongs.' : `Did you mean ${near}?`;
  findings.warn([...path, field], 'unknown-field', `there is no field ${field} here: it does nothing`, mend);
}

/** Fields that Kubernetes v1.36 does not know, in the parts of a `spec` that decide about packets: misspelt ones do nothing, silently. */
export function validateFields(kind: string, spec: unknown, findings: Findings): void {
  const part = specs[kind];
  if (part !== undefined) check(spec, part, ['spec'], findings);
}
