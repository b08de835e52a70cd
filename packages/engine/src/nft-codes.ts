/** What `codes.ts` is for nftables: numbers of records that cross the WASM boundary. Compiled by AssemblyScript and by esbuild alike. */

/** Families of tables, as the kernel numbers them (`NFPROTO_*`), but for IP's own two. */
export enum FamilyCode {
  INET = 1,
  ARP = 3,
  IPV4 = 4,
  NETDEV = 5,
  IPV6 = 6,
  BRIDGE = 7,
}

/** Fields of selectors, 32 for each file of `assembly/expr/nft/`. */
export enum Field {
  ETHER_SADDR = 0,
  ETHER_DADDR = 1,
  ETHER_TYPE = 2,
  IP_SADDR = 3,
  IP_DADDR = 4,
  IP_PROTOCOL = 5,
  IP_TTL = 6,
  IP_TOS = 7,
  IP_LENGTH = 8,
  IP_VERSION = 9,
  IP_HDRLENGTH = 10,
  IP_FRAG_OFF = 11,
  IP6_SADDR = 12,
  IP6_DADDR = 13,
  IP6_NEXTHDR = 14,
  IP6_HOPLIMIT = 15,
  IP6_TCLASS = 16,
  IP6_LENGTH = 17,
  IP6_VERSION = 18,
  TH_SPORT = 19,
  TH_DPORT = 20,
  TCP_FLAGS = 21,
  UDP_LENGTH = 22,
  ICMP_TYPE = 23,
  ICMP_CODE = 24,
  ICMP_ID = 25,

  META_LENGTH = 32,
  META_PROTOCOL = 33,
  META_NFPROTO = 34,
  META_L4PROTO = 35,
  META_MARK = 36,
  META_IIF = 37,
  META_OIF = 38,
  META_IIFNAME = 39,
  META_OIFNAME = 40,
  META_IIFTYPE = 41,
  META_OIFTYPE = 42,
  META_IIFKIND = 43,
  META_OIFKIND = 44,
  META_IBRNAME = 45,
  META_OBRNAME = 46,
  META_PKTTYPE = 47,
  META_SKUID = 48,
  META_SKGID = 49,
  META_IBRHWADDR = 50,

  CT_STATE = 64,
  CT_STATUS = 65,
  CT_DIRECTION = 66,
  CT_MARK = 67,
  CT_ZONE = 68,
  CT_ORIGINAL_ZONE = 69,
  CT_REPLY_ZONE = 70,
  CT_L3PROTO = 71,
  CT_PROTOCOL = 72,
  CT_ORIGINAL_SADDR = 73,
  CT_ORIGINAL_DADDR = 74,
  CT_ORIGINAL_SPORT = 75,
  CT_ORIGINAL_DPORT = 76,
  CT_REPLY_SADDR = 77,
  CT_REPLY_DADDR = 78,
  CT_REPLY_SPORT = 79,
  CT_REPLY_DPORT = 80,

  FIB_TYPE = 96,
  FIB_OIF = 97,
  FIB_OIFNAME = 98,
  RT_NEXTHOP = 99,

  ARP_HTYPE = 100,
  ARP_PTYPE = 101,
  ARP_HLEN = 102,
  ARP_PLEN = 103,
  ARP_OPERATION = 104,
  ARP_SADDR_ETHER = 105,
  ARP_DADDR_ETHER = 106,
  ARP_SADDR_IP = 107,
  ARP_DADDR_IP = 108,

  NUMGEN_INC = 128,
  NUMGEN_RANDOM = 129,
  JHASH = 130,
  SYMHASH = 131,
  UNMODELLED = 132,
}

export enum SelectorFlag {
  /** Mask, xor or shift follow. */
  BITWISE = 1,
  /** In registers as on the wire; otherwise as the CPU has it. */
  NETWORK_ORDER = 2,
  /** A hash whose seed is known. */
  SEEDED = 4,
}

/** What a question to the routing tables looks at (`NFTA_FIB_F_*`). */
export enum FibFlag {
  SADDR = 1,
  DADDR = 2,
  MARK = 4,
  IIF = 8,
  OIF = 16,
}

/** How a selector is compared. */
export enum CompareCode {
  EQ = 0,
  NE = 1,
  LT = 2,
  LE = 3,
  GT = 4,
  GE = 5,
}

export enum SetKind {
  SET = 0,
  MAP = 1,
  VERDICTS = 2,
}

/** Where a value comes from. */
export enum SourceKind {
  VALUE = 0,
  SELECTORS = 1,
  MAP = 2,
}

export enum MetaTarget {
  MARK = 0,
  CT_MARK = 1,
  CT_ZONE = 2,
  CT_ORIGINAL_ZONE = 3,
  CT_REPLY_ZONE = 4,
}

export enum NatManip {
  DNAT = 0,
  SNAT = 1,
  MASQUERADE = 2,
  REDIRECT = 3,
}

/** Parts of the value that a nat statement takes. */
export enum NatPart {
  ADDRESS = 1,
  PORT = 2,
}

export enum UpdateOp {
  ADD = 0,
  UPDATE = 1,
  DELETE = 2,
}
