/** What each network plugin does to a node, as far as the dataplane compilers know it. */
import type { PodWiring } from '../cluster.ts';

export interface CniProfile {
  name: string;
  /** Names its DaemonSet, container or image goes by. */
  programs: readonly string[];
  wiring: PodWiring;
  /**
   * Point-to-point pods: `gateway` is the node's pod gateway address on every host veth (the ptp plugin, kindnet); `link-local` is
   * 169.254.1.1 and fe80::ecee:eeff:feee:eeee, answered by proxy ARP (Calico, and those that took it over).
   */
  gateway: 'gateway' | 'link-local';
  /** `node`: addresses out of the Node's podCIDRs. `own`: the plugin's own blocks; podCIDRs say nothing. */
  ipam: 'node' | 'own';
  /** How packets get to pods of other nodes unless configuration says otherwise; undefined: plain routes. */
  encapsulation?: string;
  /** Who masquerades what leaves the cluster, in which rules. */
  masquerade: 'kindnet' | 'flannel' | 'agent' | 'aws' | 'none';
  /** hostPorts by the portmap plugin in iptables mode. */
  portmap: boolean;
  /** Parts of the real thing that nobody compiles yet. */
  notModelled?: string;
}

const plain = { gateway: 'gateway', ipam: 'node', masquerade: 'agent', portmap: true } as const;
const own = { wiring: 'point-to-point', gateway: 'link-local', ipam: 'own', portmap: true } as const;

export const CNI_PROFILES: readonly CniProfile[] = [
  {
    ...plain,
    name: 'kindnet',
    programs: ['kindnet', 'kindnetd', 'kindnet-cni'],
    wiring: 'point-to-point',
    masquerade: 'kindnet',
  },
  {
    ...own,
    name: 'canal',
    programs: ['canal'],
    ipam: 'node',
    encapsulation: 'VXLAN',
    masquerade: 'flannel',
    notModelled: "Calico's own chains",
  },
  {
    ...plain,
    name: 'flannel',
    programs: ['kube-flannel', 'kube-flannel-ds', 'flannel'],
    wiring: 'bridge',
    encapsulation: 'VXLAN',
    masquerade: 'flannel',
  },
  {
    ...own,
    name: 'calico',
    programs: ['calico-node'],
    encapsulation: 'IP-in-IP',
    masquerade: 'agent',
    notModelled: "Calico's own chains",
  },
  {
    ...own,
    name: 'cilium',
    programs: ['cilium', 'cilium-agent'],
    encapsulation: 'VXLAN',
    masquerade: 'agent',
    notModelled: "Cilium's eBPF programs",
  },
  {
    ...plain,
    name: 'weave',
    programs: ['weave', 'weave-net', 'weave-kube'],
    wiring: 'bridge',
    ipam: 'own',
    encapsulation: 'VXLAN',
    notModelled: "Weave's Open vSwitch datapath",
  },
  {
    ...plain,
    name: 'antrea',
    programs: ['antrea-agent'],
    wiring: 'bridge',
    encapsulation: 'Geneve',
    notModelled: "Antrea's Open vSwitch flows",
  },
  {
    ...own,
    name: 'aws-vpc-cni',
    programs: ['aws-node', 'amazon-k8s-cni'],
    masquerade: 'aws',
    notModelled:
      "the AWS VPC CNI's policy routing, and whether AWS_VPC_K8S_CNI_EXTERNALSNAT leaves translation to a NAT gateway",
  },
  {
    ...own,
    name: 'azure-cni',
    programs: ['azure-cni', 'azure-cns', 'azure-ip-masq-agent'],
    masquerade: 'agent',
    notModelled: "Azure CNI's own set-up",
  },
  {
    ...plain,
    name: 'kube-router',
    programs: ['kube-router'],
    wiring: 'bridge',
    encapsulation: 'IP-in-IP',
    notModelled: "kube-router's own chains",
  },
  {
    ...own,
    name: 'ovn-kubernetes',
    programs: ['ovnkube-node', 'ovnkube'],
    encapsulation: 'Geneve',
    masquerade: 'none',
    notModelled: "OVN's flows",
  },
  {
    ...own,
    name: 'kube-ovn',
    programs: ['kube-ovn-cni', 'kube-ovn'],
    encapsulation: 'Geneve',
    masquerade: 'none',
    notModelled: "OVN's flows",
  },
];

/** A plugin that nobody knows: a bridge on each node, plain routes between them, and ip-masq-agent's rules. */
const UNKNOWN_CNI: CniProfile = { ...plain, name: 'unknown', programs: [], wiring: 'bridge' };

export function cniProfile(name: string): CniProfile {
  return CNI_PROFILES.find((p) => p.name === name) ?? { ...UNKNOWN_CNI, name };
}
