/** One service port in nftables mode. */
import type { EndpointInfo } from '../endpoints.ts';
import { endpointCause, portCause } from '../port-state.ts';
import type { ProxyCause } from '../proxy.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import { type EndpointNames, endpointNames, type ServiceChainNames, serviceChainNames } from './names.ts';

export class NftablesPort {
  readonly info: ServicePortInfo;
  /** Lower case, as nft wants it. */
  readonly protocol: string;
  readonly chains: ServiceChainNames;
  readonly #endpoints = new Map<EndpointInfo, EndpointNames>();

  constructor(info: ServicePortInfo) {
    this.info = info;
    this.protocol = info.protocol.toLowerCase();
    this.chains = serviceChainNames(info.namespace, info.name, info.port, this.protocol);
  }

  /** Chain and set of one endpoint, which are made with ClientIP affinity alone. */
  endpoint(endpoint: EndpointInfo): EndpointNames {
    let names = this.#endpoints.get(endpoint);
    if (names === undefined) {
      const { namespace, name, port } = this.info;
      names = endpointNames(namespace, name, port, this.protocol, endpoint.ip, endpoint.port);
      this.#endpoints.set(endpoint, names);
    }
    return names;
  }

  get hasAffinity(): boolean {
    return this.info.sessionAffinity === 'ClientIP';
  }

  /** Even without endpoints. */
  get usesFirewallChain(): boolean {
    return this.info.loadBalancerVIPs.length > 0 && this.info.loadBalancerSourceRanges.length > 0;
  }

  /** @param path The Service's field; its entry in `spec.ports` where none is named. */
  cause(...path: (string | number)[]): ProxyCause {
    return portCause(this.info, path);
  }

  endpointCause(endpoint: EndpointInfo): ProxyCause {
    return endpointCause(this.info, endpoint);
  }
}
