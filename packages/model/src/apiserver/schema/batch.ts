/** batch/v1/types.go. */
import { podTemplateSpec } from './core-pod.ts';
import { objectReference } from './core-service.ts';
import { type Draft, labelSelector, root } from './meta.ts';
import { time } from './scalars.ts';
import { always, bool, int32, int64, list, type Of, pointer, string, struct, text } from './type.ts';

const podFailurePolicyOnExitCodesRequirement = struct('v1.PodFailurePolicyOnExitCodesRequirement', {
  containerName: pointer(string),
  operator: always(text('v1.PodFailurePolicyOnExitCodesOperator')),
  values: always(list(int32)),
});

const podFailurePolicyOnPodConditionsPattern = struct('v1.PodFailurePolicyOnPodConditionsPattern', {
  type: always(text('v1.PodConditionType')),
  status: always(text('v1.ConditionStatus')),
});

const podFailurePolicyRule = struct('v1.PodFailurePolicyRule', {
  action: always(text('v1.PodFailurePolicyAction')),
  onExitCodes: pointer(podFailurePolicyOnExitCodesRequirement),
  onPodConditions: list(podFailurePolicyOnPodConditionsPattern),
});

const podFailurePolicy = struct('v1.PodFailurePolicy', {
  rules: always(list(podFailurePolicyRule)),
});

const successPolicyRule = struct('v1.SuccessPolicyRule', {
  succeededIndexes: pointer(string),
  succeededCount: pointer(int32),
});

const successPolicy = struct('v1.SuccessPolicy', {
  rules: always(list(successPolicyRule)),
});

const jobSpec = struct('v1.JobSpec', {
  parallelism: pointer(int32),
  completions: pointer(int32),
  activeDeadlineSeconds: pointer(int64),
  podFailurePolicy: pointer(podFailurePolicy),
  successPolicy: pointer(successPolicy),
  backoffLimit: pointer(int32),
  backoffLimitPerIndex: pointer(int32),
  maxFailedIndexes: pointer(int32),
  selector: pointer(labelSelector),
  manualSelector: pointer(bool),
  template: always(podTemplateSpec),
  ttlSecondsAfterFinished: pointer(int32),
  completionMode: pointer(text('v1.CompletionMode')),
  suspend: pointer(bool),
  podReplacementPolicy: pointer(text('v1.PodReplacementPolicy')),
  managedBy: pointer(string),
});

const jobCondition = struct('v1.JobCondition', {
  type: always(text('v1.JobConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastProbeTime: time,
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const uncountedTerminatedPods = struct('v1.UncountedTerminatedPods', {
  succeeded: list(text('types.UID')),
  failed: list(text('types.UID')),
});

const jobStatus = struct('v1.JobStatus', {
  conditions: list(jobCondition),
  startTime: pointer(time),
  completionTime: pointer(time),
  active: int32,
  succeeded: int32,
  failed: int32,
  terminating: pointer(int32),
  completedIndexes: string,
  failedIndexes: pointer(string),
  uncountedTerminatedPods: pointer(uncountedTerminatedPods),
  ready: pointer(int32),
});

export const job = root('v1.Job', {
  spec: jobSpec,
  status: jobStatus,
});

export type Job = Draft & Of<typeof job>;

const jobTemplateSpec = struct('v1.JobTemplateSpec', {
  spec: jobSpec,
});

const cronJobSpec = struct('v1.CronJobSpec', {
  schedule: always(string),
  timeZone: pointer(string),
  startingDeadlineSeconds: pointer(int64),
  concurrencyPolicy: text('v1.ConcurrencyPolicy'),
  suspend: pointer(bool),
  jobTemplate: always(jobTemplateSpec),
  successfulJobsHistoryLimit: pointer(int32),
  failedJobsHistoryLimit: pointer(int32),
});

const cronJobStatus = struct('v1.CronJobStatus', {
  active: list(objectReference),
  lastScheduleTime: pointer(time),
  lastSuccessfulTime: pointer(time),
});

export const cronJob = root('v1.CronJob', {
  spec: cronJobSpec,
  status: cronJobStatus,
});

export type CronJob = Draft & Of<typeof cronJob>;
