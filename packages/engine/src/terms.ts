/**
 * The words that both sides of the WASM boundary share. This file is compiled by AssemblyScript and by esbuild alike:
 * plain enums of integers, nothing else.
 */

/** Netfilter's hooks, numbered as the kernel does (`NF_INET_*`, include/uapi/linux/netfilter.h). */
export enum Hook {
  PREROUTING = 0,
  INPUT = 1,
  FORWARD = 2,
  OUTPUT = 3,
  POSTROUTING = 4,
  /** In from a device, before all else (`NF_NETDEV_INGRESS`; also of the `inet` family). */
  INGRESS = 5,
  /** Out to a device, after all else (`NF_NETDEV_EGRESS`). */
  EGRESS = 6,
}

/** What a rule, or the policy of a base chain, decided. */
export enum Verdict {
  /** The rule matched, did its work (mark, log, ...) and the walk goes on with the next rule. */
  CONTINUE = 0,
  ACCEPT = 1,
  DROP = 2,
  REJECT = 3,
  JUMP = 4,
  GOTO = 5,
  RETURN = 6,
  /** A match did not hold after an earlier statement of the rule had changed something (`NFT_BREAK`). */
  BREAK = 7,
}

/** How a walk ends; the user-facing verdicts `depends` and `unknown` are made from several walks. */
export enum Disposition {
  /** A process in this network namespace gets the packet. */
  DELIVERED = 0,
  /** Silently discarded. */
  DROPPED = 1,
  /** A REJECT rule answered with an ICMP error or a TCP reset. */
  REJECTED = 2,
  /** The stack itself gave up: no route, no neighbour, TTL, MTU. */
  UNREACHABLE = 3,
  /** It arrived, but nothing listens. */
  REFUSED = 4,
  /** It went where the machine cannot follow. */
  UNKNOWN = 5,
}

/** Why a walk ended. Each has one row in `docs/reasons.md`. */
export enum Reason {
  NONE = 0,
  // delivered
  LISTENER = 1,
  /** Nothing is known about the listeners of the network namespace: one is assumed. */
  LISTENER_ASSUMED = 2,
  /** ICMP that the stack itself, or a socket waiting for it, takes. */
  ICMP_LOCAL = 3,
  /** The packet belongs to a connection that a process here opened (a reply, a reset, an ICMP error about it). */
  SOCKET = 4,
  // refused
  NO_LISTENER = 10,
  // dropped
  RULE = 20,
  POLICY = 21,
  RP_FILTER = 22,
  MARTIAN_SOURCE = 23,
  MARTIAN_DESTINATION = 24,
  FORWARDING_OFF = 25,
  /** The NAT code found no free tuple (port exhaustion), and conntrack drops the packet when it has to note the connection. */
  NAT_EXHAUSTED = 26,
  ROUTE_BLACKHOLE = 27,
  LINK_DOWN = 28,
  /** A bridge would have to send the frame out of the port it came in by, and hairpin mode is off. */
  BRIDGE_HAIRPIN_OFF = 29,
  /** Both bridge ports are isolated. */
  BRIDGE_ISOLATED = 30,
  /** The frame reached a network namespace that does not own its link-layer address. */
  OTHER_HOST = 31,
  /** A TCP segment that is neither a SYN nor of a connection known here, or a reply nobody waits for. */
  NO_SOCKET = 32,
  /** Scope: a loopback or link-local address that must not leave its link. */
  BAD_SCOPE = 33,
  /** `nf_conntrack_max` connections are known, and none of them makes room for a new one. */
  CONNTRACK_FULL = 34,
  /** Answers to a new connection would be another one's: conntrack finds it when it has to note the connection, and drops the packet. */
  CONNTRACK_CLASH = 37,
  /** A piece of a packet waited in vain for the others. */
  FRAGMENTS_MISSING = 36,
  /**
   * IPVS does not cross here: from elsewhere to a server at 127/8, from a loopback address to a server elsewhere, without masquerading to
   * a server of this host what was for another.
   */
  SERVER_BOUNDARY = 38,
  /** A new connection by ports that IPVS and conntrack know from an old one: both forget that, and the next try succeeds. */
  PORTS_IN_USE = 39,
  /** A load balancer below IP does not let this client in: source ranges, or an address that is the cluster's alone. */
  NOT_ADMITTED = 51,
  /** A tunnel that does not carry packets of this family. */
  NOT_CARRIED = 35,
  // unreachable
  NO_ROUTE = 40,
  ROUTE_UNREACHABLE = 41,
  ROUTE_PROHIBIT = 42,
  NO_NEIGHBOR = 43,
  TTL_EXCEEDED = 44,
  FRAGMENTATION_NEEDED = 45,
  /** No address of this host can be the source. */
  NO_SOURCE_ADDRESS = 46,
  /** The virtual service has no server that may take a new connection. */
  NO_SERVER = 47,
  /** It comes from a server of a virtual service, and IPVS knows no connection that it belongs to (`nat_icmp_send`). */
  NO_IPVS_CONNECTION = 48,
  /** A load balancer has the address, and nobody behind it. */
  NO_BACKEND = 49,
  // the walk itself
  /** More hops than any packet with a TTL can make. */
  LOOP = 60,
  // rejected
  REJECT_RULE = 70,
  // unknown
  /** Out of a tun or tap device: a process has it. */
  TUN = 80,
  /** A link of a kind, or with a setting, that is not modelled. */
  UNMODELLED_LINK = 81,
  /** A route puts the packet into another one, or gives it to a program (`encap`). */
  UNMODELLED_ROUTE = 82,
  /** A load balancer outside of netfilter would do what is not modelled with it. */
  UNMODELLED_BALANCER = 85,
  /** A helper of a translated connection expected this one: it would be translated likewise, but as the data of packets say. */
  UNMODELLED_HELPER = 83,
  /** What IPVS does with it is not modelled: it puts it into an outer packet, or goes by its data. */
  UNMODELLED_IPVS = 84,
}

/** Connection tracking state of one packet (`enum ip_conntrack_info` and the bits of `-m conntrack --ctstate`). */
export enum CtState {
  INVALID = 1,
  NEW = 2,
  ESTABLISHED = 4,
  RELATED = 8,
  UNTRACKED = 16,
  /** Virtual states: the source or destination of the original direction is translated. */
  SNAT = 32,
  DNAT = 64,
}

/** Direction of a packet relative to the connection's first packet. */
export enum CtDirection {
  ORIGINAL = 0,
  REPLY = 1,
}

/** IP protocol numbers the machine looks into. */
export enum Protocol {
  ICMP = 1,
  TCP = 6,
  UDP = 17,
  ICMPV6 = 58,
  SCTP = 132,
}

/** TCP header flags. */
export enum TcpFlag {
  FIN = 1,
  SYN = 2,
  RST = 4,
  PSH = 8,
  ACK = 16,
  URG = 32,
}

/** Types a route can have (`RTN_*`, include/uapi/linux/rtnetlink.h), which are also the types `-m addrtype` knows. */
export enum RouteType {
  UNSPEC = 0,
  UNICAST = 1,
  LOCAL = 2,
  BROADCAST = 3,
  ANYCAST = 4,
  MULTICAST = 5,
  BLACKHOLE = 6,
  UNREACHABLE = 7,
  PROHIBIT = 8,
  THROW = 9,
}

/** What a choice point is about. */
export enum ChoiceKind {
  /** `-m statistic --mode random` (and nth, when the caller asks for it): alternative 0 matches, 1 does not. */
  STATISTIC = 0,
  /** A route with several nexthops: one alternative each. */
  MULTIPATH = 1,
  /** A match the machine does not model: alternative 0 matches, 1 does not; no weights. */
  UNMODELLED = 2,
  /** A rate limit or quota whose fill is not known: alternative 0 matches (within the limit), 1 does not; no weights. */
  LIMIT = 3,
  /** `numgen random`, a hash with a seed that nobody knows: alternatives are what the rule can tell apart, weighted by how many values each has. */
  NUMBER = 4,
  /** The table of connections is full: alternative 0 finds an unassured one that makes room, 1 does not; no weights. */
  EARLY_DROP = 5,
  /** The server of a virtual service: one alternative for each that its scheduler may choose, in their order. Weights where the scheduler is `rr` or `wrr`. */
  SERVER = 6,
  /** A load balancer's backend: one alternative each, all alike. */
  BACKEND = 7,
}
