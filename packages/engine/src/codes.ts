/**
 * Numbers that cross the WASM boundary and mean nothing outside it. Like `terms.ts` this file is compiled by AssemblyScript and by
 * esbuild alike: plain enums of integers, nothing else.
 */

/** What a call into the engine returns: 0, or what went wrong. `errors.ts` has a message for each. */
export enum Failure {
  NONE = 0,
  /** The memory of the machine cannot grow any further. */
  OUT_OF_MEMORY = 1,
  /** A walk left more steps than the trace has room for. */
  TRACE_FULL = 2,
  /** A walk met more choice points than there is room for. */
  CHOICES_FULL = 3,
  /** Chains call each other deeper than the machine keeps track of. */
  JUMPS_TOO_DEEP = 4,
  /** The script names an alternative that a choice point does not have. */
  NO_SUCH_ALTERNATIVE = 5,
}

/** Kinds of statement records: matches first, then actions. */
export enum Op {
  /** End of a rule's body. */
  END = 0,
  SADDR = 1,
  DADDR = 2,
  IIF = 3,
  OIF = 4,
  PROTOCOL = 5,
  TCP = 7,
  /** UDP and SCTP ports. */
  PORTS = 8,
  ICMP = 9,
  MULTIPORT = 10,
  MARK = 11,
  CONNMARK = 12,
  STATE = 13,
  CONNTRACK = 14,
  ADDRTYPE = 15,
  RANDOM = 16,
  NTH = 17,
  PHYSDEV = 18,
  RECENT = 19,
  SET = 20,
  IPRANGE = 21,
  MAC = 22,
  TOS = 23,
  TTL = 24,
  LENGTH = 25,
  /** A match whose outcome nobody knows: a choice point. */
  CHOICE = 26,
  /** Never matches: packets here carry no TCP options. */
  NEVER = 27,
  /** The packet is of one family; never inverted. */
  FAMILY = 28,
  /** nftables: selectors against values, selectors in a set. */
  COMPARE = 29,
  LOOKUP = 30,
  OWNER = 31,
  RPFILTER = 32,
  /** An option of TCP: nobody knows, but of a header that has no room for any. */
  TCP_OPTION = 33,
  /** A piece of a packet behind the first. */
  FRAGMENT = 34,

  /** From here on: actions. */
  ACCEPT = 64,
  DROP = 65,
  RETURN = 66,
  JUMP = 67,
  GOTO = 68,
  REJECT = 69,
  SET_MARK = 70,
  SET_CONNMARK = 71,
  SAVE_MARK = 72,
  RESTORE_MARK = 73,
  DNAT = 74,
  SNAT = 75,
  MASQUERADE = 76,
  REDIRECT = 77,
  NOTRACK = 78,
  CT_ZONE = 79,
  SET_ADD = 80,
  SET_DEL = 81,
  NOTE = 82,
  UNMODELLED_TARGET = 83,
  QUEUE = 84,
  CT_HELPER = 85,
  /** nftables. */
  VERDICT_MAP = 86,
  SET_META = 87,
  SET_HEADER = 88,
  NAT_TO = 89,
  SET_UPDATE = 90,
  FORWARD_TO = 91,
}

/** Bits of a statement's flag byte and of its piecewise inversions. */
export enum OpFlag {
  /** The whole test is inverted. */
  NOT = 1,
  /** It may be a choice point: who reaches it matters to the script. */
  CHANCE = 2,
}

/** Which parts a tcp or ports statement tests, and which of them are inverted. */
export enum PortTest {
  SPORT = 1,
  DPORT = 2,
  FLAGS = 4,
  NOT_SPORT = 16,
  NOT_DPORT = 32,
  NOT_FLAGS = 64,
}

/** Parts of `-m conntrack`; the inversion of part `p` is bit `p << 16`. */
export enum CtTest {
  STATE = 1,
  PROTOCOL = 2,
  ORIG_SRC = 4,
  ORIG_DST = 8,
  REPL_SRC = 16,
  REPL_DST = 32,
  ORIG_SPORT = 64,
  ORIG_DPORT = 128,
  REPL_SPORT = 256,
  REPL_DPORT = 512,
  STATUS = 1024,
  DIRECTION_ORIGINAL = 2048,
  DIRECTION_REPLY = 4096,
}

/** Parts of `-m addrtype`. */
export enum TypeTest {
  NOT_SOURCE = 1,
  NOT_DESTINATION = 2,
  LIMIT_IN = 4,
  LIMIT_OUT = 8,
  SOURCE = 16,
  DESTINATION = 32,
}

/** Bits of a NAT range (`NF_NAT_RANGE_*`). */
export enum NatFlag {
  ADDRESSES = 1,
  PORTS = 2,
  PERSISTENT = 4,
  RANDOM = 8,
  /** Packets of the other family pass the statement by (`dnat ip to` of an inet table). */
  ONLY_4 = 16,
  ONLY_6 = 32,
  /** Bits in which first and last address differ stay the packet's. */
  NETMAP = 64,
}

/** Bits of a link. */
export enum LinkFlag {
  UP = 1,
  HAIRPIN = 2,
  ISOLATED = 4,
  /** `arp_filter`: answers only where the way back leaves by it. */
  ARP_FILTER = 8,
  LOOPBACK = 16,
  BRIDGE = 32,
  FORWARDING = 64,
  ACCEPT_LOCAL = 128,
  ROUTE_LOCALNET = 256,
  SRC_VALID_MARK = 512,
  PROXY_ARP = 1024,
  PROXY_NDP = 2048,
  RP_STRICT = 4096,
  RP_LOOSE = 8192,
  /** Carries Ethernet frames, so that `-m mac` can match. */
  ETHERNET = 16384,
  /** `arp_ignore`: answers for addresses of this very link alone, or not at all. */
  ARP_OWN = 32768,
  ARP_SILENT = 65536,
  /** Its host may hold addresses that no interface has (routes of type local), or looks them up by rules of its own. */
  ANSWERS_OTHERS = 1048576,
  VETH = 131072,
  DUMMY = 262144,
  FORWARDING_6 = 524288,
  /** It has no carrier, and routes by it were asked to be passed over (`ignore_routes_with_linkdown`). */
  PASSED_OVER_4 = 2097152,
  PASSED_OVER_6 = 4194304,
  NO_REDIRECTS = 8388608,
  /** `arp_ignore`: asked by somebody of the same subnet (with ARP_OWN); for addresses of at most link scope. */
  ARP_SUBNET = 16777216,
  ARP_SCOPED = 33554432,
  /** Nobody is asked for an address: it takes packets, not frames. What is no tunnel ends in a process. */
  TUN = 67108864,
  /** Where its frames go nobody knows. */
  UNFOLLOWED = 134217728,
  /** `proxy_arp_pvlan`: answers for those that it reaches by this very link. */
  PROXY_ARP_PVLAN = 268435456,
  /** `arp_announce` 1: asks by the packet's source only in a subnet of the link; 2: never. */
  ARP_ANNOUNCE_SUBNET = 536870912,
  ARP_ANNOUNCE_BEST = 1073741824,
  /** IPv6 that comes in by it is passed on, whatever the host does. The last bit. */
  FORCE_FORWARDING_6 = -2147483648,
}

/** Bits of a tunnel. */
export enum TunnelFlag {
  INHERIT_TOS = 1,
  INHERIT_TTL = 2,
  DF = 4,
  INHERIT_DF = 8,
}

/** Bits of a network namespace. */
export enum NetnsFlag {
  /** Connection tracking runs for IPv4, IPv6. */
  TRACK_4 = 1,
  TRACK_6 = 2,
  /** There is a chain of type nat for IPv4, IPv6. */
  NAT_4 = 4,
  NAT_6 = 8,
  FORWARD_6 = 16,
  BRIDGE_CALL_4 = 32,
  BRIDGE_CALL_6 = 64,
  TCP_LOOSE = 128,
  ECHO_IGNORE_4 = 256,
  MULTIPATH_PORTS_4 = 512,
  CUSTOM_RULES = 2048,
  CUSTOM_LOCAL = 4096,
  ECHO_IGNORE_6 = 8192,
  FWMARK_REFLECT_4 = 16384,
  FWMARK_REFLECT_6 = 32768,
  FWMARK_ACCEPT = 65536,
  /** Sockets bound to nothing hear the ports of VRFs. */
  TCP_L3MDEV_ACCEPT = 131072,
  UDP_L3MDEV_ACCEPT = 262144,
  /** `ip_forward_use_pmtu`. */
  FORWARD_PATH_MTU = 524288,
  /** It has VRFs, with own addresses in tables of theirs. */
  VRF = 1048576,
  BRIDGE_CALL_ARP = 2097152,
}

export enum RuleFlag {
  NOT = 1,
  FROM = 2,
  TO = 4,
  MARK = 8,
  SPORT = 16,
  DPORT = 32,
  TOS = 128,
  /** For packets of a VRF, into its table. */
  L3MDEV = 256,
  UID = 512,
  DSCP = 1024,
  LABEL = 2048,
  /** Of no packet that is modelled. */
  TUNNEL = 4096,
}

/** What nobody knows of a packet that is looked up. */
export enum Unsaid {
  UID = 1,
  LABEL = 2,
}

export enum RuleAction {
  LOOKUP = 0,
  BLACKHOLE = 1,
  UNREACHABLE = 2,
  PROHIBIT = 3,
  GOTO = 4,
  NOP = 5,
}

export enum AddressFlag {
  SECONDARY = 1,
  DEPRECATED = 2,
}

export enum NeighborState {
  USABLE = 0,
  FAILED = 1,
  PROXY = 2,
}

export enum ListenerFlag {
  /** Any IPv4 address. */
  ANY_4 = 1,
  /** Any IPv6 address. */
  ANY_6 = 2,
}

/** Dimensions of ipset elements. */
export enum SetDimension {
  NONE = 0,
  IP = 1,
  NET = 2,
  PORT = 3,
  MARK = 4,
  IFACE = 5,
  MAC = 6,
}

export enum SetFlag {
  /** `list:set`: the elements are sets. */
  LIST = 1,
  IPV6 = 2,
  /** Sets of ports alone have no family. */
  ANY_FAMILY = 4,
  /** Of a type the machine does not look into: a match is a choice point. */
  UNMODELLED = 8,
}

/** Scopes as the kernel numbers them (`RT_SCOPE_*`). */
export enum ScopeId {
  UNIVERSE = 0,
  SITE = 200,
  LINK = 253,
  HOST = 254,
  NOWHERE = 255,
}

/** What a REJECT rule answers with. */
export enum RejectWith {
  /** An ICMP error; its type and code stand beside. */
  ICMP = 0,
  TCP_RESET = 1,
}

/** Kinds of trace records. */
export enum StepKind {
  ENTER = 1,
  CONNTRACK = 2,
  RULE = 3,
  CHAIN = 4,
  NAT = 5,
  ROUTE = 6,
  BRIDGE = 7,
  TRANSMIT = 8,
  CHOICE = 9,
  /** As ENTER. */
  ENCAPSULATE = 10,
  DECAPSULATE = 11,
  /** As ROUTE. */
  LEARN = 12,
  /** As ENTER, without a link. */
  FRAGMENT = 13,
  REASSEMBLE = 14,
  /** As RULE; the verdict is that of `Asked`. */
  UNANSWERED = 15,
  IPVS = 16,
  /** A load balancer outside of netfilter. */
  BALANCE = 20,
}

/** What of a question for a neighbour was lost. */
export enum Asked {
  QUESTION = 0,
  ANSWER = 1,
}

export enum RoutePurpose {
  INPUT = 0,
  OUTPUT = 1,
  REROUTE = 2,
}
