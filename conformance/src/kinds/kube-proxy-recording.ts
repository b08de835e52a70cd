/** What was given to the real kube-proxy when it was recorded: its configuration, and the state of the cluster. */
import {
  detectNodeIPs,
  type EndpointSlice,
  type Node,
  type ProxyConfig,
  type ProxyNode,
  type Service,
} from '@podwire/model';

/** KubeProxyConfiguration as given; what is not there has its default. */
export interface RecordedConfig {
  clusterCIDR?: string;
  detectLocalMode?: ProxyConfig['detectLocalMode'];
  detectLocal?: { bridgeInterface?: string; interfaceNamePrefix?: string };
  nodePortAddresses?: string[];
  iptables?: { masqueradeAll?: boolean; masqueradeBit?: number; localhostNodePorts?: boolean };
}

export interface RecordedState {
  nodes: Node[];
  services: Service[];
  endpointslices: EndpointSlice[];
}

/** @param liberal `nf_conntrack_tcp_be_liberal` of the node. */
export function configOf(config: RecordedConfig, liberal = false): ProxyConfig {
  const { iptables = {}, detectLocal = {} } = config;
  return {
    clusterCIDRs: (config.clusterCIDR ?? '').split(','),
    detectLocalMode: config.detectLocalMode ?? 'ClusterCIDR',
    ...detectLocal,
    nodePortAddresses: config.nodePortAddresses ?? [],
    masqueradeAll: iptables.masqueradeAll ?? false,
    masqueradeBit: iptables.masqueradeBit ?? 14,
    localhostNodePorts: iptables.localhostNodePorts ?? true,
    conntrackTCPLiberal: liberal,
    randomFully: true,
    nfacctCounters: true,
  };
}

export function nodeOf(name: string, state: RecordedState, interfaceAddresses: string[]): ProxyNode {
  const node = state.nodes.find(({ metadata }) => metadata.name === name);
  const internal = (node?.status?.addresses ?? []).filter(({ type }) => type === 'InternalIP');
  return {
    name,
    nodeIPs: detectNodeIPs(
      internal.map(({ address }) => address),
      '',
    ).ips,
    interfaceAddresses,
    topologyLabels: node?.metadata.labels ?? {},
    podCIDRs: node?.spec?.podCIDRs ?? [],
  };
}
