/** ServiceCIDRs: pkg/apis/networking/validation/validation.go. */

import { parseRange, validateCIDR } from '../meta/addresses.ts';
import { nameIsDNSSubdomain } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { ServiceCIDR } from '../schema/networking-ranges.ts';
import type { FieldErrors } from '../status/field-errors.ts';

const CIDRS = 'spec.cidrs';

function validateSpec(cidrs: readonly string[], errors: FieldErrors): void {
  if (cidrs.length === 0) errors.required(CIDRS, 'at least one CIDR required');
  else if (cidrs.length > 2) errors.invalid(CIDRS, { CIDRs: cidrs }, 'may only hold up to 2 values');
  else {
    for (const [index, cidr] of cidrs.entries()) validateCIDR(cidr, `${CIDRS}[${index}]`, errors);
    const [first, second] = cidrs.map((cidr) => parseRange(cidr)?.family);
    if (cidrs.length === 2 && first !== undefined && first === second) {
      const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
      errors.invalid(CIDRS, cidrs, detail);
    }
  }
}

export function validateServiceCIDR({ metadata, spec }: ServiceCIDR, errors: FieldErrors): void {
  validateObjectMeta(metadata, false, nameIsDNSSubdomain, errors);
  validateSpec(spec.cidrs ?? [], errors);
}

const IMMUTABLE = 'field is immutable';

/** A second family may be added, nothing else changes. */
export function validateServiceCIDRUpdate(range: ServiceCIDR, before: ServiceCIDR, errors: FieldErrors): void {
  validateObjectMetaUpdate(range.metadata, before.metadata, errors);
  const cidrs = range.spec.cidrs ?? [];
  const old = before.spec.cidrs ?? [];
  const isAdded = old.length === 1 && cidrs.length === 2;
  if (old.length !== cidrs.length && !isAdded) {
    errors.invalid(CIDRS, range.spec.cidrs, IMMUTABLE);
    return;
  }
  for (const [index, cidr] of old.entries())
    if (cidr !== cidrs[index]) errors.invalid(`${CIDRS}[${index}]`, cidrs[index], IMMUTABLE);
  if (isAdded) validateSpec(cidrs, errors);
}
