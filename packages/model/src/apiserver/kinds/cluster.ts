/** Namespaces, Nodes and PodDisruptionBudgets. */
import { bumpGeneration } from '../meta/generation.ts';
import { isQualifiedName, nameIsDNSLabel } from '../meta/names.ts';
import { validateFinalizerName, validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import { type Node, node } from '../schema/core-node.ts';
import { type Namespace, namespace } from '../schema/core-others.ts';
import { type PodDisruptionBudget, podDisruptionBudget } from '../schema/policy.ts';
import type { FieldErrors } from '../status/field-errors.ts';
import { validateNode, validateNodeUpdate } from '../validate/node.ts';
import { validatePodDisruptionBudget, validatePodDisruptionBudgetUpdate } from '../validate/pod-disruption-budget.ts';
import type { KindRules } from './kind-rules.ts';

function labelWithName({ metadata }: Namespace): void {
  if (metadata.name !== '') metadata.labels = { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name };
}

function validateNamespace({ metadata, spec }: Namespace, errors: FieldErrors): void {
  validateObjectMeta(metadata, false, nameIsDNSLabel, errors);
  for (const finalizer of spec.finalizers ?? []) {
    errors.invalidEach('spec.finalizers', finalizer, isQualifiedName(finalizer));
    validateFinalizerName(finalizer, 'spec.finalizers', errors);
  }
}

export const namespaces: KindRules<Namespace> = {
  apiVersion: 'v1',
  kind: 'Namespace',
  type: namespace,
  setDefaults(draft) {
    labelWithName(draft);
    draft.status.phase ||= 'Active';
  },
  prepareForCreate(draft) {
    draft.status = { ...namespace.zero().status, phase: 'Active' };
    const finalizers = draft.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) draft.spec.finalizers = [...finalizers, 'kubernetes'];
  },
  prepareForUpdate(draft, before) {
    draft.spec.finalizers = before.spec.finalizers;
    draft.status = before.status;
  },
  validate: validateNamespace,
  validateUpdate(draft, before, errors) {
    validateNamespace(draft, errors);
    validateObjectMetaUpdate(draft.metadata, before.metadata, errors);
  },
  canonicalise: labelWithName,
};

const NOT_READY = 'node.kubernetes.io/not-ready';

export const nodes: KindRules<Node> = {
  apiVersion: 'v1',
  kind: 'Node',
  type: node,
  /** SetDefaults_NodeStatus(), and core/v1/conversion.go: `podCIDR` decides, and is the first of `podCIDRs`. */
  setDefaults({ spec, status }) {
    if (spec.podCIDR !== '' && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
    spec.podCIDR = spec.podCIDRs?.[0] ?? '';
    status.allocatable ??= status.capacity && { ...status.capacity };
  },
  /** plugin/pkg/admission/nodetaint: new Nodes are not ready. */
  admit({ spec }, before) {
    const taints = spec.taints ?? [];
    if (before !== undefined || taints.some(({ key, effect }) => key === NOT_READY && effect === 'NoSchedule')) return;
    spec.taints = [...taints, { key: NOT_READY, value: '', effect: 'NoSchedule', timeAdded: undefined }];
  },
  prepareForCreate({ spec, status }) {
    spec.configSource = undefined;
    status.config = undefined;
  },
  prepareForUpdate(draft, before) {
    draft.status = before.status;
    if (before.spec.configSource === undefined) draft.spec.configSource = undefined;
  },
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
};

export const podDisruptionBudgets: KindRules<PodDisruptionBudget> = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  type: podDisruptionBudget,
  prepareForCreate(draft) {
    draft.status = podDisruptionBudget.zero().status;
    draft.metadata.generation = 1;
  },
  prepareForUpdate(draft, before) {
    draft.status = before.status;
    bumpGeneration(draft, before, ({ spec }) => spec);
  },
  validate: validatePodDisruptionBudget,
  validateUpdate: validatePodDisruptionBudgetUpdate,
};
