/** policy/v1/types.go. */
import { condition, type Draft, labelSelector, root } from './meta.ts';
import { intOrString, time } from './scalars.ts';
import { always, int32, int64, list, map, type Of, pointer, struct, text } from './type.ts';

const podDisruptionBudgetSpec = struct('v1.PodDisruptionBudgetSpec', {
  minAvailable: pointer(intOrString),
  selector: pointer(labelSelector),
  maxUnavailable: pointer(intOrString),
  unhealthyPodEvictionPolicy: pointer(text('v1.UnhealthyPodEvictionPolicyType')),
});

const podDisruptionBudgetStatus = struct('v1.PodDisruptionBudgetStatus', {
  observedGeneration: int64,
  disruptedPods: map(time),
  disruptionsAllowed: always(int32),
  currentHealthy: always(int32),
  desiredHealthy: always(int32),
  expectedPods: always(int32),
  conditions: list(condition),
});

export const podDisruptionBudget = root('v1.PodDisruptionBudget', {
  spec: podDisruptionBudgetSpec,
  status: podDisruptionBudgetStatus,
});

export type PodDisruptionBudget = Draft & Of<typeof podDisruptionBudget>;
