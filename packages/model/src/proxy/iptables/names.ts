/**
 * Names of the chains that kube-proxy makes for a Service port and its endpoints. The hash is over `servicePortName` and the lower-case
 * protocol, with nothing between them; an endpoint's adds `ip:port`. (pkg/proxy/iptables: portProtoHash, servicePortEndpointChainName)
 */
import { nameHash } from '../names.ts';

export interface ServiceChainNames {
  /** Where traffic under policy Cluster is spread: KUBE-SVC. */
  cluster: string;
  /** Where traffic under policy Local is spread: KUBE-SVL. */
  local: string;
  /** loadBalancerSourceRanges: KUBE-FW. */
  firewall: string;
  /** Traffic from outside, before its policy: KUBE-EXT. */
  external: string;
}

/** @param protocol Lower case: `tcp`. */
export function serviceChainNames(portName: string, protocol: string): ServiceChainNames {
  const hash = nameHash(portName + protocol, 16);
  return {
    cluster: `KUBE-SVC-${hash}`,
    local: `KUBE-SVL-${hash}`,
    firewall: `KUBE-FW-${hash}`,
    external: `KUBE-EXT-${hash}`,
  };
}

/** @param endpoint `10.0.0.1:80` or `[fd00::1]:80`. */
export function endpointChainName(portName: string, protocol: string, endpoint: string): string {
  return `KUBE-SEP-${nameHash(portName + protocol + endpoint, 16)}`;
}

/** Chains of one Service port, which kube-proxy deletes when nothing needs them any more. */
export function isServiceChain(name: string): boolean {
  return /^KUBE-(?:SVC|SVL|SEP|FW|EXT)-/.test(name);
}
