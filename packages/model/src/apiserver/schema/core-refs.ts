/** References and selectors that several types of core/v1/types.go use. */
import { quantity, time } from './scalars.ts';
import { always, bool, embedded, int64, list, map, pointer, string, struct, text } from './type.ts';

export const localObjectReferenceFields = {
  name: string,
};

export const localObjectReference = struct('v1.LocalObjectReference', localObjectReferenceFields);

export const secretReference = struct('v1.SecretReference', {
  name: string,
  namespace: string,
});

export const typedLocalObjectReference = struct('v1.TypedLocalObjectReference', {
  apiGroup: always(pointer(string)),
  kind: always(string),
  name: always(string),
});

export const typedObjectReference = struct('v1.TypedObjectReference', {
  apiGroup: always(pointer(string)),
  kind: always(string),
  name: always(string),
  namespace: pointer(string),
});

export const objectFieldSelector = struct('v1.ObjectFieldSelector', {
  apiVersion: string,
  fieldPath: always(string),
});

export const resourceFieldSelector = struct('v1.ResourceFieldSelector', {
  containerName: string,
  resource: always(string),
  divisor: quantity,
});

export const configMapKeySelector = struct('v1.ConfigMapKeySelector', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  key: always(string),
  optional: pointer(bool),
});

export const secretKeySelector = struct('v1.SecretKeySelector', {
  ...embedded('LocalObjectReference', localObjectReferenceFields),
  key: always(string),
  optional: pointer(bool),
});

export const fileKeySelector = struct('v1.FileKeySelector', {
  volumeName: always(string),
  path: always(string),
  key: always(string),
  optional: pointer(bool),
});

const nodeSelectorRequirement = struct('v1.NodeSelectorRequirement', {
  key: always(string),
  operator: always(text('v1.NodeSelectorOperator')),
  values: list(string),
});

export const nodeSelectorTerm = struct('v1.NodeSelectorTerm', {
  matchExpressions: list(nodeSelectorRequirement),
  matchFields: list(nodeSelectorRequirement),
});

export const nodeSelector = struct('v1.NodeSelector', {
  nodeSelectorTerms: always(list(nodeSelectorTerm)),
});

export const toleration = struct('v1.Toleration', {
  key: string,
  operator: text('v1.TolerationOperator'),
  value: string,
  effect: text('v1.TaintEffect'),
  tolerationSeconds: pointer(int64),
});

export const taint = struct('v1.Taint', {
  key: always(string),
  value: string,
  effect: always(text('v1.TaintEffect')),
  timeAdded: pointer(time),
});

const resourceClaim = struct('v1.ResourceClaim', {
  name: always(string),
  request: string,
});

export const resourceRequirements = struct('v1.ResourceRequirements', {
  limits: map(quantity, 'v1.ResourceList'),
  requests: map(quantity, 'v1.ResourceList'),
  claims: list(resourceClaim),
});

export const resourceHealth = struct('v1.ResourceHealth', {
  resourceID: always(text('v1.ResourceID')),
  health: text('v1.ResourceHealthStatus'),
  message: pointer(string),
});
