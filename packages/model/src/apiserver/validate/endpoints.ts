/** Endpoints: pkg/apis/core/validation/validation.go. */

import { validateEndpointIP, validateLegacyIP } from '../meta/addresses.ts';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isPortNumber,
  isQualifiedName,
  nameIsDNSSubdomain,
} from '../meta/names.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../meta/object-meta.ts';
import { PROTOCOLS } from '../meta/ports.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from '../schema/core-service.ts';
import { endpoints as type } from '../schema/core-service.ts';
import type { FieldErrors } from '../status/field-errors.ts';

function validateAddress({ ip, hostname, nodeName }: EndpointAddress, at: string, errors: FieldErrors): void {
  validateLegacyIP(ip, `${at}.ip`, errors);
  if (hostname !== '') errors.invalidEach(`${at}.hostname`, hostname, isDNS1123Label(hostname));
  if (nodeName !== undefined) errors.invalidEach(`${at}.nodeName`, nodeName, isDNS1123Subdomain(nodeName));
  validateEndpointIP(ip, `${at}.ip`, errors);
}

function validatePort(port: EndpointPort, needsName: boolean, at: string, errors: FieldErrors): void {
  if (port.name !== '') errors.invalidEach(`${at}.name`, port.name, isDNS1123Label(port.name));
  else if (needsName) errors.required(`${at}.name`);
  errors.invalidEach(`${at}.port`, port.port, isPortNumber(port.port));
  if (port.protocol === '') errors.required(`${at}.protocol`);
  else if (!PROTOCOLS.includes(port.protocol)) errors.notSupported(`${at}.protocol`, port.protocol, PROTOCOLS);
  if (port.appProtocol !== undefined)
    errors.invalidEach(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol));
}

function validateSubsets({ subsets }: Endpoints, errors: FieldErrors): void {
  subsets?.forEach(({ addresses, notReadyAddresses, ports }, index) => {
    const at = `subsets[${index}]`;
    if ((addresses ?? []).length + (notReadyAddresses ?? []).length === 0)
      errors.required(at, 'must specify `addresses` or `notReadyAddresses`');
    addresses?.forEach((address, i) => {
      validateAddress(address, `${at}.addresses[${i}]`, errors);
    });
    notReadyAddresses?.forEach((address, i) => {
      validateAddress(address, `${at}.notReadyAddresses[${i}]`, errors);
    });
    ports?.forEach((port, i) => {
      validatePort(port, ports.length > 1, `${at}.ports[${i}]`, errors);
    });
  });
}

export function validateEndpoints(endpoints: Endpoints, errors: FieldErrors): void {
  validateObjectMeta(endpoints.metadata, true, nameIsDNSSubdomain, errors);
  validateSubsets(endpoints, errors);
}

/** Subsets that an older version accepted may stay. */
export function validateEndpointsUpdate(endpoints: Endpoints, before: Endpoints, errors: FieldErrors): void {
  validateObjectMetaUpdate(endpoints.metadata, before.metadata, errors);
  validateObjectMeta(endpoints.metadata, true, nameIsDNSSubdomain, errors);
  const subsets = (one: Endpoints) => JSON.stringify(type.encode({ ...one, metadata: before.metadata }));
  if (subsets(endpoints) !== subsets(before)) validateSubsets(endpoints, errors);
}
