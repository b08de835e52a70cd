/** Everything but Services and endpoints that decides what one family has on one node. */
import type { IPFamily } from '../../objects/kube.ts';
import type { IpvsConfig, ProxyConfig, ProxyNode } from '../proxy.ts';
import { type FamilySettings, familySettings } from '../settings.ts';

export interface IpvsSettings extends FamilySettings {
  /** The kernel's name of how a server is chosen, the same for all virtual services. */
  scheduler: string;
  randomFully: boolean;
}

const DEFAULTS: IpvsConfig = {
  scheduler: 'rr',
  excludeCIDRs: [],
  strictARP: false,
  tcpTimeoutSeconds: 0,
  tcpFinTimeoutSeconds: 0,
  udpTimeoutSeconds: 0,
};

/** The section `ipvs` of the configuration, with its defaults (proxier.go: NewProxier). */
export function ipvsConfig({ ipvs }: Pick<ProxyConfig, 'ipvs'>): IpvsConfig {
  const config = { ...DEFAULTS, ...ipvs };
  return { ...config, scheduler: config.scheduler || DEFAULTS.scheduler };
}

export function ipvsSettings(
  config: ProxyConfig,
  node: Pick<ProxyNode, 'nodeIPs' | 'podCIDRs'>,
  family: IPFamily,
): IpvsSettings {
  return {
    ...familySettings(config, node, family),
    scheduler: ipvsConfig(config).scheduler,
    randomFully: config.randomFully,
  };
}

/**
 * What kube-proxy sets when it starts in this mode. It leaves `conn_reuse_mode` alone on kernels from 5.9 on, and wants no
 * `route_localnet`: node ports are not served on loopback.
 */
export function ipvsSysctls(config: ProxyConfig): Record<string, number> {
  return {
    'net.ipv4.vs.conntrack': 1,
    'net.ipv4.vs.expire_nodest_conn': 1,
    'net.ipv4.vs.expire_quiescent_template': 1,
    'net.ipv4.ip_forward': 1,
    ...(ipvsConfig(config).strictARP && { 'net.ipv4.conf.all.arp_ignore': 1, 'net.ipv4.conf.all.arp_announce': 2 }),
    ...(config.conntrackTCPLiberal && { 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 }),
  };
}
