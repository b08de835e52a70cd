/** PodDisruptionBudgets: pkg/apis/policy/validation/validation.go. Their names are checked as any part of a URL is. */
import { validateLabelSelector } from '../meta/labels.ts';
import { validateAtMost100Percent, validateIntOrPercent } from '../meta/quantities.ts';
import { labelSelector } from '../schema/meta.ts';
import type { PodDisruptionBudget } from '../schema/policy.ts';
import { FieldErrors } from '../status/field-errors.ts';

const POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];

function validateSpec({ spec }: PodDisruptionBudget, isLenient: boolean, errors: FieldErrors): void {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    const shown = {
      MinAvailable: minAvailable,
      Selector: selector === undefined ? null : labelSelector.encode(selector),
      MaxUnavailable: maxUnavailable,
      UnhealthyPodEvictionPolicy: policy ?? null,
    };
    errors.invalid('spec', shown, 'minAvailable and maxUnavailable cannot be both set');
  }
  for (const field of ['minAvailable', 'maxUnavailable'] as const) {
    const value = spec[field];
    if (value === undefined) continue;
    validateIntOrPercent(value, `spec.${field}`, errors);
    validateAtMost100Percent(value, `spec.${field}`, errors);
  }
  validateLabelSelector(selector, 'spec.selector', errors, isLenient);
  if (policy !== undefined && !POLICIES.includes(policy))
    errors.notSupported('spec.unhealthyPodEvictionPolicy', policy, POLICIES);
}

export function validatePodDisruptionBudget(budget: PodDisruptionBudget, errors: FieldErrors): void {
  validateSpec(budget, false, errors);
}

export function validatePodDisruptionBudgetUpdate(
  budget: PodDisruptionBudget,
  before: PodDisruptionBudget,
  errors: FieldErrors,
): void {
  const former = new FieldErrors();
  validateLabelSelector(before.spec.selector, '', former);
  validateSpec(budget, former.list.length > 0, errors);
}
