/** What a node's endpoints decide about the rules of one service port, in every mode that writes rules. */
import type { EndpointInfo } from './endpoints.ts';
import type { ProxyCause } from './proxy.ts';
import type { ServicePortInfo } from './service-ports.ts';

/** Of a service port, whatever the mode makes of it. */
export interface OfPort {
  info: ServicePortInfo;
}

/** What of a node's endpoints decides which rules a service port has there. */
export interface PortState {
  /** Any usable endpoint in the cluster. */
  hasEndpoints: boolean;
  /** Any usable endpoint on the node; only asked where a policy is Local. */
  hasLocalEndpoints: boolean;
}

/** Traffic to the cluster IP finds an endpoint. */
export function hasInternalEndpoints({ info }: OfPort, state: PortState): boolean {
  return state.hasEndpoints && (!info.internalPolicyLocal || state.hasLocalEndpoints);
}

/** Traffic from outside finds an endpoint. */
export function hasExternalEndpoints({ info }: OfPort, state: PortState): boolean {
  return state.hasEndpoints && (!info.externalPolicyLocal || state.hasLocalEndpoints);
}

/** Even without external endpoints: pods and the node itself take the Cluster ones. */
export function usesExternalChain({ info }: OfPort, state: PortState): boolean {
  return state.hasEndpoints && info.externallyAccessible;
}

/** @param path The Service's field; its entry in `spec.ports` where none is named. */
export function portCause({ service, index }: ServicePortInfo, path: (string | number)[] = []): ProxyCause {
  return { kind: 'proxy', service, port: index, path: path.length > 0 ? path : ['spec', 'ports', index] };
}

export function endpointCause({ service, index: port }: ServicePortInfo, { slice, index }: EndpointInfo): ProxyCause {
  return { kind: 'proxy', service, port, slice, endpoint: index };
}
