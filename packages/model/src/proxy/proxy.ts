/** The contract between the cluster and the kube-proxy compilers. */
import type { Address, IpSet, IpvsService, Link, Table } from '@podwire/engine';
import type { ProxyMode } from '../cluster/cluster.ts';
import type { EndpointSlice, IPFamily, Pod, Service } from '../objects/kube.ts';
import type { Problem } from '../problem.ts';
import type { EbpfPrograms } from './ebpf/programs.ts';

/** KubeProxyConfiguration, the fields that decide rules; names as in k8s.io/kube-proxy/config/v1alpha1. */
export interface ProxyConfig {
  /** `--cluster-cidr`, by family or empty. */
  clusterCIDRs: string[];
  detectLocalMode: 'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';
  bridgeInterface?: string;
  interfaceNamePrefix?: string;
  nodePortAddresses: string[];
  masqueradeAll: boolean;
  /** 14 unless configured: mark 0x00004000. */
  masqueradeBit: number;
  localhostNodePorts: boolean;
  /** `conntrack.tcpBeLiberal`: no rule that drops INVALID. */
  conntrackTCPLiberal: boolean;
  /** What the node's kernel and iptables offer. */
  randomFully: boolean;
  nfacctCounters: boolean;
  /** IPVS mode's own; what is absent has its default. */
  ipvs?: Partial<IpvsConfig>;
  /** eBPF mode: options of Cilium by name, as in its ConfigMap; what is absent has its default. */
  cilium?: Readonly<Record<string, string>>;
}

/** KubeProxyIPVSConfiguration. */
export interface IpvsConfig {
  /** `rr` unless configured. */
  scheduler: string;
  /** Virtual services at these addresses are not kube-proxy's to delete. */
  excludeCIDRs: string[];
  /** The node answers ARP for no address of another link: not for those of Services. */
  strictARP: boolean;
  /** Of connections that IPVS holds; 0: as the kernel has them (900, 120 and 300). */
  tcpTimeoutSeconds: number;
  tcpFinTimeoutSeconds: number;
  udpTimeoutSeconds: number;
}

/** The node as kube-proxy on it sees it. */
export interface ProxyNode {
  name: string;
  /** Primary node IP of each family. */
  nodeIPs: Partial<Record<IPFamily, string>>;
  /** Addresses of the node's interfaces with prefix length, both families. */
  interfaceAddresses: string[];
  /** For topology hints: labels of the Node. */
  topologyLabels: Record<string, string>;
  podCIDRs: string[];
  /** Addresses of its pods. */
  podAddresses?: readonly string[];
  /** Its pods whose host ports are no network plugin's. */
  hostPortPods?: readonly Pod[];
}

/** What all nodes share: Services and their slices, both families together. Objects keep their identity: it is how a rule finds its cause. */
export interface ProxyObjects {
  services: Service[];
  endpointSlices: EndpointSlice[];
  /** ServiceCIDRs of both families, which nftables mode asks for. */
  serviceCIDRs?: readonly string[];
  /** Addresses of all nodes. */
  nodeIPs?: readonly string[];
}

/** Cause of a rule that kube-proxy writes. */
export interface ProxyCause {
  kind: 'proxy';
  /** The Service the rule is for; absent for rules that are always there. */
  service?: Service;
  /** Index into `spec.ports`. */
  port?: number;
  /** The slice and the endpoint in it, for rules about one endpoint. */
  slice?: EndpointSlice;
  endpoint?: number;
  /** Field of the object that made the rule what it is: `['spec', 'externalTrafficPolicy']`. */
  path?: (string | number)[];
}

export interface ProxyRules {
  /** Tables of both families, with shared chains in `base` tables. */
  tables: Table[];
  /** Sysctls that kube-proxy sets. */
  sysctls: Record<string, number>;
  problems: Problem[];
  /** What else kube-proxy keeps on the node in IPVS mode. */
  ipvs?: ProxyIpvs;
  /** Programs that balance, in eBPF mode. */
  ebpf?: EbpfPrograms;
}

/** In parts that any number of nodes share by identity. */
export interface ProxyIpvs {
  services: IpvsService[];
  sets: IpSet[];
  /** The dummy link, and the addresses of Services on it. */
  link: Link;
  addresses: Address[];
}

/** One proxy mode. `prepare` does once what is the same for all nodes; the result compiles any node. */
export interface ProxyCompiler {
  name: ProxyMode;
  prepare(objects: ProxyObjects, config: ProxyConfig): (node: ProxyNode) => ProxyRules;
}
