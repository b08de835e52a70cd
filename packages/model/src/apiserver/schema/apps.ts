/** apps/v1/types.go. */
import { persistentVolumeClaim } from './core-claims.ts';
import { podTemplateSpec } from './core-pod.ts';
import { type Draft, labelSelector, root } from './meta.ts';
import { intOrString, time } from './scalars.ts';
import { always, bool, int32, int64, list, type Of, pointer, string, struct, text } from './type.ts';

const rollingUpdateDeployment = struct('v1.RollingUpdateDeployment', {
  maxUnavailable: pointer(intOrString),
  maxSurge: pointer(intOrString),
});

const deploymentStrategy = struct('v1.DeploymentStrategy', {
  type: text('v1.DeploymentStrategyType'),
  rollingUpdate: pointer(rollingUpdateDeployment),
});

const deploymentSpec = struct('v1.DeploymentSpec', {
  replicas: pointer(int32),
  selector: always(pointer(labelSelector)),
  template: always(podTemplateSpec),
  strategy: deploymentStrategy,
  minReadySeconds: int32,
  revisionHistoryLimit: pointer(int32),
  paused: bool,
  progressDeadlineSeconds: pointer(int32),
});

const deploymentCondition = struct('v1.DeploymentCondition', {
  type: always(text('v1.DeploymentConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastUpdateTime: time,
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const deploymentStatus = struct('v1.DeploymentStatus', {
  observedGeneration: int64,
  replicas: int32,
  updatedReplicas: int32,
  readyReplicas: int32,
  availableReplicas: int32,
  unavailableReplicas: int32,
  terminatingReplicas: pointer(int32),
  conditions: list(deploymentCondition),
  collisionCount: pointer(int32),
});

export const deployment = root('v1.Deployment', {
  spec: deploymentSpec,
  status: deploymentStatus,
});

export type Deployment = Draft & Of<typeof deployment>;

const replicaSetSpec = struct('v1.ReplicaSetSpec', {
  replicas: pointer(int32),
  minReadySeconds: int32,
  selector: always(pointer(labelSelector)),
  template: podTemplateSpec,
});

const replicaSetCondition = struct('v1.ReplicaSetCondition', {
  type: always(text('v1.ReplicaSetConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const replicaSetStatus = struct('v1.ReplicaSetStatus', {
  replicas: always(int32),
  fullyLabeledReplicas: int32,
  readyReplicas: int32,
  availableReplicas: int32,
  terminatingReplicas: pointer(int32),
  observedGeneration: int64,
  conditions: list(replicaSetCondition),
});

export const replicaSet = root('v1.ReplicaSet', {
  spec: replicaSetSpec,
  status: replicaSetStatus,
});

export type ReplicaSet = Draft & Of<typeof replicaSet>;

const rollingUpdateStatefulSetStrategy = struct('v1.RollingUpdateStatefulSetStrategy', {
  partition: pointer(int32),
  maxUnavailable: pointer(intOrString),
});

const statefulSetUpdateStrategy = struct('v1.StatefulSetUpdateStrategy', {
  type: text('v1.StatefulSetUpdateStrategyType'),
  rollingUpdate: pointer(rollingUpdateStatefulSetStrategy),
});

const statefulSetPersistentVolumeClaimRetentionPolicy = struct('v1.StatefulSetPersistentVolumeClaimRetentionPolicy', {
  whenDeleted: text('v1.PersistentVolumeClaimRetentionPolicyType'),
  whenScaled: text('v1.PersistentVolumeClaimRetentionPolicyType'),
});

const statefulSetOrdinals = struct('v1.StatefulSetOrdinals', {
  start: always(int32),
});

const statefulSetSpec = struct('v1.StatefulSetSpec', {
  replicas: pointer(int32),
  selector: always(pointer(labelSelector)),
  template: always(podTemplateSpec),
  volumeClaimTemplates: list(persistentVolumeClaim),
  serviceName: always(string),
  podManagementPolicy: text('v1.PodManagementPolicyType'),
  updateStrategy: statefulSetUpdateStrategy,
  revisionHistoryLimit: pointer(int32),
  minReadySeconds: int32,
  persistentVolumeClaimRetentionPolicy: pointer(statefulSetPersistentVolumeClaimRetentionPolicy),
  ordinals: pointer(statefulSetOrdinals),
});

const statefulSetCondition = struct('v1.StatefulSetCondition', {
  type: always(text('v1.StatefulSetConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const statefulSetStatus = struct('v1.StatefulSetStatus', {
  observedGeneration: int64,
  replicas: always(int32),
  readyReplicas: int32,
  currentReplicas: int32,
  updatedReplicas: int32,
  currentRevision: string,
  updateRevision: string,
  collisionCount: pointer(int32),
  conditions: list(statefulSetCondition),
  availableReplicas: always(int32),
});

export const statefulSet = root('v1.StatefulSet', {
  spec: statefulSetSpec,
  status: statefulSetStatus,
});

export type StatefulSet = Draft & Of<typeof statefulSet>;

const rollingUpdateDaemonSet = struct('v1.RollingUpdateDaemonSet', {
  maxUnavailable: pointer(intOrString),
  maxSurge: pointer(intOrString),
});

const daemonSetUpdateStrategy = struct('v1.DaemonSetUpdateStrategy', {
  type: text('v1.DaemonSetUpdateStrategyType'),
  rollingUpdate: pointer(rollingUpdateDaemonSet),
});

const daemonSetSpec = struct('v1.DaemonSetSpec', {
  selector: always(pointer(labelSelector)),
  template: always(podTemplateSpec),
  updateStrategy: daemonSetUpdateStrategy,
  minReadySeconds: int32,
  revisionHistoryLimit: pointer(int32),
});

const daemonSetCondition = struct('v1.DaemonSetCondition', {
  type: always(text('v1.DaemonSetConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const daemonSetStatus = struct('v1.DaemonSetStatus', {
  currentNumberScheduled: always(int32),
  numberMisscheduled: always(int32),
  desiredNumberScheduled: always(int32),
  numberReady: always(int32),
  observedGeneration: int64,
  updatedNumberScheduled: int32,
  numberAvailable: int32,
  numberUnavailable: int32,
  collisionCount: pointer(int32),
  conditions: list(daemonSetCondition),
});

export const daemonSet = root('v1.DaemonSet', {
  spec: daemonSetSpec,
  status: daemonSetStatus,
});

export type DaemonSet = Draft & Of<typeof daemonSet>;
