/** Everything but Services and endpoints that decides the rules of one family on one node. */
import type { IPFamily } from '../../objects/kube.ts';
import { type LocalDetector, localDetector } from '../detect-local.ts';
import { type NodePortAddresses, nodePortAddressesOf, resolvePrimary } from '../node-port-addresses.ts';
import type { ProxyConfig, ProxyNode } from '../proxy.ts';

export interface IptablesSettings {
  family: IPFamily;
  /** As written: `0x00004000`. */
  masqueradeMark: string;
  masqueradeAll: boolean;
  localDetector: LocalDetector;
  /** Node ports work on 127.0.0.1: the wish for it, and node port addresses that include loopback. */
  localhostNodePorts: boolean;
  nodePortAddresses: NodePortAddresses;
  /** Which packet counters of the nfacct subsystem exist. */
  nfacct: { invalidDropped: boolean; localhostNodePorts: boolean };
  randomFully: boolean;
  conntrackTCPLiberal: boolean;
}

/** The mark of `masqueradeBit`, as Go's `%#08x` prints it. */
function masqueradeMark(masqueradeBit: number): string {
  return `0x${(2 ** masqueradeBit).toString(16).padStart(8, '0')}`;
}

export function iptablesSettings(
  config: ProxyConfig,
  node: Pick<ProxyNode, 'nodeIPs' | 'podCIDRs'>,
  family: IPFamily,
): IptablesSettings {
  const nodePortAddresses = nodePortAddressesOf(family, resolvePrimary(config.nodePortAddresses, node.nodeIPs));
  return {
    family,
    masqueradeMark: masqueradeMark(config.masqueradeBit),
    masqueradeAll: config.masqueradeAll,
    localDetector: localDetector(config, node.podCIDRs, family),
    localhostNodePorts: config.localhostNodePorts && nodePortAddresses.containsIPv4Loopback,
    nodePortAddresses,
    nfacct: { invalidDropped: config.nfacctCounters, localhostNodePorts: config.nfacctCounters },
    randomFully: config.randomFully,
    conntrackTCPLiberal: config.conntrackTCPLiberal,
  };
}
