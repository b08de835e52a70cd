/** discovery/v1/types.go. */
import { objectReference } from './core-service.ts';
import { type Draft, root } from './meta.ts';
import { always, bool, int32, list, map, type Of, pointer, string, struct, text } from './type.ts';

const endpointConditions = struct('v1.EndpointConditions', {
  ready: pointer(bool),
  serving: pointer(bool),
  terminating: pointer(bool),
});

const endpointHints = struct('v1.EndpointHints', {
  forZones: list(struct('v1.ForZone', { name: always(string) })),
  forNodes: list(struct('v1.ForNode', { name: always(string) })),
});

const endpoint = struct('v1.Endpoint', {
  addresses: always(list(string)),
  conditions: endpointConditions,
  hostname: pointer(string),
  targetRef: pointer(objectReference),
  deprecatedTopology: map(string),
  nodeName: pointer(string),
  zone: pointer(string),
  hints: pointer(endpointHints),
});

const endpointPort = struct('v1.EndpointPort', {
  name: pointer(string),
  protocol: pointer(text('v1.Protocol')),
  port: pointer(int32),
  appProtocol: pointer(string),
});

export const endpointSlice = root('v1.EndpointSlice', {
  addressType: always(text('v1.AddressType')),
  endpoints: always(list(endpoint)),
  ports: always(list(endpointPort)),
});

export type SliceEndpoint = Of<typeof endpoint>;
export type EndpointHints = Of<typeof endpointHints>;
export type EndpointSlice = Draft & Of<typeof endpointSlice>;
