/** rbac.authorization.k8s.io: Roles and their bindings. */
import {
  type Binding,
  type ClusterRole,
  clusterRole,
  clusterRoleBinding,
  type Role,
  role,
  roleBinding,
} from '../schema/rbac.ts';
import {
  RBAC_GROUP,
  validateBinding,
  validateBindingUpdate,
  validateClusterRole,
  validateClusterRoleUpdate,
  validateRole,
  validateRoleUpdate,
} from '../validate/rbac.ts';
import type { KindRules } from './kind-rules.ts';

const apiVersion = `${RBAC_GROUP}/v1`;

export const roles: KindRules<Role> = {
  apiVersion,
  kind: 'Role',
  type: role,
  validate: validateRole,
  validateUpdate: validateRoleUpdate,
};

export const clusterRoles: KindRules<ClusterRole> = {
  apiVersion,
  kind: 'ClusterRole',
  type: clusterRole,
  validate: validateClusterRole,
  validateUpdate: validateClusterRoleUpdate,
};

function setBindingDefaults({ roleRef, subjects }: Binding): void {
  roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of subjects ?? [])
    if (subject.kind === 'User' || subject.kind === 'Group') subject.apiGroup ||= RBAC_GROUP;
}

export const roleBindings: KindRules<Binding> = {
  apiVersion,
  kind: 'RoleBinding',
  type: roleBinding,
  setDefaults: setBindingDefaults,
  validate: (draft, errors) => validateBinding(draft, true, errors),
  validateUpdate: (draft, before, errors) => validateBindingUpdate(draft, before, true, errors),
};

export const clusterRoleBindings: KindRules<Binding> = {
  apiVersion,
  kind: 'ClusterRoleBinding',
  type: clusterRoleBinding,
  setDefaults: setBindingDefaults,
  validate: (draft, errors) => validateBinding(draft, false, errors),
  validateUpdate: (draft, before, errors) => validateBindingUpdate(draft, before, false, errors),
};
