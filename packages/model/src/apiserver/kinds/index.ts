import { kindOfResource } from '../../objects/kinds.ts';
import { namespaces, nodes, podDisruptionBudgets } from './cluster.ts';
import { configMaps, secrets, serviceAccounts } from './data.ts';
import type { KindRules } from './kind-rules.ts';
import { ingressClasses, ingresses, networkPolicies } from './networking.ts';
import { clusterRoleBindings, clusterRoles, roleBindings, roles } from './rbac.ts';
import { endpointSlices, endpointsKind, ipAddresses, serviceCIDRs, services } from './services.ts';

/** Every kind that the server can judge, by group and name. */
const kinds: readonly KindRules[] = [
  services,
  endpointsKind,
  endpointSlices,
  ipAddresses,
  serviceCIDRs,
  networkPolicies,
  ingresses,
  ingressClasses,
  namespaces,
  nodes,
  podDisruptionBudgets,
  configMaps,
  secrets,
  serviceAccounts,
  roles,
  clusterRoles,
  roleBindings,
  clusterRoleBindings,
];

const byName = new Map(kinds.map((rules) => [`${rules.apiVersion} ${rules.kind}`, rules]));

export function rulesOf(apiVersion: string, kind: string): KindRules | undefined {
  return byName.get(`${apiVersion} ${kind}`);
}

/** `networkpolicies` -> `NetworkPolicy`. */
export function kindOfPlural(plural: string): string | undefined {
  return kindOfResource(plural)?.kind;
}
