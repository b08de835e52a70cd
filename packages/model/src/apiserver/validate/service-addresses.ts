/** clusterIPs, ipFamilies and ipFamilyPolicy (pkg/apis/core/validation/validation.go). */

import { ipFamily, validateLegacyIP } from '../meta/addresses.ts';
import type { Service } from '../schema/core-service.ts';
import type { FieldErrors } from '../status/field-errors.ts';

export function isHeadless({ spec }: Service): boolean {
  return spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
}

const FAMILIES = ['IPv4', 'IPv6'];
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const IPS = 'spec.clusterIPs';

function validateFamilies({ spec }: Service, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    const at = `spec.ipFamilies[${index}]`;
    if (!FAMILIES.includes(family)) errors.notSupported(at, family, FAMILIES);
    if (seen.has(family)) errors.duplicate(at, family);
    seen.add(family);
  }
  if (spec.ipFamilyPolicy !== undefined && !POLICIES.includes(spec.ipFamilyPolicy))
    errors.notSupported('spec.ipFamilyPolicy', spec.ipFamilyPolicy, POLICIES);
}

/** True where each is an address, or `None` alone. */
function validateEach(ips: readonly string[], before: readonly string[], errors: FieldErrors): boolean {
  let isFine = true;
  for (const [index, ip] of ips.entries()) {
    if (index === 0 && ip === 'None') {
      if (ips.length === 1) continue;
      isFine = false;
      errors.invalid(IPS, ips, "'None' must be the first and only value");
    } else isFine = validateLegacyIP(ip, `${IPS}[${index}]`, errors, before) && isFine;
  }
  return isFine;
}

/** ValidateServiceClusterIPsRelatedFields(). `before` of an update: what was accepted once stays so. */
export function validateClusterIPFields(service: Service, before: Service | undefined, errors: FieldErrors): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const { clusterIP, clusterIPs: ips = [], ipFamilies = [] } = spec;
  if (clusterIP === '') {
    if (ips.length > 0) errors.invalid(IPS, ips, 'must be empty when `clusterIP` is not specified');
  } else if (ips.length === 0) errors.required(IPS);
  else if (ips[0] !== clusterIP) errors.invalid(IPS, ips, 'first value must match `clusterIP`');
  validateFamilies(service, errors);
  const isFine = validateEach(ips, before?.spec.clusterIPs ?? [], errors);
  if (ips.length > 2) errors.invalid(IPS, ips, 'may only hold up to 2 values');
  if (!isFine) return;
  if (ips.length > 1 && new Set(ips.map(ipFamily)).size < 2)
    errors.invalid(IPS, ips, 'may specify no more than one IP for each IP family');
  if (isHeadless(service)) return;
  for (const [index, ip] of ips.slice(0, ipFamilies.length).entries()) {
    const family = ipFamilies[index];
    const isOther = family === 'IPv4' ? ipFamily(ip) === 6 : family === 'IPv6' && ipFamily(ip) !== 6;
    const detail = `expected an ${family} value as indicated by \`ipFamilies[${index}]\``;
    if (isOther) errors.invalid(`${IPS}[${index}]`, ip, detail);
  }
}

const ONCE_SET = 'may not change once set';

/** validateUpgradeDowngradeClusterIPs(). */
export function validateClusterIPsUpdate(service: Service, before: Service, errors: FieldErrors): void {
  const { spec } = service;
  const old = before.spec;
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  if (isHeadless(before) && isHeadless(service)) return;
  const ips = spec.clusterIPs ?? [];
  const oldIPs = old.clusterIPs ?? [];
  if (ips.length === oldIPs.length) {
    for (const [index, ip] of oldIPs.entries())
      if (ip !== ips[index]) errors.invalid(`${IPS}[${index}]`, spec.clusterIPs, ONCE_SET);
    return;
  }
  const first = `${IPS}[0]`;
  if (ips.length === 0) errors.invalid(first, spec.clusterIPs, 'primary clusterIP can not be unset');
  if (oldIPs.length > 0 && ips.length > 0 && ips[0] !== oldIPs[0]) errors.invalid(first, spec.clusterIPs, ONCE_SET);
  if (oldIPs.length > ips.length && ips.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const detail = "must be set to 'SingleStack' when releasing the secondary clusterIP";
    errors.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail);
  }
}

/** validateUpgradeDowngradeIPFamilies(). */
export function validateFamiliesUpdate(service: Service, before: Service, errors: FieldErrors): void {
  const { spec } = service;
  const old = before.spec;
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  if (isHeadless(service) || isHeadless(before)) return;
  const first = 'spec.ipFamilies[0]';
  const families = spec.ipFamilies ?? [];
  const oldFamilies = old.ipFamilies ?? [];
  if (families.length === oldFamilies.length) {
    for (const [index, family] of oldFamilies.entries())
      if (family !== families[index]) errors.invalid(first, spec.ipFamilies, ONCE_SET);
    return;
  }
  const isLess = oldFamilies.length > families.length;
  if (isLess && (spec.clusterIPs ?? []).length === 0)
    errors.invalid(first, spec.ipFamilies, 'primary ipFamily can not be unset');
  if (oldFamilies.length > 0 && families.length > 0 && families[0] !== oldFamilies[0])
    errors.invalid(first, spec.clusterIPs, ONCE_SET);
  if (isLess && families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
    const detail = "must be set to 'SingleStack' when releasing the secondary ipFamily";
    errors.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail);
  }
}
