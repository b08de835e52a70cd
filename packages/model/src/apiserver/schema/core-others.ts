/** Namespaces, ConfigMaps, Secrets, ServiceAccounts, ResourceQuotas and LimitRanges: core/v1/types.go. */
import { localObjectReference } from './core-refs.ts';
import { objectReference } from './core-service.ts';
import { type Draft, root } from './meta.ts';
import { bytes, time } from './scalars.ts';
import { always, bool, list, map, type Of, pointer, string, struct, text } from './type.ts';

const namespaceSpec = struct('v1.NamespaceSpec', {
  finalizers: list(text('v1.FinalizerName')),
});

const namespaceCondition = struct('v1.NamespaceCondition', {
  type: always(text('v1.NamespaceConditionType')),
  status: always(text('v1.ConditionStatus')),
  lastTransitionTime: time,
  reason: string,
  message: string,
});

const namespaceStatus = struct('v1.NamespaceStatus', {
  phase: text('v1.NamespacePhase'),
  conditions: list(namespaceCondition),
});

export const namespace = root('v1.Namespace', {
  spec: namespaceSpec,
  status: namespaceStatus,
});

export type Namespace = Draft & Of<typeof namespace>;

export const configMap = root('v1.ConfigMap', {
  immutable: pointer(bool),
  data: map(string),
  binaryData: map(bytes),
});

export type ConfigMap = Draft & Of<typeof configMap>;

export const secret = root('v1.Secret', {
  immutable: pointer(bool),
  data: map(bytes),
  stringData: map(string),
  type: text('v1.SecretType'),
});

export type Secret = Draft & Of<typeof secret>;

export const serviceAccount = root('v1.ServiceAccount', {
  secrets: list(objectReference),
  imagePullSecrets: list(localObjectReference),
  automountServiceAccountToken: pointer(bool),
});

export type ServiceAccount = Draft & Of<typeof serviceAccount>;
