/** EndpointSlices: pkg/apis/discovery/validation/validation.go. */

import { ipFamily, isCanonicalIP, validateEndpointIP, validateLegacyIP } from '../meta/addresses.ts';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isFullyQualifiedDomainName,
  isLabelValue,
  isQualifiedName,
  nameIsDNSSubdomain,
} from '../meta/names.ts';
import { validateObjectMeta } from '../meta/object-meta.ts';
import { PROTOCOLS } from '../meta/ports.ts';
import type { EndpointHints, EndpointSlice, SliceEndpoint } from '../schema/discovery.ts';
import { endpointSlice as type } from '../schema/discovery.ts';
import type { FieldErrors } from '../status/field-errors.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_HINTS = 8;

function validatePorts({ ports }: EndpointSlice, errors: FieldErrors): void {
  if (ports !== undefined && ports.length > MAX_PORTS) {
    errors.tooMany('ports', ports.length, MAX_PORTS);
    return;
  }
  const names = new Set<string>();
  ports?.forEach(({ name = '', protocol, appProtocol }, index) => {
    const at = `ports[${index}]`;
    if (name !== '') errors.invalidEach(`${at}.name`, name, isDNS1123Label(name));
    if (names.has(name)) errors.duplicate(`${at}.name`, name);
    names.add(name);
    if (protocol === undefined) errors.required(`${at}.protocol`);
    else if (!PROTOCOLS.includes(protocol)) errors.notSupported(`${at}.protocol`, protocol, PROTOCOLS);
    if (appProtocol !== undefined) errors.invalidEach(`${at}.appProtocol`, appProtocol, isQualifiedName(appProtocol));
  });
}

function validateAddress(address: string, type: string, list: string, index: number, errors: FieldErrors): void {
  const at = `${list}[${index}]`;
  if (type === 'FQDN') {
    for (const { value, detail } of isFullyQualifiedDomainName(address)) {
      if (detail === '') errors.required(at);
      else errors.invalid(at, value, detail);
    }
  } else if (type === 'IPv4') {
    if (!validateLegacyIP(address, at, errors)) return;
    if (ipFamily(address) !== 4) errors.invalid(list, address, 'must be an IPv4 address');
    validateEndpointIP(address, at, errors);
  } else if (type === 'IPv6') {
    const details = isCanonicalIP(address);
    errors.invalidEach(at, address, details);
    if (details.length > 0) return;
    if (ipFamily(address) !== 6) errors.invalid(list, address, 'must be an IPv6 address');
    validateEndpointIP(address, at, errors);
  }
}

function validateHints({ forZones = [], forNodes = [] }: EndpointHints, at: string, errors: FieldErrors): void {
  const lists = [
    ['forZones', forZones, isLabelValue],
    ['forNodes', forNodes, isDNS1123Subdomain],
  ] as const;
  for (const [field, hints, check] of lists) {
    if (hints.length > MAX_HINTS) {
      errors.tooMany(`${at}.${field}`, hints.length, MAX_HINTS);
      return;
    }
    const seen = new Set<string>();
    for (const [index, { name }] of hints.entries()) {
      const place = `${at}.${field}[${index}].name`;
      if (seen.has(name)) errors.duplicate(place, name);
      seen.add(name);
      errors.invalidEach(place, name, check(name));
    }
  }
}

function validateEndpoint(endpoint: SliceEndpoint, type: string, at: string, errors: FieldErrors): void {
  const { addresses = [], nodeName, hostname, hints } = endpoint;
  const list = `${at}.addresses`;
  if (addresses.length === 0) errors.required(list, 'must contain at least 1 address');
  else if (addresses.length > MAX_ADDRESSES) errors.tooMany(list, addresses.length, MAX_ADDRESSES);
  for (const [index, address] of addresses.entries()) validateAddress(address, type, list, index, errors);
  if (nodeName !== undefined) errors.invalidEach(`${at}.nodeName`, nodeName, isDNS1123Subdomain(nodeName));
  if (hostname !== undefined) errors.invalidEach(`${at}.hostname`, hostname, isDNS1123Label(hostname));
  if (hints !== undefined) validateHints(hints, `${at}.hints`, errors);
}

function validateEndpoints({ endpoints = [], addressType }: EndpointSlice, errors: FieldErrors): void {
  if (endpoints.length > MAX_ENDPOINTS) errors.tooMany('endpoints', endpoints.length, MAX_ENDPOINTS);
  else
    for (const [index, endpoint] of endpoints.entries())
      validateEndpoint(endpoint, addressType, `endpoints[${index}]`, errors);
}

function validateRest(slice: EndpointSlice, errors: FieldErrors): void {
  validateObjectMeta(slice.metadata, true, nameIsDNSSubdomain, errors);
  const { addressType } = slice;
  if (addressType === '') errors.required('addressType');
  else if (!ADDRESS_TYPES.includes(addressType)) errors.notSupported('addressType', addressType, ADDRESS_TYPES);
  validatePorts(slice, errors);
}

export function validateEndpointSlice(slice: EndpointSlice, errors: FieldErrors): void {
  validateRest(slice, errors);
  validateEndpoints(slice, errors);
}

/** Endpoints that an older version accepted may stay. */
export function validateEndpointSliceUpdate(slice: EndpointSlice, before: EndpointSlice, errors: FieldErrors): void {
  validateRest(slice, errors);
  const endpoints = (one: EndpointSlice) => JSON.stringify(type.encode({ ...before, endpoints: one.endpoints ?? [] }));
  if (endpoints(slice) !== endpoints(before)) validateEndpoints(slice, errors);
  errors.immutable('addressType', slice.addressType, slice.addressType === before.addressType);
}
