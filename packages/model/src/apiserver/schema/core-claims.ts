/** PersistentVolumeClaims: core/v1/types.go. */
import { typedLocalObjectReference, typedObjectReference } from './core-refs.ts';
import { type Draft, labelSelector, root } from './meta.ts';
import { quantity, time } from './scalars.ts';
import { always, list, map, type Of, pointer, string, struct, text } from './type.ts';

const volumeResourceRequirements = struct('v1.VolumeResourceRequirements', {
  limits: map(quantity, 'v1.ResourceList'),
  requests: map(quantity, 'v1.ResourceList'),
});

const persistentVolumeClaimSpec = struct('v1.PersistentVolumeClaimSpec', {
  accessModes: list(text('v1.PersistentVolumeAccessMode')),
  selector: pointer(labelSelector),
  resources: volumeResourceRequirements,
  volumeName: string,
  storageClassName: pointer(string),
  volumeMode: pointer(text('v1.PersistentVolumeMode')),
  dataSource: pointer(typedLocalObjectReference),
  dataSourceRef: pointer(typedObjectReference),
  volumeAttributesClassName: pointer(string),
});

export const persistentVolumeClaimTemplate = struct('v1.PersistentVolumeClaimTemplate', {
  spec: always(persistentVolumeClaimSpec),
});

const persistentVolumeClaimCondition = struct('v1.PersistentVolumeClaimCondition', {
  type: always(text('v1.PersistentVolumeClaimConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastProbeTime: time,
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const modifyVolumeStatus = struct('v1.ModifyVolumeStatus', {
  targetVolumeAttributesClassName: string,
  status: always(text('v1.PersistentVolumeClaimModifyVolumeStatus')),
});

const persistentVolumeClaimStatus = struct('v1.PersistentVolumeClaimStatus', {
  phase: text('v1.PersistentVolumeClaimPhase'),
  accessModes: list(text('v1.PersistentVolumeAccessMode')),
  capacity: map(quantity, 'v1.ResourceList'),
  conditions: list(persistentVolumeClaimCondition),
  allocatedResources: map(quantity, 'v1.ResourceList'),
  allocatedResourceStatuses: map(text('v1.ClaimResourceStatus'), 'v1.ResourceName'),
  currentVolumeAttributesClassName: pointer(string),
  modifyVolumeStatus: pointer(modifyVolumeStatus),
});

export const persistentVolumeClaim = root('v1.PersistentVolumeClaim', {
  spec: persistentVolumeClaimSpec,
  status: persistentVolumeClaimStatus,
});

export type PersistentVolumeClaim = Draft & Of<typeof persistentVolumeClaim>;
