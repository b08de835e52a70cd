/**
 * What machines hold: the one description that compilers write, importers read, printers print and the machine runs.
 * It speaks Linux only. Everything is plain data and may be shared by identity: the same `Table`, `Chain`, `RouteTable`,
 * `IpSet` or `sysctls` object may stand in any number of network namespaces and costs memory in the machine once.
 * Interfaces are named, not numbered, so that shared rules and routes mean the namespace's own interface of that name.
 */
import type { Balancing } from './balancer.ts';
import type { IpvsService } from './ipvs.ts';
import type { Link } from './link.ts';
import type { Family } from './packet.ts';
import type { Table } from './rule.ts';

export type * from './balancer.ts';
export type * from './ipvs.ts';
export type * from './link.ts';

/** A set of network namespaces and the wires between them. Names of network namespaces are unique. */
export interface Network {
  netnses: Netns[];
}

/** What made a rule, route, link ...: opaque to the machine, handed back with every step. */
export type Cause = unknown;

export interface Netns {
  name: string;
  /** A loopback device `lo`, up, with 127.0.0.1/8 and ::1/128 is implied where `links` has none. */
  links: Link[];
  addresses: Address[];
  /**
   * Routing tables by id. Connected routes stand here like any other (as `ip route` shows them); the `local` table (255) is
   * derived from `addresses` (see `local-table.ts`) and merged with routes given for 255 here.
   */
  tables: RouteTable[];
  /** Policy rules of both families. Absent: the kernel's three (0 local, 32766 main, 32767 default). */
  rules?: PolicyRule[];
  /** Nexthop objects (`ip nexthop`). Routes that use one carry its `nhid` and a copy of its nexthops: only printers look here. */
  nexthops?: NexthopObject[];
  /** Static neighbours and proxy entries; everything else is resolved by asking the link. */
  neighbors?: Neighbor[];
  /** Static bridge and VXLAN forwarding entries; the rest is learnt. */
  fdb?: FdbEntry[];
  /** By the name `sysctl` prints: `net.ipv4.ip_forward`, `net.ipv4.conf.eth0.rp_filter`. Absent: the kernel's default. */
  sysctls: Readonly<Record<string, string | number>>;
  netfilter: Table[];
  sets?: IpSet[];
  /** Virtual services. Absent or empty: IPVS has no hooks here (`ip_vs_register_hooks`). */
  ipvs?: IpvsService[];
  /** Translates where processes connect and send to, before routing sees it. */
  balancing?: Balancing;
  /** Absent: not known, so that one is assumed for every port (`Reason.LISTENER_ASSUMED`). Empty: nothing listens. */
  listeners?: Listener[];
  /** Connections that conntrack holds at the start. */
  conntrack?: ConntrackEntry[];
}

export interface Address {
  link: string;
  /** Address with prefix length: `10.244.1.1/24`. */
  address: string;
  /** `global` where absent; 127.0.0.0/8 and ::1 are `host`, fe80::/10 `link`. */
  scope?: Scope;
  /** Another address of the same subnet on this link came first. Derived where absent. */
  secondary?: boolean;
  /** IPv4 broadcast address; derived local routes include the subnet's own two whatever stands here. */
  broadcast?: string;
  /** The remote address of a point-to-point address. */
  peer?: string;
  deprecated?: boolean;
  /** The kernel made no connected route for it. */
  noprefixroute?: boolean;
  /** Metric of its connected route. */
  metric?: number;
  cause?: Cause;
}

export type Scope = 'global' | 'site' | 'link' | 'host' | 'nowhere';

/**
 * Routes of one table, both families. With `base`, the longest prefix over both wins and an own route wins against a base route
 * of the same prefix, TOS and metric; so five thousand nodes share one `base` and differ in a few routes.
 */
export interface RouteTable {
  /** 254 main, 255 local, 253 default. */
  id: number;
  base?: RouteTable;
  routes: Route[];
}

export interface Route {
  family: Family;
  type:
    | 'unicast'
    | 'local'
    | 'broadcast'
    | 'anycast'
    | 'multicast'
    | 'blackhole'
    | 'unreachable'
    | 'prohibit'
    | 'throw';
  /** Prefix: `0.0.0.0/0` for default. */
  destination: string;
  /** IPv4: 0 where absent. IPv6: 1024 where absent. Lower wins. */
  metric?: number;
  tos?: number;
  scope?: Scope;
  protocol?: string;
  /** Preferred source address. */
  prefsrc?: string;
  mtu?: number;
  /** `mtu lock`: no error makes it smaller (IPv4), and packets to it may be cut on their way. */
  mtuLocked?: boolean;
  /** The nexthop object it uses. */
  nhid?: number;
  /** That is a group of `type resilient` with so many buckets; each nexthop has as many as its weight says. */
  buckets?: number;
  /** None for blackhole, unreachable, prohibit and throw. */
  nexthops: Nexthop[];
  /** What `ip route` prints behind, by which no packet's way is decided: `advmss 1400 initcwnd 10`. Kept for printing. */
  extra?: string;
  cause?: Cause;
}

export interface Nexthop {
  dev: string;
  /** Gateway; may be of the other family (`via inet6`). Absent: the destination is on the link. */
  via?: string;
  /** 1 where absent. */
  weight?: number;
  onlink?: boolean;
  /**
   * What packets are put into on their way out, as `ip route` prints it without the first word: `mpls 100`, `ip id 5 dst 10.0.0.2`,
   * `seg6 ...`, `bpf ...`. Not modelled: what leaves by it is unknown.
   */
  encap?: string;
  /** IPv6 adds gateways to a route one by one: who added this one, where it was not who added the first. */
  protocol?: string;
}

/** `ip nexthop`: one nexthop, none (blackhole), or a weighted group of others. */
export interface NexthopObject {
  id: number;
  family?: Family;
  nexthop?: Nexthop;
  blackhole?: boolean;
  group?: { id: number; weight: number }[];
  /** How far away the gateway is: link, or host where there is none (IPv4). */
  scope?: Scope;
  protocol?: string;
  /** Of a resilient group, as printed: `type resilient buckets 32 idle_timer 60 ...`. */
  extra?: string;
}

/** With `mask` the bits of `from` under it, else all ports from the first to the last. */
export interface PolicyPorts {
  from: number;
  to: number;
  mask?: number;
}

/** `ip rule`. Selectors that are absent match everything. */
export interface PolicyRule {
  family: Family;
  priority: number;
  not?: boolean;
  from?: string;
  to?: string;
  iif?: string;
  oif?: string;
  tos?: number;
  fwmark?: { value: number; mask: number };
  ipproto?: number;
  sport?: PolicyPorts;
  dport?: PolicyPorts;
  /** The code point, of which `tos` compares less (IPv4); all six bits of it where `mask` is absent. */
  dscp?: { value: number; mask?: number };
  /** IPv6. Nobody says which labels packets bear: a choice. */
  flowlabel?: { value: number; mask: number };
  /** Users by whose sockets it is sent; what has no socket is root's (0). A choice where the packet does not say whose it is. */
  uidrange?: { from: number; to: number };
  /** Of the tunnel that it came by, where packets say so one by one (`external`), which is not modelled: nothing that is routed has one. */
  tunId?: number;
  /** Only where a VRF or one of its ports leads in or out; a look-up goes into the VRF's table, whatever `table` says. */
  l3mdev?: boolean;
  /** `suppress_prefixlength`: a result with a prefix this long or shorter is rejected. */
  suppressPrefixLength?: number;
  /** `suppress_ifgroup`: a result by a link of this group is rejected. Of several nexthops the first counts. */
  suppressGroup?: number;
  action:
    | { kind: 'lookup'; table: number }
    | { kind: 'blackhole' | 'unreachable' | 'prohibit' }
    | { kind: 'goto'; priority: number }
    | { kind: 'nop' };
  cause?: Cause;
}

export interface Neighbor {
  link: string;
  address: string;
  /** Absent with `proxy`: this host answers for the address on this link (`ip neigh add proxy`). */
  lladdr?: string;
  proxy?: boolean;
  /** `permanent` where absent. A `failed` one makes the packet unreachable at once. */
  state?: 'permanent' | 'noarp' | 'reachable' | 'stale' | 'failed';
  cause?: Cause;
}

export interface FdbEntry {
  mac: string;
  /** The bridge port, or the VXLAN device. */
  link: string;
  /** VXLAN: address of the remote tunnel end. */
  dst?: string;
  /** VLAN the entry is for, where the bridge tells them apart. Kept for printing. */
  vlan?: number;
  cause?: Cause;
}

export interface IpSet {
  name: string;
  /** `hash:ip`, `hash:net`, `hash:ip,port`, `bitmap:port`, `list:set` ... */
  type: string;
  family?: 'inet' | 'inet6';
  /** Entries as `ipset save` prints them, without `timeout` and other trailing words: `10.0.0.1`, `10.0.0.1,tcp:80`, `10.0.0.0/8`. */
  entries: IpSetEntry[];
  /** Header options as printed after the type: kept for printing. */
  options?: string;
  cause?: Cause;
}

export interface IpSetEntry {
  value: string;
  nomatch?: boolean;
  comment?: string;
  /** What else `ipset save` prints of it: kept for printing. `timeout`: seconds left, 0 for ever. */
  timeout?: number;
  counters?: { packets: number; bytes: number };
  skbmark?: string;
  skbprio?: string;
  skbqueue?: number;
}

export interface Listener {
  protocol: number;
  /** `0.0.0.0`, `::` or one address. */
  address: string;
  port: number;
  /** The socket is bound to this link (`127.0.0.53%lo`). Kept for printing. */
  device?: string;
  /** A `::` socket that does not take IPv4. */
  v6only?: boolean;
  process?: string;
  cause?: Cause;
}

export interface Tuple {
  saddr: string;
  daddr: string;
  /** Ports; for ICMP `sport` is the echo id and `dport` type * 256 + code. */
  sport: number;
  dport: number;
}

export interface ConntrackEntry {
  family: Family;
  protocol: number;
  original: Tuple;
  reply: Tuple;
  /** TCP state as `conntrack -L` prints it (SYN_SENT, ESTABLISHED ...); absent for other protocols. */
  tcpState?: string;
  /** State of SCTP or DCCP, as printed: `ESTABLISHED`, `COOKIE_WAIT`. */
  state?: string;
  /** Seconds until it ends, rounded down. Absent at the start: what its state gives it. */
  timeout?: number;
  seenReply: boolean;
  assured: boolean;
  snat: boolean;
  dnat: boolean;
  mark: number;
  zone: number;
  details?: ConntrackDetails;
}

/** What `conntrack -L` says of an entry beyond what the machine works with: kept for printing. */
export interface ConntrackDetails {
  original?: { packets: number; bytes: number };
  reply?: { packets: number; bytes: number };
  helper?: string;
  labels?: string;
  secctx?: string;
  /** Handed over to a flow table: `[OFFLOAD]`, `[HW_OFFLOAD]`. */
  offload?: 'software' | 'hardware';
  /** The zone is one direction's alone. */
  zoneDirection?: 'ORIGINAL' | 'REPLY';
  /** Seconds since it began. */
  deltaTime?: number;
  start?: string;
  stop?: string;
  use?: number;
  id?: number;
}

/** Which connections are meant, as `conntrack -D` has it: what is absent fits every one. Addresses are canonical text. */
export interface ConntrackFilter {
  family?: Family;
  protocol?: number;
  original?: Partial<Tuple>;
  reply?: Partial<Tuple>;
  tcpState?: string;
  mark?: { value: number; mask: number };
  zone?: number;
}
