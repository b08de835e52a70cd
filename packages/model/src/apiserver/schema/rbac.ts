/** rbac/v1/types.go. */
import { type Draft, labelSelector, root } from './meta.ts';
import { always, list, type Of, pointer, string, struct } from './type.ts';

const policyRule = struct('v1.PolicyRule', {
  verbs: always(list(string)),
  apiGroups: list(string),
  resources: list(string),
  resourceNames: list(string),
  nonResourceURLs: list(string),
});

const subject = struct('v1.Subject', {
  kind: always(string),
  apiGroup: string,
  name: always(string),
  namespace: string,
});

const roleRef = struct('v1.RoleRef', {
  apiGroup: always(string),
  kind: always(string),
  name: always(string),
});

const aggregationRule = struct('v1.AggregationRule', { clusterRoleSelectors: list(labelSelector) });

export const role = root('v1.Role', { rules: always(list(policyRule)) });

export const clusterRole = root('v1.ClusterRole', {
  rules: always(list(policyRule)),
  aggregationRule: pointer(aggregationRule),
});

const binding = { subjects: list(subject), roleRef: always(roleRef) };

export const roleBinding = root('v1.RoleBinding', binding);
export const clusterRoleBinding = root('v1.ClusterRoleBinding', binding);

export type PolicyRule = Of<typeof policyRule>;
export type Subject = Of<typeof subject>;
export type Role = Draft & Of<typeof role>;
export type ClusterRole = Draft & Of<typeof clusterRole>;
export type Binding = Draft & Of<typeof roleBinding>;
