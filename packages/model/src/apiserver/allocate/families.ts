/** `ipFamilies` and `ipFamilyPolicy` as the server fills them in (pkg/registry/core/service/storage/alloc.go:initIPFamilyFields()). */

import { ipFamily } from '../meta/addresses.ts';
import type { Service } from '../schema/core-service.ts';
import { refuseIfAny } from '../status/answer.ts';
import { FieldErrors } from '../status/field-errors.ts';
import { validateClusterIPFields } from '../validate/service-addresses.ts';

export function sameList(a: readonly unknown[] | undefined, b: readonly unknown[] | undefined): boolean {
  const [left, right] = [a ?? [], b ?? []];
  return left.length === right.length && left.every((member, index) => member === right[index]);
}

/** isMatchingPreferDualStackClusterIPFields(): such a Service is left as it is, whatever became of the cluster. */
export function isUntouchedPreferDual({ spec }: Service, before: Service | undefined): boolean {
  if (before === undefined || spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  const old = before.spec;
  return (
    old.type === spec.type &&
    ['ClusterIP', 'NodePort', 'LoadBalancer'].includes(spec.type) &&
    (old.ipFamilyPolicy === undefined || old.ipFamilyPolicy === 'PreferDualStack') &&
    sameList(old.clusterIPs, spec.clusterIPs) &&
    sameList(old.ipFamilies, spec.ipFamilies)
  );
}

function defaultPolicy({ spec }: Service, before: Service | undefined): string {
  if (before?.spec.ipFamilyPolicy !== undefined) return before.spec.ipFamilyPolicy;
  return isSelectorlessHeadless(spec) ? 'RequireDualStack' : 'SingleStack';
}

function isSelectorlessHeadless(spec: Service['spec']): boolean {
  return spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
}

/** What an update takes away goes only with the policy SingleStack. */
function reduce({ spec }: Service, { spec: old }: Service, errors: FieldErrors): void {
  const { clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  if (ipFamilyPolicy === 'SingleStack') {
    if (sameList(old.clusterIPs, clusterIPs) && clusterIPs.length > 1) spec.clusterIPs = clusterIPs.slice(0, 1);
    if (sameList(old.ipFamilies, ipFamilies) && ipFamilies.length > 1) spec.ipFamilies = ipFamilies.slice(0, 1);
    return;
  }
  const at = 'spec.ipFamilyPolicy';
  if (clusterIPs.length > 0 && clusterIPs.length < (old.clusterIPs ?? []).length)
    errors.invalid(at, ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP");
  if (ipFamilies.length > 0 && ipFamilies.length < (old.ipFamilies ?? []).length)
    errors.invalid(at, ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family");
}

function checkSingle({ spec }: Service, errors: FieldErrors): void {
  if (spec.ipFamilyPolicy !== 'SingleStack') return;
  const must = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  const at = 'spec.ipFamilyPolicy';
  if (spec.clusterIPs?.length === 2) errors.invalid(at, spec.ipFamilyPolicy, `${must} cluster IPs are specified`);
  if (spec.ipFamilies?.length === 2) errors.invalid(at, spec.ipFamilyPolicy, `${must} IP families are specified`);
}

/** Families that are not written follow from the addresses that are. */
function inferFamilies({ spec }: Service, cluster: readonly string[], errors: FieldErrors): void {
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === 'None') return;
    if (index < (spec.ipFamilies ?? []).length) continue;
    const family = ipFamily(ip) === 6 ? 'IPv6' : 'IPv4';
    if (cluster.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else errors.invalid(`spec.clusterIPs[${index}]`, spec.clusterIPs, `${family} is not configured on this cluster`);
  }
}

function withOther(families: readonly string[]): string[] {
  return [...families, families[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
}

/** `cluster`: the families of the service ranges, the first one first. */
export function initFamilies(service: Service, before: Service | undefined, cluster: readonly string[]): void {
  const { spec } = service;
  if (spec.type === 'ExternalName' || isUntouchedPreferDual(service, before)) return;
  spec.ipFamilyPolicy ??= defaultPolicy(service, before);
  const early = new FieldErrors();
  validateClusterIPFields(service, before, early);
  refuseIfAny('Service', service.metadata.name, early);

  const errors = new FieldErrors();
  if (before !== undefined) reduce(service, before, errors);
  checkSingle(service, errors);
  inferFamilies(service, cluster, errors);
  refuseIfAny('Service', service.metadata.name, errors);

  if (isSelectorlessHeadless(spec)) {
    // Who fills in such a Service's endpoints may use any family, whatever the cluster has.
    if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = cluster.slice(0, 1);
    if ((spec.ipFamilies ?? []).length < 2 && spec.ipFamilyPolicy !== 'SingleStack')
      spec.ipFamilies = withOther(spec.ipFamilies ?? []);
    return;
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && cluster.length < 2)
    errors.invalid(
      'spec.ipFamilyPolicy',
      spec.ipFamilyPolicy,
      'this cluster is not configured for dual-stack services',
    );
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (!cluster.includes(family))
      errors.invalid(`spec.ipFamilies[${index}]`, family, 'not configured on this cluster');
  }
  refuseIfAny('Service', service.metadata.name, errors);
  if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = cluster.slice(0, 1);
  if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies?.length === 1 && cluster.length === 2)
    spec.ipFamilies = withOther(spec.ipFamilies);
}
