/** What was given to the real kube-proxy when it was recorded: its configuration, and the state of the cluster. */
import {
  detectNodeIPs,
  type EndpointSlice,
  type Node,
  type ProxyCompiler,
  type ProxyConfig,
  type ProxyNode,
  type ProxyObjects,
  proxyCompiler,
  type Service,
} from '@podwire/model';

/** KubeProxyConfiguration as given; what is not there has its default. */
export interface RecordedConfig {
  clusterCIDR?: string;
  detectLocalMode?: ProxyConfig['detectLocalMode'];
  detectLocal?: { bridgeInterface?: string; interfaceNamePrefix?: string };
  nodePortAddresses?: string[];
  iptables?: { masqueradeAll?: boolean; masqueradeBit?: number; localhostNodePorts?: boolean };
  nftables?: { masqueradeAll?: boolean; masqueradeBit?: number };
}

export interface RecordedState {
  nodes: Node[];
  services: Service[];
  endpointslices: EndpointSlice[];
  servicecidrs?: { spec: { cidrs: string[] } }[];
}

export function objectsOf({ services, endpointslices, servicecidrs = [] }: RecordedState): ProxyObjects {
  return { services, endpointSlices: endpointslices, serviceCIDRs: servicecidrs.flatMap(({ spec }) => spec.cidrs) };
}

/** Undefined for a mode that podwire does not compile. */
export function compilerNamed(mode: string): ProxyCompiler | undefined {
  return proxyCompiler(mode as ProxyCompiler['name']);
}

/** @param liberal `nf_conntrack_tcp_be_liberal` of the node. */
export function configOf({ config, mode }: { config: RecordedConfig; mode: string }, liberal = false): ProxyConfig {
  const { iptables = {}, detectLocal = {} } = config;
  // Each mode reads its own section.
  const masquerade = (mode === 'nftables' ? config.nftables : iptables) ?? {};
  return {
    clusterCIDRs: (config.clusterCIDR ?? '').split(','),
    detectLocalMode: config.detectLocalMode ?? 'ClusterCIDR',
    ...detectLocal,
    nodePortAddresses: config.nodePortAddresses ?? [],
    masqueradeAll: masquerade.masqueradeAll ?? false,
    masqueradeBit: masquerade.masqueradeBit ?? 14,
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
