/** Roles and their bindings: pkg/apis/rbac/validation/validation.go. */
import { validateLabelSelector } from '../meta/labels.ts';
import { isDNS1123Subdomain, isPathSegmentName } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { Binding, ClusterRole, PolicyRule, Role, Subject } from '../schema/rbac.ts';
import { FieldErrors } from '../status/field-errors.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

function validateRule(rule: PolicyRule, namespaced: boolean, at: string, errors: FieldErrors): void {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
  if ((verbs ?? []).length === 0) errors.required(`${at}.verbs`, 'verbs must contain at least one value');
  if (urls.length === 0) {
    if (apiGroups.length === 0) errors.required(`${at}.apiGroups`, 'resource rules must supply at least one api group');
    if (resources.length === 0) errors.required(`${at}.resources`, 'resource rules must supply at least one resource');
    return;
  }
  const place = `${at}.nonResourceURLs`;
  if (namespaced) errors.invalid(place, urls, 'namespaced rules cannot apply to non-resource URLs');
  if (apiGroups.length + resources.length + resourceNames.length > 0)
    errors.invalid(place, urls, 'rules cannot apply to both regular resources and non-resource URLs');
}

export function validateRole({ metadata, rules }: Role, errors: FieldErrors): void {
  validateObjectMeta(metadata, true, isPathSegmentName, errors);
  for (const [index, rule] of (rules ?? []).entries()) validateRule(rule, true, `rules[${index}]`, errors);
}

export function validateRoleUpdate(role: Role, before: Role, errors: FieldErrors): void {
  validateRole(role, errors);
  validateObjectMetaUpdate(role.metadata, before.metadata, errors);
}

const SELECTORS = 'aggregationRule.clusterRoleSelectors';

function validateSelectors({ aggregationRule }: ClusterRole, isLenient: boolean, errors: FieldErrors): void {
  if (aggregationRule === undefined) return;
  const selectors = aggregationRule.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    errors.required(SELECTORS, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  for (const [index, selector] of selectors.entries()) {
    const before = errors.list.length;
    validateLabelSelector(selector, `${SELECTORS}[${index}]`, errors, isLenient);
    // What is no selector at all is complained of twice.
    if (errors.list.length > before) errors.invalid(`${SELECTORS}[${index}]`, null, 'invalid label selector.');
  }
}

function validateClusterRules({ metadata, rules }: ClusterRole, errors: FieldErrors): void {
  validateObjectMeta(metadata, false, isPathSegmentName, errors);
  for (const [index, rule] of (rules ?? []).entries()) validateRule(rule, false, `rules[${index}]`, errors);
}

export function validateClusterRole(role: ClusterRole, errors: FieldErrors): void {
  validateClusterRules(role, errors);
  validateSelectors(role, false, errors);
}

export function validateClusterRoleUpdate(role: ClusterRole, before: ClusterRole, errors: FieldErrors): void {
  const former = new FieldErrors();
  for (const selector of before.aggregationRule?.clusterRoleSelectors ?? [])
    validateLabelSelector(selector, '', former);
  validateClusterRules(role, errors);
  validateSelectors(role, former.list.length > 0, errors);
  validateObjectMetaUpdate(role.metadata, before.metadata, errors);
}

const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'];

function validateSubject(subject: Subject, namespaced: boolean, at: string, errors: FieldErrors): void {
  const { kind, name, apiGroup, namespace } = subject;
  if (name === '') errors.required(`${at}.name`);
  if (kind === 'ServiceAccount') {
    if (name !== '') errors.invalidEach(`${at}.name`, name, isDNS1123Subdomain(name));
    if (apiGroup !== '') errors.notSupported(`${at}.apiGroup`, apiGroup, ['']);
    if (!namespaced && namespace === '') errors.required(`${at}.namespace`);
  } else if (!SUBJECT_KINDS.includes(kind)) errors.notSupported(`${at}.kind`, kind, SUBJECT_KINDS);
  else if (apiGroup !== RBAC_GROUP) errors.notSupported(`${at}.apiGroup`, apiGroup, [RBAC_GROUP]);
}

/** Of a RoleBinding, or of a ClusterRoleBinding, which knows ClusterRoles alone. */
export function validateBinding(binding: Binding, namespaced: boolean, errors: FieldErrors): void {
  const { metadata, roleRef, subjects } = binding;
  validateObjectMeta(metadata, namespaced, isPathSegmentName, errors);
  if (roleRef.apiGroup !== RBAC_GROUP) errors.notSupported('roleRef.apiGroup', roleRef.apiGroup, [RBAC_GROUP]);
  const kinds = namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'];
  if (!kinds.includes(roleRef.kind)) errors.notSupported('roleRef.kind', roleRef.kind, kinds);
  if (roleRef.name === '') errors.required('roleRef.name');
  else errors.invalidEach('roleRef.name', roleRef.name, isPathSegmentName(roleRef.name));
  for (const [index, subject] of (subjects ?? []).entries())
    validateSubject(subject, namespaced, `subjects[${index}]`, errors);
}

export function validateBindingUpdate(
  binding: Binding,
  before: Binding,
  namespaced: boolean,
  errors: FieldErrors,
): void {
  validateBinding(binding, namespaced, errors);
  validateObjectMetaUpdate(binding.metadata, before.metadata, errors);
  const { apiGroup, kind, name } = binding.roleRef;
  const old = before.roleRef;
  if (old.apiGroup !== apiGroup || old.kind !== kind || old.name !== name)
    errors.invalid('roleRef', { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');
}
