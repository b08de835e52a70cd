/** What decides the rules of one family on one node besides Services and endpoints, in every mode that writes rules. */
import type { IPFamily } from '../objects/kube.ts';
import { type LocalDetector, localDetector } from './detect-local.ts';
import { type NodePortAddresses, nodePortAddressesOf, resolvePrimary } from './node-port-addresses.ts';
import type { ProxyConfig, ProxyNode } from './proxy.ts';

export interface FamilySettings {
  family: IPFamily;
  /** As written: `0x00004000`. */
  masqueradeMark: string;
  masqueradeAll: boolean;
  localDetector: LocalDetector;
  nodePortAddresses: NodePortAddresses;
}

/** The mark of `masqueradeBit`, as Go's `%#08x` prints it. */
function masqueradeMark(masqueradeBit: number): string {
  return `0x${(2 ** masqueradeBit).toString(16).padStart(8, '0')}`;
}

/** @param nodePortAddresses Those of the configuration, or the mode's default where it has none. */
export function familySettings(
  config: ProxyConfig,
  node: Pick<ProxyNode, 'nodeIPs' | 'podCIDRs'>,
  family: IPFamily,
  nodePortAddresses: readonly string[] = config.nodePortAddresses,
): FamilySettings {
  return {
    family,
    masqueradeMark: masqueradeMark(config.masqueradeBit),
    masqueradeAll: config.masqueradeAll,
    localDetector: localDetector(config, node.podCIDRs, family),
    nodePortAddresses: nodePortAddressesOf(family, resolvePrimary(nodePortAddresses, node.nodeIPs)),
  };
}
