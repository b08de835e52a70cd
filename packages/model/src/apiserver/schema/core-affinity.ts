/** Where Pods may run: core/v1/types.go. */
import { nodeSelector, nodeSelectorTerm } from './core-refs.ts';
import { labelSelector } from './meta.ts';
import { always, int32, list, pointer, string, struct, text } from './type.ts';

const preferredSchedulingTerm = struct('v1.PreferredSchedulingTerm', {
  weight: always(int32),
  preference: always(nodeSelectorTerm),
});

const nodeAffinity = struct('v1.NodeAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: pointer(nodeSelector),
  preferredDuringSchedulingIgnoredDuringExecution: list(preferredSchedulingTerm),
});

const podAffinityTerm = struct('v1.PodAffinityTerm', {
  labelSelector: pointer(labelSelector),
  namespaces: list(string),
  topologyKey: always(string),
  namespaceSelector: pointer(labelSelector),
  matchLabelKeys: list(string),
  mismatchLabelKeys: list(string),
});

const weightedPodAffinityTerm = struct('v1.WeightedPodAffinityTerm', {
  weight: always(int32),
  podAffinityTerm: always(podAffinityTerm),
});

const podAffinity = struct('v1.PodAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(weightedPodAffinityTerm),
});

const podAntiAffinity = struct('v1.PodAntiAffinity', {
  requiredDuringSchedulingIgnoredDuringExecution: list(podAffinityTerm),
  preferredDuringSchedulingIgnoredDuringExecution: list(weightedPodAffinityTerm),
});

export const affinity = struct('v1.Affinity', {
  nodeAffinity: pointer(nodeAffinity),
  podAffinity: pointer(podAffinity),
  podAntiAffinity: pointer(podAntiAffinity),
});

export const topologySpreadConstraint = struct('v1.TopologySpreadConstraint', {
  maxSkew: always(int32),
  topologyKey: always(string),
  whenUnsatisfiable: always(text('v1.UnsatisfiableConstraintAction')),
  labelSelector: pointer(labelSelector),
  minDomains: pointer(int32),
  nodeAffinityPolicy: pointer(text('v1.NodeInclusionPolicy')),
  nodeTaintsPolicy: pointer(text('v1.NodeInclusionPolicy')),
  matchLabelKeys: list(string),
});
