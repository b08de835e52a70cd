/** One service port in iptables mode, and what a node's endpoints decide about its rules. */
import type { EndpointInfo } from '../endpoints.ts';
import type { ProxyCause } from '../proxy.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import { endpointChainName, type ServiceChainNames, serviceChainNames } from './names.ts';

export class IptablesPort {
  readonly info: ServicePortInfo;
  /** Lower case, as iptables wants it. */
  readonly protocol: string;
  readonly chains: ServiceChainNames;
  readonly #endpointChains = new Map<string, string>();

  constructor(info: ServicePortInfo) {
    this.info = info;
    this.protocol = info.protocol.toLowerCase();
    this.chains = serviceChainNames(info.nameString, this.protocol);
  }

  endpointChain({ endpoint }: EndpointInfo): string {
    let name = this.#endpointChains.get(endpoint);
    if (name === undefined) {
      name = endpointChainName(this.info.nameString, this.protocol, endpoint);
      this.#endpointChains.set(endpoint, name);
    }
    return name;
  }

  /** @param path The Service's field; its entry in `spec.ports` where none is named. */
  cause(...path: (string | number)[]): ProxyCause {
    const { service, index } = this.info;
    return { kind: 'proxy', service, port: index, path: path.length > 0 ? path : ['spec', 'ports', index] };
  }

  endpointCause({ slice, index }: EndpointInfo): ProxyCause {
    return { kind: 'proxy', service: this.info.service, port: this.info.index, slice, endpoint: index };
  }

  /** `-m tcp -p tcp`, `-d IP`, `--dport PORT`: how kube-proxy matches a destination. */
  destination(ip: string): string[] {
    return [...this.protocolMatch(), '-d', ip, '--dport', String(this.info.portNumber)];
  }

  protocolMatch(): string[] {
    return ['-m', this.protocol, '-p', this.protocol];
  }
}

/** What of a node's endpoints decides which rules a service port has there. */
export interface PortState {
  /** Any usable endpoint in the cluster. */
  hasEndpoints: boolean;
  /** Any usable endpoint on the node; only asked where a policy is Local. */
  hasLocalEndpoints: boolean;
}

/** Traffic to the cluster IP finds an endpoint. */
export function hasInternalEndpoints({ info }: IptablesPort, state: PortState): boolean {
  return state.hasEndpoints && (!info.internalPolicyLocal || state.hasLocalEndpoints);
}

/** Traffic from outside finds an endpoint. */
export function hasExternalEndpoints({ info }: IptablesPort, state: PortState): boolean {
  return state.hasEndpoints && (!info.externalPolicyLocal || state.hasLocalEndpoints);
}

/** Even without external endpoints: pods and the node itself take the Cluster ones. */
export function usesExternalChain({ info }: IptablesPort, state: PortState): boolean {
  return state.hasEndpoints && info.externallyAccessible;
}

export function usesFirewallChain({ info }: IptablesPort, state: PortState): boolean {
  return state.hasEndpoints && info.loadBalancerVIPs.length > 0 && info.loadBalancerSourceRanges.length > 0;
}
