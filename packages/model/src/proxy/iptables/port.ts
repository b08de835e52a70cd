/** One service port in iptables mode. */
import type { EndpointInfo } from '../endpoints.ts';
import { endpointCause, type PortState, portCause } from '../port-state.ts';
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
    return portCause(this.info, path);
  }

  endpointCause(endpoint: EndpointInfo): ProxyCause {
    return endpointCause(this.info, endpoint);
  }

  /** `-m tcp -p tcp`, `-d IP`, `--dport PORT`: how kube-proxy matches a destination. */
  destination(ip: string): string[] {
    return [...this.protocolMatch(), '-d', ip, '--dport', String(this.info.portNumber)];
  }

  protocolMatch(): string[] {
    return ['-m', this.protocol, '-p', this.protocol];
  }
}

export function usesFirewallChain({ info }: IptablesPort, state: PortState): boolean {
  return state.hasEndpoints && info.loadBalancerVIPs.length > 0 && info.loadBalancerSourceRanges.length > 0;
}
