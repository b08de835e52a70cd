/** Everything but Services and endpoints that decides the rules of one family on one node. */
import type { IPFamily } from '../../objects/kube.ts';
import type { ProxyConfig, ProxyNode } from '../proxy.ts';
import { type FamilySettings, familySettings } from '../settings.ts';

export interface IptablesSettings extends FamilySettings {
  /** Node ports work on 127.0.0.1: the wish for it, and node port addresses that include loopback. */
  localhostNodePorts: boolean;
  /** Which packet counters of the nfacct subsystem exist. */
  nfacct: { invalidDropped: boolean; localhostNodePorts: boolean };
  randomFully: boolean;
  conntrackTCPLiberal: boolean;
}

export function iptablesSettings(
  config: ProxyConfig,
  node: Pick<ProxyNode, 'nodeIPs' | 'podCIDRs'>,
  family: IPFamily,
): IptablesSettings {
  const shared = familySettings(config, node, family);
  return {
    ...shared,
    localhostNodePorts: config.localhostNodePorts && shared.nodePortAddresses.containsIPv4Loopback,
    nfacct: { invalidDropped: config.nfacctCounters, localhostNodePorts: config.nfacctCounters },
    randomFully: config.randomFully,
    conntrackTCPLiberal: config.conntrackTCPLiberal,
  };
}
