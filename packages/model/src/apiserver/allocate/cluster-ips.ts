/** clusterIPs: which field stands for which, and who gets what (pkg/registry/core/service/storage/{storage,alloc}.go). */
import type { IPFamily } from '../../objects/kube.ts';
import type { Service } from '../schema/core-service.ts';
import { internalError, invalid } from '../status/answer.ts';
import { FieldErrors, sentenceOf } from '../status/field-errors.ts';
import { validateParentReference } from '../validate/ip-address.ts';
import { isUntouchedPreferDual, sameList } from './families.ts';
import type { Request } from './request.ts';

/** storage.go:normalizeClusterIPs(): `clusterIP` and the first of `clusterIPs` are one. */
export function normaliseClusterIPs({ spec }: Service, before: Service | undefined): void {
  if (before === undefined) {
    if (spec.clusterIP !== '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const old = before.spec;
  const isSameIP = old.clusterIP === spec.clusterIP;
  if ((old.clusterIPs ?? []).length > 0 && (spec.clusterIPs ?? []).length === 0 && isSameIP)
    spec.clusterIPs = old.clusterIPs;
  if (isSameIP || !sameList(old.clusterIPs, spec.clusterIPs)) return;
  if (old.clusterIP !== '' && spec.clusterIP === '') spec.clusterIPs = undefined;
  else spec.clusterIPs = [spec.clusterIP];
}

/** An allocated address becomes an IPAddress whose parent is the Service: a Service without a proper name can have none. */
function parentFault(service: Service, ip: string): string | undefined {
  const errors = new FieldErrors();
  const { name, namespace } = service.metadata;
  validateParentReference({ group: '', resource: 'services', namespace, name }, errors);
  if (errors.list.length === 0) return undefined;
  return `IPAddress.networking.k8s.io "${ip}" is invalid: ${sentenceOf(errors.list)}`;
}

function refused(service: Service, detail: string): Error {
  const errors = new FieldErrors();
  errors.invalid('spec.clusterIPs', service.spec.clusterIPs, detail);
  return invalid('Service', service.metadata.name, errors);
}

/** The address for the family at `index`: the one that is written there, or any. */
function allocate(service: Service, index: number, { allocation, dryRun, assigned }: Request): void {
  const { spec, metadata } = service;
  const ips = spec.clusterIPs as string[];
  const wanted = ips[index] as string;
  if (wanted !== '') {
    const fault = allocation.takeIP(wanted) ?? (dryRun ? undefined : parentFault(service, wanted));
    if (fault !== undefined) throw refused(service, `failed to allocate IP ${wanted}: ${fault}`);
    return;
  }
  const family = spec.ipFamilies?.[index] as IPFamily;
  const ip = allocation.nextIP(family, `${metadata.namespace}/${metadata.name}`);
  if (ip === undefined)
    throw internalError(`failed to allocate a serviceIP for Service "${metadata.name}": range is full`);
  const fault = dryRun ? undefined : parentFault(service, ip);
  if (fault !== undefined) throw refused(service, `failed to allocate IP: ${fault}`);
  ips[index] = ip;
  if (index === 0) {
    spec.clusterIP = ip;
    assigned.push('spec.clusterIP');
  }
  if (!assigned.includes('spec.clusterIPs')) assigned.push('spec.clusterIPs');
}

/** alloc.go:allocClusterIPs(). */
export function allocateClusterIPs(service: Service, request: Request): void {
  const { spec } = service;
  if (spec.type === 'ExternalName' || spec.clusterIPs?.[0] === 'None') return;
  const families = spec.ipFamilies ?? [];
  const given = spec.clusterIPs ?? [];
  spec.clusterIPs = [...given, ...families.slice(given.length).map(() => '')];
  for (const index of families.keys()) allocate(service, index, request);
}

/** alloc.go:updateClusterIPs(): types may come to need addresses, and Services may come to need a second one. */
export function updateClusterIPs(service: Service, before: Service, request: Request): void {
  if (isUntouchedPreferDual(service, before)) return;
  const { spec } = service;
  const old = before.spec;
  if (old.type === 'ExternalName' && spec.type !== 'ExternalName') {
    allocateClusterIPs(service, request);
    return;
  }
  if (old.clusterIPs?.[0] === 'None' || spec.type === 'ExternalName') return;
  if (old.ipFamilies?.length !== 1 || spec.ipFamilies?.length !== 2) return;
  const given = spec.clusterIPs ?? [];
  spec.clusterIPs = given.length < 2 ? [...given, ''] : [...given];
  allocate(service, 1, request);
}
