/** Numbers of IPVS that both sides of the WASM boundary share: plain enums of integers, nothing else. */

/** Settings of a namespace (`net.ipv4.vs.*`), as bits. */
export enum IpvsFlag {
  /** There are services of IPv4, of IPv6: hooks are registered. */
  FAMILY_4 = 1,
  FAMILY_6 = 2,
  CONNTRACK = 4,
  EXPIRE_NODEST = 8,
  EXPIRE_QUIESCENT = 16,
  SLOPPY_TCP = 32,
  SLOPPY_SCTP = 64,
  SNAT_REROUTE = 128,
  NAT_ICMP_SEND = 256,
  CACHE_BYPASS = 512,
  SCHEDULE_ICMP = 1024,
  DROP_PACKET = 2048,
}

/** Of a virtual service. */
export enum IpvsServiceFlag {
  PERSISTENT = 1,
  ONE_PACKET = 2,
  /** It has a persistence engine. */
  ENGINE = 4,
  /** The hash knows the client's port, too. */
  HASH_PORT = 8,
  /** A server that may not be taken is replaced by one that may. */
  FALLBACK = 16,
}

/** How its servers are chosen. */
export enum IpvsScheduler {
  /** By what nobody knows. */
  OTHER = 0,
  RR = 1,
  WRR = 2,
  /** The heaviest (`fo`). */
  HEAVIEST = 3,
  SOURCE_HASH = 4,
  DESTINATION_HASH = 5,
  /** One for a destination while it can be (`lblc`, `lblcr`). */
  LOCALITY = 6,
}

export enum IpvsMethod {
  MASQUERADE = 0,
  ROUTE = 1,
  TUNNEL = 2,
}

/** What a step says that IPVS did. */
export enum IpvsHow {
  SCHEDULED = 0,
  PERSISTENT = 1,
  KNOWN = 2,
  REPLY = 3,
  NONE = 4,
}
