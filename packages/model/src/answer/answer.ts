/**
 * The shape of an answer. It is what the library returns, what `-o json` prints (keys sorted, `answer-json.ts`) and what the page shows;
 * `schema/trace.schema.json` is its published description. Plain data, no clock, no locale.
 */

export const API_VERSION = 'podwire.dev/v1alpha1';

/** `delivered` is the only yes; `depends` and `unknown` are undecided; the others are no. */
export type VerdictWord = 'delivered' | 'dropped' | 'rejected' | 'unreachable' | 'refused' | 'depends' | 'unknown';

export interface TraceAnswer {
  apiVersion: typeof API_VERSION;
  kind: 'Trace';
  question: AskedQuestion;
  verdict: VerdictWord;
  /** Code of a row in the reason catalogue: `podwire explain CODE`. */
  reason: string;
  /** One sentence. */
  summary: string;
  cluster: ClusterSummary;
  /** What happened between the connection and the packet; absent where nothing did. */
  changes?: ChangeView[];
  groups: TraceGroup[];
  /** What would change the answer, or what was probably meant. */
  hints: Hint[];
  /** What had to be assumed or is not modelled, and touched this answer. */
  notes: Note[];
}

/** The question with everything filled in that it left open. */
export interface AskedQuestion {
  from: string;
  to: string;
  namespace?: string;
  protocol?: string;
  port?: number | string;
  sport?: number;
  /** Bytes of the packet, IP header included. */
  size?: number;
  uid?: number;
  gid?: number;
  /** State of the connection when the traced packet is sent. */
  connection: 'new' | 'established';
  family?: 4 | 6;
  /** What happened between the connection and the packet, in order. */
  after?: string[];
  /** What is taken for full on every node. */
  full?: 'ports' | 'table';
}

export interface ClusterSummary {
  mode: 'snapshot' | 'design' | 'mixed';
  proxyMode: string;
  cni: string;
  nodes: number;
  pods: number;
  services: number;
}

/** Sources and destinations of which every pair meets the same fate. The walks shown are those of the first pair. */
export interface TraceGroup {
  sources: SourceEnd[];
  destinations: DestinationEnd[];
  verdict: VerdictWord;
  reason: string;
  summary: string;
  /** What a program at the source sees: `connection refused`, `time-out`. Absent where endpoints differ. */
  symptom?: string;
  decisive?: Decisive;
  outcomes: Outcome[];
}

export interface SourceEnd {
  /** `shop/web-7d9f`, `worker-1`, `external`. */
  name: string;
  place: Place;
  /** The address it sends from; absent where it could not send. */
  address?: string;
}

export interface DestinationEnd {
  /** As a reference: `svc/api:http`. */
  name: string;
  /** What the address is: `cluster IP`, `pod IP`, `node port` ... */
  addressKind: AddressKind;
  /** Absent where there is none to send to. */
  address?: string;
  port?: number;
  protocol: string;
  object?: ObjectRef;
}

export type AddressKind =
  | 'clusterIP'
  | 'externalIP'
  | 'loadBalancerIP'
  | 'nodePort'
  | 'podIP'
  | 'nodeIP'
  | 'external'
  | 'address';

/** Where something happens: a network namespace by what it belongs to. */
export interface Place {
  kind: 'pod' | 'node' | 'gateway' | 'external';
  /** `shop/web-7d9f`, `worker-1`, `gateway`, `external`. */
  name: string;
  /** Of a pod: the node it runs on. */
  node?: string;
}

/** A Kubernetes object, and the place in the input that says so. */
export interface ObjectRef {
  kind: string;
  namespace?: string;
  name: string;
  /** As kubectl writes it: `spec.ports[0].targetPort`. */
  field?: string;
  file?: string;
  /** 1-based. */
  line?: number;
  /** The object is not in the input: a controller would make it from this one. */
  madeFrom?: string;
}

/** What settled the verdict. */
export interface Decisive {
  place?: Place;
  /** The rule, route or link in its tool's own words. */
  text?: string;
  object?: ObjectRef;
}

/** One way the packet may take; several where endpoints are drawn or a construct is not known. */
export interface Outcome {
  /** Exact chance; absent where nobody knows the odds. Decimal digits, lowest terms. */
  odds?: { numerator: string; denominator: string };
  /** Choices without odds that lead here. */
  conditions: Condition[];
  verdict: VerdictWord;
  reason: string;
  /** Which way it was lost; `forward` also for what arrives. */
  direction: 'forward' | 'reply';
  symptom?: string;
  receiver?: Receiver;
  decisive?: Decisive;
  forward: WalkView;
  /** What comes back; absent where nothing does. */
  reply?: WalkView;
  /** Connections that the walk left behind, where there are any. */
  conntrack: { place: Place; entries: ConntrackView[] }[];
  /** Of a question with `after`: the connection until then. */
  before?: BeforeView;
}

export interface BeforeView {
  /** Who had the connection; absent where none came about. */
  receiver?: Receiver;
  /** Connections at that time. */
  conntrack: { place: Place; entries: ConntrackView[] }[];
  /** What kube-proxies made their nodes forget since. */
  forgotten: { place: Place; entries: ConntrackView[] }[];
  /** Session affinity: the endpoint is still the client's, unless its time is over. */
  remembered: boolean;
}

/** What happened, and what it brought about. */
export interface ChangeView {
  /** As asked: `delete pod/shop/api-1`. */
  text: string;
  /** Sentences without a full stop. */
  effects: string[];
}

export interface Condition {
  place: Place;
  /** The construct as its tool prints it. */
  construct: string;
  /** True where it has to match to come here. */
  holds: boolean;
}

/** Who got the packet and what it saw. */
export interface Receiver {
  place: Place;
  address: string;
  port: number;
  /** The source address and port as the receiver sees them. */
  sees: { address: string; port: number };
  /** Whether that is the address the sender has. */
  sourceKept: boolean;
  /** Where the sender's address was lost first; absent where it was kept. */
  sourceLost?: SourceLost;
  /**
   * Somebody outside, and what it sees is a private address: a router that the input does not show translates it once more. `address`: into that
   * one, if it is the cloud's for this node (its ExternalIP).
   */
  beyond?: { address?: string };
}

/** Why somebody sees another address than the client's. */
export interface SourceLost {
  place: Place;
  /** What took the place of the client's address there. */
  address: string;
  code:
    | 'external-traffic'
    | 'outside-pod-network'
    | 'masquerade-all'
    | 'hairpin'
    | 'node-itself'
    | 'host-port'
    | 'leaves-cluster'
    | 'rule';
  /** One sentence without a full stop. */
  text: string;
  /** What would keep the address; absent where nothing would. */
  keep?: string;
  /** The rule that asks for it, as its tool prints it. */
  rule?: string;
  object?: ObjectRef;
}

export interface WalkView {
  hops: Hop[];
  /** The packet where the walk ended. */
  packet: PacketView;
  verdict: VerdictWord;
  reason: string;
}

export interface Hop {
  place: Place;
  steps: StepView[];
}

export interface PacketView {
  family: 4 | 6;
  protocol: string;
  saddr: string;
  daddr: string;
  sport: number;
  dport: number;
  ttl: number;
  /** `SYN`, `SYN,ACK`, `RST` ...; `echo-request`, `port-unreachable` ...: what the packet is, beyond its addresses. */
  info: string;
}

export type StepView =
  | { kind: 'enter'; link?: string; packet: PacketView }
  | { kind: 'conntrack'; state: string; direction: 'original' | 'reply' }
  | {
      kind: 'rule';
      hook: string;
      table: string;
      chain: string;
      /** Position in its chain, from 1, as `iptables -L --line-numbers` counts. */
      number: number;
      /** As `iptables-save` prints it. */
      text: string;
      verdict: string;
      target?: string;
      object?: ObjectRef;
    }
  | { kind: 'chain'; hook: string; table: string; chain: string; verdict: string; by: 'rule' | 'policy' }
  | {
      kind: 'nat';
      hook: string;
      what: 'source' | 'destination';
      /** True where conntrack remembers it, false where a rule just said so. */
      remembered: boolean;
      /** IPVS did it, and not conntrack. */
      by?: 'ipvs';
      from: string;
      to: string;
      /** The header after the rewrite. */
      packet: PacketView;
    }
  /** A program outside of netfilter rewrites the header: for a socket, or at `link`. Without `to` the packet ends there. */
  | {
      kind: 'balance';
      link?: string;
      what: 'source' | 'destination';
      from: string;
      to?: string;
      /** Address, port and protocol that it balances. */
      frontend: string;
      packet: PacketView;
      object?: ObjectRef;
    }
  | {
      kind: 'route';
      purpose: 'input' | 'output' | 'reroute';
      /** As `ip route` prints it; absent: no route was found. */
      text?: string;
      table?: string;
      local: boolean;
      /** The source address the kernel chose, where it had to. */
      source?: string;
      /** The path MTU that is remembered for the destination. */
      pathMtu?: number;
      object?: ObjectRef;
    }
  | {
      kind: 'ipvs';
      hook: string;
      /** `scheduled`: the server of a new connection; `persistent`: the client's last one; `known`: its connection's; `reply`: it comes from there; `none`: there is none. */
      how: 'scheduled' | 'persistent' | 'known' | 'reply' | 'none';
      /** As `ipvsadm -Sn` prints it. */
      service: string;
      server?: string;
      object?: ObjectRef;
    }
  /** An ICMP error taught the host how much goes to `destination` in one piece. */
  | { kind: 'learn'; destination: string; mtu: number }
  /** A piece of a packet that was cut sets out; all pieces are one packet again. */
  | { kind: 'fragment' | 'reassemble'; packet: PacketView }
  | { kind: 'bridge'; bridge: string; from?: string; to?: string }
  /** Into the outer packet of a tunnel, and out of it: the packet as it goes on. */
  | { kind: 'encapsulate' | 'decapsulate'; link: string; packet: PacketView }
  /** A rule dropped the question who has the next hop, or the answer to it; a policy has no number and no text. */
  | {
      kind: 'unanswered';
      which: 'question' | 'answer';
      hook: string;
      table: string;
      chain: string;
      number?: number;
      text?: string;
      object?: ObjectRef;
    }
  | { kind: 'transmit'; link: string; nexthop: string; to?: { place: Place; link: string } }
  | { kind: 'choice'; construct: string; taken: number; alternatives: number; weights?: number[] };

export interface ConntrackView {
  /** As `conntrack -L` prints it, without timeout and counters. */
  text: string;
}

export interface Hint {
  /** Stable kebab-case code. */
  code: string;
  /** One sentence: what is wrong or what was meant. */
  text: string;
  /** One sentence: what to change. */
  mend?: string;
  object?: ObjectRef;
}

export interface Note {
  /** `assumption`: the input does not say; `caveat`: podwire does not model it; `intended`: it works as it is meant to. */
  kind: 'assumption' | 'caveat' | 'intended';
  code: string;
  text: string;
  /** What would settle it. */
  settle?: string;
  object?: ObjectRef;
}
