/** Labels, annotations and selectors (apimachinery/pkg/apis/meta/v1/validation, pkg/api/validation/objectmeta.go). */

import type { LabelSelector } from '../schema/meta.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import { byteLength, isLabelValue, isQualifiedName } from './names.ts';

export type Labels = Readonly<Record<string, string>> | undefined;

/** Go goes through maps in no order; here keys come sorted. */
function sortedEntries(labels: Labels): [key: string, value: string][] {
  return Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

export function validateLabelName(name: string, field: string, errors: FieldErrors): void {
  errors.invalidEach(field, name, isQualifiedName(name));
}

export function validateLabels(labels: Labels, field: string, errors: FieldErrors): void {
  for (const [key, value] of sortedEntries(labels)) {
    validateLabelName(key, field, errors);
    errors.invalidEach(field, value, isLabelValue(value));
  }
}

const ANNOTATION_BYTES = 256 * 1024;

export function validateAnnotations(annotations: Labels, field: string, errors: FieldErrors): void {
  let bytes = 0;
  for (const [key, value] of sortedEntries(annotations)) {
    errors.invalidEach(field, key, isQualifiedName(key.toLowerCase()));
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > ANNOTATION_BYTES) errors.tooLong(field, ANNOTATION_BYTES);
}

/** `isLenient`: values of expressions are not looked at, because they were wrong before. */
export function validateLabelSelector(
  selector: LabelSelector | undefined,
  field: string,
  errors: FieldErrors,
  isLenient = false,
): void {
  if (selector === undefined) return;
  validateLabels(selector.matchLabels, `${field}.matchLabels`, errors);
  selector.matchExpressions?.forEach(({ key, operator, values = [] }, index) => {
    const at = `${field}.matchExpressions[${index}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        errors.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else errors.invalid(`${at}.operator`, operator, 'not a valid selector operator');
    validateLabelName(key, `${at}.key`, errors);
    if (isLenient) return;
    for (const [position, value] of values.entries())
      errors.invalidEach(`${at}.values[${position}]`, value, isLabelValue(value));
  });
}
