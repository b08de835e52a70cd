/** Everything but Services and endpoints that decides the rules of one family on one node. */
import type { IPFamily } from '../../objects/kube.ts';
import { parseCIDR } from '../ip.ts';
import { givenNodePortAddresses } from '../node-port-addresses.ts';
import type { ProxyConfig, ProxyNode } from '../proxy.ts';
import { type FamilySettings, familySettings } from '../settings.ts';

export interface NftablesSettings extends FamilySettings {
  /** Where cluster IPs come from, as it stands between the braces of a rule; empty where nobody told kube-proxy. */
  serviceCIDRs: string;
}

/** @param serviceCIDRs Of both families. */
export function nftablesSettings(
  config: ProxyConfig,
  serviceCIDRs: readonly string[],
  node: Pick<ProxyNode, 'nodeIPs' | 'podCIDRs'>,
  family: IPFamily,
): NftablesSettings {
  const ours = serviceCIDRs.filter((text) => parseCIDR(text)?.family === family);
  const given = givenNodePortAddresses('nftables', config.nodePortAddresses);
  return { ...familySettings(config, node, family, given), serviceCIDRs: ours.join(',') };
}
