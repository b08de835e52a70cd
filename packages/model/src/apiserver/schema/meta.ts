/** apimachinery/pkg/apis/meta/v1/types.go. */
import { time } from './scalars.ts';
import {
  always,
  anything,
  bool,
  embedded,
  type Field,
  type Fields,
  int64,
  list,
  map,
  type Of,
  pointer,
  string,
  struct,
  type Type,
  text,
} from './type.ts';

export const ownerReference = struct('v1.OwnerReference', {
  apiVersion: always(string),
  kind: always(string),
  name: always(string),
  uid: always(text('types.UID')),
  controller: pointer(bool),
  blockOwnerDeletion: pointer(bool),
});

export type OwnerReference = Of<typeof ownerReference>;

const managedFieldsEntry = struct('v1.ManagedFieldsEntry', {
  manager: string,
  operation: text('v1.ManagedFieldsOperationType'),
  apiVersion: string,
  time: pointer(time),
  fieldsType: string,
  fieldsV1: anything,
  subresource: string,
});

const objectMeta = struct('v1.ObjectMeta', {
  name: string,
  generateName: string,
  namespace: string,
  selfLink: string,
  uid: text('types.UID'),
  resourceVersion: string,
  generation: int64,
  creationTimestamp: time,
  deletionTimestamp: pointer(time),
  deletionGracePeriodSeconds: pointer(int64),
  labels: map(string),
  annotations: map(string),
  ownerReferences: list(ownerReference),
  finalizers: list(string),
  managedFields: list(managedFieldsEntry),
});

export type ObjectMeta = Of<typeof objectMeta>;

const labelSelectorRequirement = struct('v1.LabelSelectorRequirement', {
  key: always(string),
  operator: always(text('v1.LabelSelectorOperator')),
  values: list(string),
});

export const labelSelector = struct('v1.LabelSelector', {
  matchLabels: map(string),
  matchExpressions: list(labelSelectorRequirement),
});

export type LabelSelector = Of<typeof labelSelector>;

export const condition = struct('v1.Condition', {
  type: always(string),
  status: always(text('v1.ConditionStatus')),
  observedGeneration: int64,
  lastTransitionTime: always(time),
  reason: always(string),
  message: always(string),
});

/** What every object has beside its own fields. */
export interface Draft {
  kind: string;
  apiVersion: string;
  metadata: ObjectMeta;
}

const typeMeta = embedded('TypeMeta', { kind: string, apiVersion: string });

/** A kind of object: `struct` with kind, apiVersion and metadata in front. */
export function root<F extends Fields>(
  go: string,
  fields: F,
): Type<Of<ReturnType<typeof struct<typeof typeMeta & { metadata: Field<ObjectMeta> } & F>>>> {
  return struct(go, { ...typeMeta, metadata: { type: objectMeta }, ...fields });
}
