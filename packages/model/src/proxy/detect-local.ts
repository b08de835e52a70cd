/** How kube-proxy tells traffic of local pods from other traffic. (cmd/kube-proxy/app: getLocalDetectors, detectNodeIPs; pkg/proxy/util) */
import type { IPFamily } from '../objects/kube.ts';
import { canonicalIP, familyOf, isUnspecified, parseCIDR, parseIP } from './ip.ts';
import type { ProxyConfig } from './proxy.ts';

export type LocalDetector =
  /** No way to tell: rules that need one are not written. */
  | { kind: 'none' }
  | { kind: 'cidr'; cidr: string }
  | { kind: 'bridgeInterface'; interface: string }
  | { kind: 'interfaceNamePrefix'; prefix: string };

type DetectLocalConfig = Pick<
  ProxyConfig,
  'detectLocalMode' | 'clusterCIDRs' | 'bridgeInterface' | 'interfaceNamePrefix'
>;

/** The detector of one family: the first CIDR of that family, or the interface, which serves both. */
export function localDetector(config: DetectLocalConfig, podCIDRs: readonly string[], family: IPFamily): LocalDetector {
  switch (config.detectLocalMode) {
    case 'ClusterCIDR':
    case 'NodeCIDR': {
      const cidrs = config.detectLocalMode === 'ClusterCIDR' ? config.clusterCIDRs : podCIDRs;
      const cidr = cidrs.map(parseCIDR).find((parsed) => parsed?.family === family);
      return cidr ? { kind: 'cidr', cidr: cidr.text } : { kind: 'none' };
    }
    case 'BridgeInterface':
      return { kind: 'bridgeInterface', interface: config.bridgeInterface ?? '' };
    case 'InterfaceNamePrefix':
      return { kind: 'interfaceNamePrefix', prefix: config.interfaceNamePrefix ?? '' };
  }
}

/** iptables words that match traffic of local pods; none for a detector that cannot tell. */
export function iptablesIfLocal(detector: LocalDetector): string[] {
  switch (detector.kind) {
    case 'none':
      return [];
    case 'cidr':
      return ['-s', detector.cidr];
    case 'bridgeInterface':
      return ['-i', detector.interface];
    case 'interfaceNamePrefix':
      return ['-i', `${detector.prefix}+`];
  }
}

/** iptables words that match all other traffic. */
export function iptablesIfNotLocal(detector: LocalDetector): string[] {
  return detector.kind === 'none' ? [] : ['!', ...iptablesIfLocal(detector)];
}

/** nft words that match traffic of local pods; none for a detector that cannot tell. */
export function nftablesIfLocal(detector: LocalDetector): string[] {
  switch (detector.kind) {
    case 'none':
      return [];
    case 'cidr':
      return [detector.cidr.includes(':') ? 'ip6' : 'ip', 'saddr', detector.cidr];
    case 'bridgeInterface':
      return ['iifname', detector.interface];
    case 'interfaceNamePrefix':
      return ['iifname', `${detector.prefix}*`];
  }
}

/** nft words that match all other traffic. */
export function nftablesIfNotLocal(detector: LocalDetector): string[] {
  const words = nftablesIfLocal(detector);
  return words.length === 0 ? [] : [...words.slice(0, -1), '!=', ...words.slice(-1)];
}

export interface NodeIPs {
  primaryIPFamily: IPFamily;
  ips: Record<IPFamily, string>;
}

/**
 * The node IPs that kube-proxy takes: those of the Node, of which `bindAddress` replaces the one of its family unless it is unspecified;
 * loopback where nothing is known.
 *
 * @param nodeIPs Addresses of the Node, best first; a second one is of the other family.
 */
export function detectNodeIPs(nodeIPs: readonly string[], bindAddress: string): NodeIPs {
  const found: NodeIPs = { primaryIPFamily: 'IPv4', ips: { IPv4: '127.0.0.1', IPv6: '::1' } };
  const take = (text: string | undefined, primary: boolean) => {
    const address = parseIP(text ?? '');
    if (!address || isUnspecified(address)) return;
    const family = familyOf(address);
    if (primary) found.primaryIPFamily = family;
    found.ips[family] = canonicalIP(text ?? '') ?? '';
  };
  take(nodeIPs[0], true);
  take(nodeIPs[1], false);
  take(bindAddress, true);
  return found;
}
