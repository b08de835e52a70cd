/** The shape of `podwire compare`: what would change for whom if another proxy mode handled the Services. */
import type { API_VERSION, Decisive, DestinationEnd, Note, Place, VerdictWord } from './answer.ts';

export interface CompareAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Comparison';
  /** The proxy modes, left and right. */
  modes: [left: string, right: string];
  cluster: { nodes: number; pods: number; services: number };
  /** Flows that were sent through both. */
  flows: number;
  /** Those that fare differently. */
  differences: FlowDifference[];
  notes: Note[];
}

/** In what a flow differs: whether it arrives, what the client is told, who gets it, whose address that one sees. */
export type Aspect = 'outcome' | 'error' | 'endpoints' | 'source';

export interface FlowDifference {
  /** `namespace/name`. */
  service: string;
  from: { name: string; place: Place; address?: string };
  to: DestinationEnd;
  differs: Aspect[];
  /** Why, as far as the modes are the reason: a code of `differenceReasons`. */
  reason: DifferenceReason;
  sides: [left: DifferenceSide, right: DifferenceSide];
}

export interface DifferenceSide {
  verdict: VerdictWord;
  /** As in `docs/reasons.md`. */
  reason: string;
  /** What the client's program is told. */
  symptom?: string;
  endpoints: DifferenceEndpoint[];
  decisive?: Decisive;
}

export interface DifferenceEndpoint {
  place: Place;
  address: string;
  port: number;
  /** The source that it sees. */
  sees: string;
  sourceKept: boolean;
}

export type DifferenceReason =
  | 'localhost-node-ports'
  | 'node-port-addresses'
  | 'closed-cluster-ip-port'
  | 'ping-to-cluster-ip'
  | 'local-policy'
  | 'firewall-first'
  | 'shared-address'
  | 'forwarding-accepted'
  | 'masquerade'
  | 'ebpf-addresses'
  | 'ebpf-errors'
  | 'ebpf-source'
  | 'other-error'
  | 'other-rules';

/** One sentence for each reason. */
export const differenceReasons: Readonly<Record<DifferenceReason, string>> = {
  'localhost-node-ports':
    'Node ports on loopback: iptables mode serves 127.0.0.0/8 where localhostNodePorts and nodePortAddresses let it, the other modes never do.',
  'node-port-addresses':
    "Addresses that serve node ports: without nodePortAddresses, iptables and IPVS mode take every address of the node and nftables mode the node's primary ones alone.",
  'closed-cluster-ip-port':
    'A port that the cluster IP does not have: nftables and IPVS mode reject the packet, iptables mode lets it go on to wherever routes lead.',
  'ping-to-cluster-ip':
    'A ping to a cluster IP: nftables and IPVS mode reject it, iptables mode lets it go on to wherever routes lead.',
  'local-policy':
    "Traffic policy Local: iptables and nftables mode send clients inside the cluster to endpoints anywhere and drop others where the node has none. IPVS mode knows the node's own endpoints alone; where there are none it takes all, whose answers find no way back to outside, or rejects.",
  'firewall-first':
    'Sources outside loadBalancerSourceRanges where there is no endpoint: nftables and IPVS mode drop them before they look for endpoints, iptables mode rejects them.',
  'shared-address':
    'Two Services have one address and port, or one node port: in iptables mode the first rule counts, in nftables mode the last element that was added, in IPVS mode either of them at each sync.',
  'forwarding-accepted':
    "Rules of others drop forwarded packets: iptables mode accepts Service traffic in FORWARD (KUBE-FORWARD), nftables mode does not accept for others' chains, and what IPVS sends on does not pass FORWARD at all.",
  masquerade:
    'Another source is seen: what is masqueraded differs, by the modes or by their own sections of the configuration.',
  'ebpf-addresses':
    "Addresses that are served: eBPF mode serves cluster IPs to processes of the cluster alone, node ports on loopback to the node's own, external addresses where they come in by a node's links; whose hops conntrack, rules of others and routes decide differs with the translation.",
  'ebpf-errors':
    'Nobody behind the address: eBPF mode fails connect itself (no route to host), kube-proxy has the packet rejected (connection refused).',
  'ebpf-source':
    "Another source is seen: eBPF mode turns a process's connection to the endpoint before there is a packet, so that no node masquerades; only what comes from outside for an endpoint elsewhere gets the node's address.",
  'other-error': "Both refuse, and the client's program hears of it in another way.",
  'other-rules': 'The rules of the two modes decide differently.',
};
