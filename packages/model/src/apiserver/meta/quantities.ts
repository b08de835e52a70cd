/** Amounts of resources, and whole numbers that may be percentages. */
import { nanoOf } from '../schema/quantity.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import { isQualifiedName, regexDetail } from './names.ts';

const NEGATIVE = 'must be greater than or equal to 0';

function validateNonnegative(value: number, field: string, errors: FieldErrors): void {
  if (value < 0) errors.invalid(field, value, NEGATIVE);
}

function validateNonnegativeQuantity(quantity: string, field: string, errors: FieldErrors): void {
  if (nanoOf(quantity) < 0n) errors.invalid(field, quantity, NEGATIVE);
}

const COUNTED = new Set(
  `pods resourcequotas services replicationcontrollers secrets configmaps persistentvolumeclaims services.nodeports
  services.loadbalancers`.split(/\s+/),
);

/** Names without a prefix, and those of kubernetes.io, are Kubernetes' own (pkg/apis/core/helper). */
function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

/** validation.go:ValidateResourceQuantityValue(): what is counted has no parts. */
export function validateResourceQuantity(name: string, quantity: string, field: string, errors: FieldErrors): void {
  validateNonnegativeQuantity(quantity, field, errors);
  const isCounted = COUNTED.has(name) || isExtendedResource(name);
  if (isCounted && nanoOf(quantity) % 1_000_000_000n !== 0n) errors.invalid(field, quantity, 'must be an integer');
}

/** pkg/apis/apps/validation:ValidatePositiveIntOrPercent() and IsNotMoreThan100Percent(). */
export function validateIntOrPercent(value: number | string, field: string, errors: FieldErrors): void {
  if (typeof value === 'number') validateNonnegative(value, field, errors);
  else if (!/^[0-9]+%$/.test(value)) {
    const what = "a valid percent string must be a numeric string followed by an ending '%'";
    errors.invalid(field, value, regexDetail(what, '[0-9]+%', '1%', '93%'));
  }
}

export function validateAtMost100Percent(value: number | string, field: string, errors: FieldErrors): void {
  if (typeof value === 'string' && /^[0-9]+%$/.test(value) && Number(value.slice(0, -1)) > 100)
    errors.invalid(field, value, 'must not be greater than 100%');
}
