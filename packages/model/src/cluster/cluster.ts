import type {
  ConfigMap,
  EndpointSlice,
  Namespace,
  NetworkPolicy,
  Node,
  Pod,
  Service,
  Workload,
} from '../objects/kube.ts';
import type { Problem } from '../problem.ts';
import type { ProxyConfig } from '../proxy/proxy.ts';
import type { Origin } from '../read/source.ts';

/** How a setting came to its value. */
export interface Setting<T> {
  value: T;
  /** `given` on the command line, `detected` in the input, `assumed` because nothing says. */
  how: 'given' | 'detected' | 'assumed';
  /** What it was read from, or why it is assumed. */
  why: string;
  origin?: Origin;
}

/** Something the input does not say and podwire had to decide. Each stands here once. */
export interface Assumption {
  /** Stable kebab-case code: `made-nodes`, `assumed-ready`, `pod-cidr`. */
  code: string;
  /** One sentence. */
  text: string;
  /** What would settle it: `add Nodes: kubectl get nodes -o json`. */
  settle?: string;
  /** How many objects it touches. */
  count: number;
}

/** `ebpf` is Cilium's; Calico's programs do otherwise and have a word of their own. */
export type ProxyMode = 'iptables' | 'nftables' | 'ipvs' | 'ebpf' | 'calico-ebpf' | 'none';

/** Pods behind a Linux bridge (`cni0`), or each behind its own host-side veth and a /32 route. */
export type PodWiring = 'bridge' | 'point-to-point';

export interface ClusterSettings {
  proxyMode: Setting<ProxyMode>;
  proxy: Setting<ProxyConfig>;
  /** Pod network of the cluster, one per family. */
  podCIDRs: Setting<string[]>;
  serviceCIDRs: Setting<string[]>;
  nodePortRange: Setting<{ from: number; to: number }>;
  clusterDomain: Setting<string>;
  /** The domain that kubelets put into pods' search paths, where the input shows it: it should be the one the cluster DNS serves. */
  kubeletDomain?: Setting<string>;
  /** Addresses that kubelets write into pods' resolv.conf, where the input shows what kubelets were told. */
  clusterDNS?: Setting<string[]>;
  /** `kindnet`, `flannel`, `calico`, `cilium` ... or `unknown`. */
  cni: Setting<string>;
  wiring: Setting<PodWiring>;
  /** How the CNI carries packets between nodes: `none` for plain routes, or the tunnel (`VXLAN`, `IP-in-IP`, `Geneve`). Absent: `none`. */
  encapsulation?: Setting<string>;
}

/** An object together with where it came from; objects that controllers would make have `madeBy` instead. */
export interface Placed<T> {
  object: T;
  origin?: Origin;
  /** The object that caused it: the Deployment of a made Pod, the Service of a made EndpointSlice. */
  madeBy?: { kind: string; namespace?: string; name: string; origin?: Origin };
}

/**
 * What the API server and the controllers would hold. Keys are `namespace/name`, or `name` for cluster-scoped kinds; maps are
 * ordered by key in code-unit order.
 */
export interface Cluster {
  /** `snapshot`: Pods and Nodes are real. `design`: made from workloads. `mixed`: some of both. */
  mode: 'snapshot' | 'design' | 'mixed';
  settings: ClusterSettings;
  /** Configuration of nodes whose own kube-proxy was seen with other flags, by name. */
  proxyOfNodes?: ReadonlyMap<string, Setting<ProxyConfig>>;
  nodes: Map<string, Placed<Node>>;
  /** Addresses of nodes whose Linux was dumped, by node: more than a Node's status says. */
  dumpedAddresses?: ReadonlyMap<string, string>;
  namespaces: Map<string, Placed<Namespace>>;
  pods: Map<string, Placed<Pod>>;
  services: Map<string, Placed<Service>>;
  /** By Service key. */
  endpointSlices: Map<string, Placed<EndpointSlice>[]>;
  /** Keys of Services that have endpoints nobody can know from the input: no selector, read from a cluster, but without their EndpointSlices. */
  unknownEndpoints?: ReadonlySet<string>;
  /** Keys are `Kind namespace/name`: a Deployment and a StatefulSet may share a name. */
  workloads: Map<string, Placed<Workload>>;
  networkPolicies: Map<string, Placed<NetworkPolicy>>;
  configMaps: Map<string, Placed<ConfigMap>>;
  /** Objects of kinds that no answer uses yet, counted by `apiVersion kind`. */
  unused: Map<string, number>;
  assumptions: Assumption[];
  problems: Problem[];
}
