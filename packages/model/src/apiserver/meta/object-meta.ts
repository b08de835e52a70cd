/** metadata on create and update (apimachinery/pkg/api/validation/objectmeta.go). */

import type { ObjectMeta, OwnerReference } from '../schema/meta.ts';
import { ownerReference } from '../schema/meta.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import { goQuote } from '../status/go-text.ts';
import { validateAnnotations, validateLabels } from './labels.ts';
import { byteLength, isDNS1123Label, isQualifiedName, type NameRule } from './names.ts';

function validateOwnerReference(owner: OwnerReference, field: string, errors: FieldErrors): void {
  const version = owner.apiVersion.slice(owner.apiVersion.indexOf('/') + 1);
  if (version === '') errors.invalid(`${field}.apiVersion`, owner.apiVersion, 'version must not be empty');
  for (const part of ['kind', 'name', 'uid'] as const) {
    if (owner[part] === '') errors.invalid(`${field}.${part}`, '', 'must not be empty');
  }
  if (owner.apiVersion === 'v1' && owner.kind === 'Event')
    errors.invalid(field, ownerReference.encode(owner), '/v1, Kind=Event is disallowed from being an owner');
}

function validateOwnerReferences(owners: readonly OwnerReference[], field: string, errors: FieldErrors): void {
  let controller: string | undefined;
  for (const owner of owners) {
    validateOwnerReference(owner, field, errors);
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = name;
    else {
      const all = owners.map((one) => ownerReference.encode(one));
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.invalid(field, all, detail);
    }
  }
}

function validateFinalizers(finalizers: readonly string[], field: string, errors: FieldErrors): void {
  for (const finalizer of finalizers) errors.invalidEach(field, finalizer, isQualifiedName(finalizer));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    errors.invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
}

function validateManagedFields(meta: ObjectMeta, errors: FieldErrors): void {
  meta.managedFields?.forEach(({ operation, fieldsType, manager, subresource }, index) => {
    const at = `metadata.managedFields[${index}]`;
    if (operation !== 'Apply' && operation !== 'Update')
      errors.invalid(`${at}.operation`, operation, 'must be `Apply` or `Update`');
    if (fieldsType !== '' && fieldsType !== 'FieldsV1')
      errors.invalid(`${at}.fieldsType`, fieldsType, 'must be `FieldsV1`');
    if (byteLength(manager) > 128) errors.tooLong(`${at}.manager`, 128);
    if (byteLength(subresource) > 256) errors.tooLong(`${at}.subresource`, 256);
  });
}

const FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

/** core/validation:validateKubeFinalizerName(). */
export function validateFinalizerName(finalizer: string, field: string, errors: FieldErrors): void {
  if (finalizer.includes('/') || FINALIZERS.includes(finalizer)) return;
  errors.invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified');
}

/** core/validation:ValidateObjectMeta(): what kinds' own checks begin with. */
export function validateObjectMeta(meta: ObjectMeta, namespaced: boolean, rule: NameRule, errors: FieldErrors): void {
  validateAnyObjectMeta(meta, namespaced, rule, errors);
  for (const [index, finalizer] of (meta.finalizers ?? []).entries())
    validateFinalizerName(finalizer, `metadata.finalizers[${index}]`, errors);
}

/** apimachinery's own check, which the server makes of objects of all kinds after the kind's. */
export function validateAnyObjectMeta(
  meta: ObjectMeta,
  namespaced: boolean,
  rule: NameRule,
  errors: FieldErrors,
): void {
  if (meta.generateName !== '')
    errors.invalidEach('metadata.generateName', meta.generateName, rule(meta.generateName, true));
  if (meta.name === '') errors.required('metadata.name', 'name or generateName is required');
  else errors.invalidEach('metadata.name', meta.name, rule(meta.name, false));
  if (!namespaced) {
    if (meta.namespace !== '') errors.forbidden('metadata.namespace', 'not allowed on this type');
  } else if (meta.namespace === '') errors.required('metadata.namespace');
  else errors.invalidEach('metadata.namespace', meta.namespace, isDNS1123Label(meta.namespace));
  if (meta.generation < 0) errors.invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0');
  validateLabels(meta.labels, 'metadata.labels', errors);
  validateAnnotations(meta.annotations, 'metadata.annotations', errors);
  validateOwnerReferences(meta.ownerReferences ?? [], 'metadata.ownerReferences', errors);
  validateFinalizers(meta.finalizers ?? [], 'metadata.finalizers', errors);
  validateManagedFields(meta, errors);
}

const IMMUTABLE = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

export function validateObjectMetaUpdate(meta: ObjectMeta, old: ObjectMeta, errors: FieldErrors): void {
  if (old.deletionTimestamp !== undefined) {
    const more = (meta.finalizers ?? []).filter((finalizer) => !old.finalizers?.includes(finalizer)).sort();
    if (more.length > 0) {
      const list = `[]string{${more.map(goQuote).join(', ')}}`;
      errors.forbidden(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
      );
    }
  }
  for (const field of IMMUTABLE) errors.immutable(`metadata.${field}`, meta[field], meta[field] === old[field]);
  validateLabels(meta.labels, 'metadata.labels', errors);
  validateAnnotations(meta.annotations, 'metadata.annotations', errors);
  validateOwnerReferences(meta.ownerReferences ?? [], 'metadata.ownerReferences', errors);
  validateManagedFields(meta, errors);
}
