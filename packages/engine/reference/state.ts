/** What the interpreter keeps while it runs: hosts with their devices and tables, connections, sockets, and the walk being written. */
import type {
  Address,
  BaseHook,
  Chain,
  Choice,
  CtDirection,
  CtState,
  Disposition,
  End,
  Family,
  Hook,
  IpPrefix,
  IpSet,
  Link,
  Neighbor,
  Netns,
  Nexthop,
  NftElement,
  NftSet,
  Packet,
  PolicyRule,
  Reason,
  Route,
  RouteTable,
  SourcePorts,
  Step,
  Table,
  Tuple,
} from '../src/index.ts';

import type { BalanceState } from './balance.ts';
import type { FrameChain } from './device-hooks.ts';
import type { Queue } from './fragment.ts';
import type { IpvsConnection } from './ipvs-connections.ts';
import type { PathMtu } from './path-mtu.ts';

/** One interface of one namespace. */
export interface Device {
  host: Host;
  link: Link;
  name: string;
  index: number;
  mac: string;
  mtu: number;
  up: boolean;
  /** False: up, but nobody at the other end. */
  carrier: boolean;
  /** In the order `ip addr` shows them. */
  addresses: DeviceAddress[];
  /** The bridge, bond or VRF this device is a port of. */
  master?: Device;
  /** The ports, for a bridge, a bond, a VRF. */
  ports: Device[];
  /** The device this one stands on (vlan, macvlan, ipvlan), and those that stand on this one. */
  lower?: Device;
  uppers: Device[];
  /** Tunnels: the host that routes the outer packets. */
  underlay?: Host;
}

export interface DeviceAddress {
  address: Address;
  prefix: IpPrefix;
  /** Canonical text of the address alone. */
  text: string;
  secondary: boolean;
  /** Numeric scope (RT_SCOPE_*). */
  scope: number;
  /** The subnet is the remote one for a point-to-point address. */
  subnet: IpPrefix;
}

/** What stands at one hook, by priority. */
export type HookEntry =
  | { kind: 'chain'; priority: number; table: Table; chain: Chain; base: BaseHook }
  | { kind: 'defrag'; priority: number }
  | { kind: 'conntrack'; priority: number }
  | { kind: 'nat'; priority: number; chains: { table: Table; chain: Chain; base: BaseHook }[] }
  | { kind: 'confirm'; priority: number }
  | { kind: 'ipvs'; priority: number; what: 'in' | 'out' | 'error' };

/** One network namespace. */
export interface Host {
  netns: Netns;
  order: number;
  devices: Device[];
  byName: Map<string, Device>;
  tables: Map<number, RouteTable>;
  rules: { 4: PolicyRule[]; 6: PolicyRule[] };
  neighbors: Neighbor[];
  hooks: { 4: HookEntry[][]; 6: HookEntry[][] };
  /** Chains below IP: netdev, bridge; and those of arp. */
  frameChains: FrameChain[];
  arpChains: FrameChain[];
  conntrackOn: { 4: boolean; 6: boolean };
  /** A nat base chain exists, so that bindings are applied. */
  natOn: { 4: boolean; 6: boolean };
  connections: Connection[];
  /** Connections of IPVS, in the order they were made. */
  ipvs: IpvsConnection[];
  sets: Map<string, SetState>;
  recents: Map<string, RecentTable>;
  /** nftables' sets as they stand now. */
  nftSets: Map<NftSet, NftSetState>;
  /** Counters of `statistic --mode nth` and `numgen inc`, by statement. */
  nth: Map<object, number>;
  sockets: Socket[];
  pathMtus: PathMtu[];
  /** What programs that balance remember. */
  balance: BalanceState;
}

export interface Zone {
  id: number;
  original: boolean;
  reply: boolean;
}

/** One connection; `tuples` by `CtDirection`. */
export interface Connection {
  family: Family;
  protocol: number;
  tuples: [Tuple, Tuple];
  zone: Zone;
  seenReply: boolean;
  assured: boolean;
  snat: boolean;
  dnat: boolean;
  srcDone: boolean;
  dstDone: boolean;
  confirmed: boolean;
  /** Name of the helper that watches it. */
  helper?: string | undefined;
  /** Another one's helper expected it. */
  expected?: boolean;
  mark: number;
  /** The ports that the one of its last mapping was drawn from, until it is confirmed. */
  drawn?: { manip: 'src' | 'dst'; from: number; to: number } | undefined;
  tcp?: TcpTrack;
  sctp?: SctpTrack;
  /** Its last mapping found no free tuple: the rule that asked for it, where one did. Until it is confirmed. */
  exhausted?: { rule: Stop['rule'] } | undefined;
  /** When it ends; milliseconds of the clock. */
  expires: number;
  /** When a replied UDP connection starts to count as a stream; milliseconds of the clock. One that was there from the start does at once. */
  streamFrom: number;
}

export interface TcpTrack {
  /** Index into the state names. */
  state: number;
  /** Somebody closed (IP_CT_TCP_FLAG_CLOSE_INIT). */
  closeInit: boolean;
  /** The last packet's direction and kind (`last_dir`, `last_index`). */
  lastDirection: CtDirection;
  lastIndex: number;
  /** A SYN was let through in LAST_ACK: an ACK to it is a challenge (RFC 5961). */
  challengeExpected: boolean;
  /** Both sides sent a SYN. */
  simultaneous: boolean;
  /** Every segment so far had its numbers: windows are checked. */
  followed: boolean;
  /** By direction. */
  sides: [TcpSide, TcpSide];
  /** Of the last plain ACK, or of the last segment that was let through (`last_seq`, `last_ack`, `last_end`, `last_win`). */
  last: { seq: number; ack: number; end: number; window: number };
  /** Options of a SYN that was let through. */
  offered: TcpSide;
  /** How often the last ACK came again. */
  retransmissions: number;
}

/** What one end has sent and may send (`struct ip_ct_tcp_state`). */
export interface TcpSide {
  /** Behind the highest byte sent. */
  end: number;
  /** Behind the highest byte that it may send. */
  maxEnd: number;
  /** The largest window it offered; 0: nothing was seen of it. */
  maxWindow: number;
  /** The highest acknowledgment it sent. */
  maxAck?: number;
  scale: number;
  scaled: boolean;
  liberal: boolean;
  unacknowledged: boolean;
}

/** An SCTP association. */
export interface SctpTrack {
  state: string;
  followed: boolean;
  /** By direction: the tag that packets have to have, and whether an INIT was seen. */
  tags: [number, number];
  inits: [boolean, boolean];
  /** A heartbeat had another tag: its direction. */
  failedHeartbeat?: CtDirection;
}

/** `skb->_nfct`: a connection with the packet's relation to it, or `state` alone for INVALID and UNTRACKED. */
export interface CtInfo {
  state: CtState;
  direction: CtDirection;
  connection?: Connection;
}

export interface Socket {
  family: Family;
  protocol: number;
  address: string;
  port: number;
  remoteAddress: string;
  remotePort: number;
  /** Who sent from it knows its other end; a server that only took a datagram does not (connect). */
  connected: boolean;
}

export interface SetState {
  set: IpSet;
  /** By the entry's text; `expires` in milliseconds of the clock. */
  entries: Map<string, { value: string; nomatch: boolean; expires?: number }>;
}

export interface NftSetState {
  set: NftSet;
  /** `leavesAt` in milliseconds of the clock. */
  elements: { element: NftElement; leavesAt?: number }[];
}

/** Whole numbers from the first to the last of each. */
export type Intervals = [bigint, bigint][];

export interface RecentTable {
  mask: string;
  /** How many time stamps an address keeps. */
  stamps: number;
  /** Oldest use first. Key: family and address. */
  entries: Map<string, { stamps: number[]; index: number; ttl: number }>;
}

/** A packet on its way through one namespace (`sk_buff`). */
export interface Skb {
  packet: Packet;
  /** What iptables calls -i: the bridge for a frame that came by a port. */
  indev?: Device | undefined;
  outdev?: Device | undefined;
  /** The VRF's port that it came in by. */
  vrfPort?: Device | undefined;
  /** Bridge netfilter's own view (`nf_bridge_info`). */
  bridge?: { physin: Device; physout?: Device } | undefined;
  ct?: CtInfo | undefined;
  /** Helper given by a CT rule before conntrack looked. */
  helper?: string | undefined;
  /** Zone set by a CT rule before conntrack looked (the template). */
  zone?: Zone | undefined;
  route?: Routed | undefined;
  /** An answer to a link-local address leaves by this device alone. */
  bound?: Device | undefined;
  /** The socket that it was found to be for before routing, whatever rules write into it at INPUT (`skb->sk`). */
  demuxed?: Socket | undefined;
  /** Link-layer source, unknown for a packet that was made here or put in from outside. */
  macSource?: string | undefined;
  /** ICMP that the stack itself makes: until it has left, its family's socket sends no other (icmp_xmit_lock, icmpv6_xmit_lock). */
  locked?: Family | undefined;
  /** Whose socket made it here: a process's, or the stack's own (or none). Absent once it has come in from anywhere. */
  socket?: 'process' | 'stack' | undefined;
  /** The frame that it leaves in, while hooks below IP look at it. */
  leaving?: Frame | undefined;
  /** A device routes it once more on its way out. */
  again?: boolean;
  /** How many devices are sending it, each for the one before (dev_recursion_level). */
  nested?: number;
  /** Nobody answered for this next hop here: what the packet is about. */
  lost?: NextHop | undefined;
  /** How often rules have sent it out of another device here. */
  forwards?: number;
  /** Link-layer destination of the frame it came in. */
  macTarget?: string | undefined;
  /** A tunnel's `dev`: outer packets leave by it. */
  through?: Device | undefined;
  /** The stack decides whether it asks to stay whole, once it knows the way (IP_PMTUDISC_WANT). */
  discovers?: boolean;
  /** Which packet it is a piece of. */
  datagram?: number | undefined;
  /** Put together here: the length of its longest piece (`frag_max_size`). */
  widest?: number | undefined;
  /** Made here, and longer than this, the MTU of the way it set out for: its data lies in parts of that size (ip_append_data). */
  appended?: number | undefined;
  /** IPVS has had it (`ipvs_property`): within this host it looks at it no more. */
  ipvs?: boolean;
  /** IPVS sent it on: what does not fit is cut, whether or not it asks to stay whole (`ignore_df`). */
  ignoresDf?: boolean;
  /** A hook sent it on by another way, and OUTPUT has seen it. */
  sentOn?: boolean;
  /** What an outer packet carries. */
  payload?: Payload | undefined;
  /** No packet of the question's own, but one that asks who has a next hop, or says so. */
  question?: Question | undefined;
  /** ARP: `packet` has its protocol addresses and nothing else. */
  arp?: Arp | undefined;
}

/** Where a neighbour question or its answer is to come to. */
export interface Question {
  /** A device with a stack of its own. */
  towards: Device;
  /** The link-layer address it bears, where it is for many. */
  group?: string;
  /** A rule gave the frame another link-layer address. */
  rewritten?: boolean;
  /** As it came there. */
  heard?: Skb;
}

/** The operation, and the link-layer addresses in the ARP header. */
export interface Arp {
  operation: number;
  sender: string;
  target: string;
}

/** The inner packet of a tunnel, with the frame it stands in where the tunnel carries frames. */
export interface Payload {
  /** The tunnel's end that it went into. */
  device: Device;
  packet: Packet;
  frame: FrameOut;
  /** What the inner packet carries itself. */
  payload?: Payload | undefined;
  /** Which packet the inner one is a piece of. */
  datagram?: number | undefined;
}

/** A frame on its way out of devices. */
export interface FrameOut extends Frame {
  /** VLAN tag; 0: none. */
  tag: number;
  nexthop: string;
}

/** Link-layer addresses; unknown where nobody answered for the destination. */
export interface Frame {
  source: string;
  target: string | undefined;
}

/** Whom a device is to ask for. */
interface NextHop {
  device: Device;
  address: string;
}

/** The answer of the routing tables for one packet (`rtable`, `rt6_info`). */
export interface Routed {
  /** local: up the stack; unicast: out of `device`; multi: broadcast or multicast. */
  kind: 'local' | 'unicast' | 'multi';
  device: Device;
  /** Without one the next hop is the packet's destination, as it is when it leaves. */
  gateway?: string | undefined;
  route?: Route | undefined;
  leg?: Nexthop | undefined;
  mtu: number;
  /** Packets to there may be cut on their way. */
  locked?: boolean;
  source: string;
}

/** `mtu`: what the error tells, where it is about a packet that is too big. */
export type IcmpError = { type: number; code: number; mtu?: number };

/** What the last walk's end makes. */
export type Reply =
  | { kind: 'reply' }
  | { kind: 'stack-reset' }
  | { kind: 'reject-reset' }
  | { kind: 'icmp'; error: IcmpError };

/** The end of a walk as the stages return it; no `Stop` means: go on. */
export interface Stop {
  host: Host;
  disposition: Disposition;
  reason: Reason;
  skb: Skb;
  rule?: { table: Table; chain: Chain; index: number } | undefined;
  /** Where that rule stood. */
  hook?: Hook;
  /** A piece that waits for the others: the end only where none comes any more. */
  waits?: boolean | undefined;
  /** Nobody answered for it. */
  lost?: NextHop;
  /** What the stack would send back; the rules for answers may still forbid it. */
  reply?: Reply | undefined;
}

/** A packet that goes on: into a device, over a wire or back by `lo`. */
export interface Arrival {
  device: Device;
  skb: Skb;
  /** Destination of the frame; absent when it is for whoever gets it. */
  mac?: string | undefined;
  nexthop?: string | undefined;
  /** VLAN tag of the frame. */
  tag?: number | undefined;
  /** PREROUTING ran on a bridge port already. */
  prerouted?: boolean | undefined;
}

export interface World {
  hosts: Host[];
  byName: Map<string, Host>;
  clockMs: number;
  nthMode: 'count' | 'choice';
  answers: readonly number[];
  choices: Choice[];
  /** Alternatives taken at multipath routes in this script, by flow. */
  paths: Map<string, number>;
  /** What IPVS was said to choose in this script, by service. */
  picks: Map<string, number>;
  /** What hashes without a known seed may still be in this script. */
  numbers: Map<string, Intervals>;
  sourcePorts: SourcePorts;
  /** Numbers for `numbers`. */
  numberIds: Map<object, number>;
  /** Numbers for `paths`. */
  routeIds: Map<Route, number>;
  /** Questions for neighbours meet chains somewhere: they are walked. */
  questions: { 4: boolean; 6: boolean };
  /** What was learnt of questions and answers that were walked, since the last `send`: link-layer addresses by next hop. */
  learnt: Map<Device, Map<string, string>>;
  last?: { stop: Stop; end: End } | undefined;
}

/** One walk being written. */
export interface Run {
  world: World;
  steps: Step[];
  enters: number;
  /** How many packets are in pieces, each piece of one cut by the next. */
  cuts: number;
  /** Packets that were cut so far. */
  datagrams: number;
  /** Pieces that wait, by host and packet. */
  queues: Map<string, Queue>;
  /** Policy rules that ask what nobody knows of the packet, by host and number: does the rule mean it? */
  meant: Map<string, boolean>;
}
