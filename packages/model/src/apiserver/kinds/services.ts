/** Services and what belongs to them. */
import * as storage from '../allocate/service.ts';
import { setServiceDefaults } from '../defaults/service.ts';
import { bumpGeneration } from '../meta/generation.ts';
import { type Endpoints, endpoints, type Service, service } from '../schema/core-service.ts';
import { type EndpointSlice, endpointSlice } from '../schema/discovery.ts';
import { type IPAddress, ipAddress, type ServiceCIDR, serviceCIDR } from '../schema/networking-ranges.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from '../validate/endpoint-slice.ts';
import { validateEndpoints, validateEndpointsUpdate } from '../validate/endpoints.ts';
import { validateIPAddress, validateIPAddressUpdate } from '../validate/ip-address.ts';
import { validateService, validateServiceUpdate } from '../validate/service.ts';
import { validateServiceCIDR, validateServiceCIDRUpdate } from '../validate/service-cidr.ts';
import type { KindRules } from './kind-rules.ts';

export const services: KindRules<Service> = {
  apiVersion: 'v1',
  kind: 'Service',
  type: service,
  setDefaults: setServiceDefaults,
  ...storage,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  hold({ spec }, allocation) {
    const nodePorts = (spec.ports ?? []).map(({ nodePort }) => nodePort);
    allocation.hold(spec.clusterIPs ?? [], [...nodePorts, spec.healthCheckNodePort]);
  },
};

export const endpointsKind: KindRules<Endpoints> = {
  apiVersion: 'v1',
  kind: 'Endpoints',
  type: endpoints,
  setDefaults({ subsets }) {
    for (const { ports } of subsets ?? []) for (const port of ports ?? []) port.protocol ||= 'TCP';
  },
  validate: validateEndpoints,
  validateUpdate: validateEndpointsUpdate,
};

/** dropTopologyOnV1(): this version does not write topology labels. */
function dropTopology({ endpoints: members }: EndpointSlice): void {
  for (const endpoint of members ?? []) endpoint.deprecatedTopology = undefined;
}

export const endpointSlices: KindRules<EndpointSlice> = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  type: endpointSlice,
  setDefaults({ ports }) {
    for (const port of ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  prepareForCreate(slice) {
    slice.metadata.generation = 1;
    dropTopology(slice);
  },
  prepareForUpdate(slice, before) {
    const content = (one: EndpointSlice) => [one.metadata.labels, one.addressType, one.endpoints, one.ports];
    bumpGeneration(slice, before, content);
    dropTopology(slice);
  },
  validate: validateEndpointSlice,
  validateUpdate: validateEndpointSliceUpdate,
};

export const ipAddresses: KindRules<IPAddress> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IPAddress',
  type: ipAddress,
  validate: validateIPAddress,
  validateUpdate: validateIPAddressUpdate,
};

export const serviceCIDRs: KindRules<ServiceCIDR> = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'ServiceCIDR',
  type: serviceCIDR,
  prepareForCreate(range) {
    range.status = { conditions: undefined };
  },
  prepareForUpdate(range, before) {
    range.status = before.status;
  },
  validate: validateServiceCIDR,
  validateUpdate: validateServiceCIDRUpdate,
};
