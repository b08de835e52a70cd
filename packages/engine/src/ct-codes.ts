/** Numbers of connections and of what packets say to connection tracking; compiled by AssemblyScript and by esbuild alike, like `codes.ts`. */

/** TCP states of conntrack (`enum tcp_conntrack`). */
export enum TcpState {
  NONE = 0,
  SYN_SENT = 1,
  SYN_RECV = 2,
  ESTABLISHED = 3,
  FIN_WAIT = 4,
  CLOSE_WAIT = 5,
  LAST_ACK = 6,
  TIME_WAIT = 7,
  CLOSE = 8,
  SYN_SENT2 = 9,
}

/** Status bits of a connection. */
export enum CtStatus {
  SEEN_REPLY = 1,
  ASSURED = 2,
  CONFIRMED = 4,
  SNAT = 8,
  DNAT = 16,
  SRC_DONE = 32,
  DST_DONE = 64,
  DYING = 128,
  EXPECTED = 256,
  /** The machine's own: its last mapping found no free tuple. */
  EXHAUSTED = 512,
}

/** Where settings of connection tracking stand in a namespace's list: seconds by TCP state (`TcpState`), then the rest. */
export enum CtSetting {
  MAX_RETRANS_TIMEOUT = 10,
  UNACKNOWLEDGED_TIMEOUT = 11,
  UDP = 12,
  UDP_STREAM = 13,
  ICMP = 14,
  ICMPV6 = 15,
  GENERIC = 16,
  GRE = 17,
  GRE_STREAM = 18,
  /** Seconds by SCTP state (`SctpState`). */
  SCTP = 19,
  /** Connections a namespace may hold; 0: any number. */
  MAX = 28,
  MAX_RETRANS = 29,
  LIBERAL = 30,
  IGNORE_INVALID_RST = 31,
  COUNT = 32,
}

/** SCTP states of conntrack (`enum sctp_conntrack`). */
export enum SctpState {
  NONE = 0,
  CLOSED = 1,
  COOKIE_WAIT = 2,
  COOKIE_ECHOED = 3,
  ESTABLISHED = 4,
  SHUTDOWN_SENT = 5,
  SHUTDOWN_RECD = 6,
  SHUTDOWN_ACK_SENT = 7,
  HEARTBEAT_SENT = 8,
}

/** Bits of a piece of a packet. */
export enum FragmentFlag {
  PIECE = 1,
  /** Others follow. */
  MORE = 2,
  /** It is behind the first. */
  LATER = 4,
}

/** What a packet says of TCP or SCTP beyond ports and flags. */
export enum PacketL4 {
  TCP = 1,
  SCTP = 2,
  /** TCP: how long the header is; ICMP: the MTU that it tells. */
  HEADER = 4,
  SCALE = 8,
  SACK_GIVEN = 16,
  SACK_PERMITTED = 32,
  OWNER_UID = 64,
  OWNER_GID = 128,
}

/** Protocols that a helper expects. */
export enum HelperExpects {
  TCP = 1,
  UDP = 2,
  GRE = 4,
  ANY = 8,
}

/** Whom a helper expects to hear from. */
export enum HelperPlace {
  /** One end of the connection from the other. */
  PAIR = 0,
  /** Whoever opened the connection, from anybody. */
  TO_CLIENT = 1,
  ANYWHERE = 2,
}
