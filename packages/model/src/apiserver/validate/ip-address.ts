/** IPAddresses: pkg/apis/networking/validation/validation.go. */

import { isCanonicalIP } from '../meta/addresses.ts';
import { isDNS1123Subdomain, isPathSegmentName } from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import type { IPAddress, ParentReference } from '../schema/networking-ranges.ts';
import type { FieldErrors } from '../status/field-errors.ts';

const PARENT = 'spec.parentRef';

export function validateParentReference(parent: ParentReference | undefined, errors: FieldErrors): void {
  if (parent === undefined) {
    errors.required(PARENT);
    return;
  }
  const { group, resource, name, namespace } = parent;
  if (group !== '') errors.invalidEach(`${PARENT}.group`, group, isDNS1123Subdomain(group));
  if (resource === '') errors.required(`${PARENT}.resource`);
  else errors.invalidEach(`${PARENT}.resource`, resource, isPathSegmentName(resource));
  if (name === '') errors.required(`${PARENT}.name`);
  else errors.invalidEach(`${PARENT}.name`, name, isPathSegmentName(name));
  if (namespace !== '') errors.invalidEach(`${PARENT}.namespace`, namespace, isPathSegmentName(namespace));
}

export function validateIPAddress(address: IPAddress, errors: FieldErrors): void {
  validateObjectMeta(address.metadata, false, isCanonicalIP, errors);
  validateParentReference(address.spec.parentRef, errors);
}

export function validateIPAddressUpdate(address: IPAddress, before: IPAddress, errors: FieldErrors): void {
  validateIPAddress(address, errors);
  validateObjectMetaUpdate(address.metadata, before.metadata, errors);
  const [now, then] = [address.spec.parentRef, before.spec.parentRef];
  const fields = ['group', 'resource', 'name', 'namespace'] as const;
  const isSame = now !== undefined && then !== undefined && fields.every((field) => now[field] === then[field]);
  // The server's own type has no names for JSON.
  const shown = now && { Group: now.group, Resource: now.resource, Namespace: now.namespace, Name: now.name };
  errors.immutable(PARENT, shown, isSame);
}
