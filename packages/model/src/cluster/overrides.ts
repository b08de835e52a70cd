/** What the user says over the input: one field for each setting that podwire otherwise detects or assumes. */
import type { IPFamily } from '../objects/kube.ts';
import type { ProxyConfig } from '../proxy/proxy.ts';
import type { PodWiring, ProxyMode } from './cluster.ts';

export interface ClusterOverrides {
  /** `-n`: namespace of objects that name none; `default` where absent. */
  namespace?: string;
  /** `--nodes`: how many nodes to make where the input has none. */
  nodes?: number;
  /** `--ip-families`: families of the cluster, primary first. */
  ipFamilies?: IPFamily[];
  /** `--proxy-mode` */
  proxyMode?: ProxyMode;
  /** Fields of KubeProxyConfiguration. */
  proxy?: Partial<ProxyConfig>;
  /** `--pod-cidr`: pod network of the cluster, one per family. */
  podCIDRs?: string[];
  /** `--service-cidr` */
  serviceCIDRs?: string[];
  /** `--node-port-range` */
  nodePortRange?: { from: number; to: number };
  /** `--cluster-domain` */
  clusterDomain?: string;
  /** `--cluster-dns` */
  clusterDNS?: string[];
  /** `--cni` */
  cni?: string;
  /** `--wiring` */
  wiring?: PodWiring;
}
