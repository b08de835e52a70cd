import type { Protocol } from './terms.ts';

/** Address family: IPv4 or IPv6. */
export type Family = 4 | 6;

/**
 * A packet as the machine carries it. Addresses are canonical text (see `address.ts`). Ports are 0 where the protocol has
 * none; ICMP fields are 0 where it is not ICMP.
 */
export interface Packet {
  family: Family;
  /** IP protocol number; those the machine looks into are `Protocol`. */
  protocol: Protocol | number;
  saddr: string;
  daddr: string;
  sport: number;
  dport: number;
  /** Bits of `TcpFlag`. */
  tcpFlags: number;
  icmpType: number;
  icmpCode: number;
  /** Identifier of an ICMP echo. */
  icmpId: number;
  /** TTL or hop limit. */
  ttl: number;
  /** TOS byte or traffic class. */
  tos: number;
  /** skb mark; local to a host, lost on the wire. */
  mark: number;
  /** Total length in bytes, IP header included. */
  length: number;
  dontFragment: boolean;
  /** TCP: what windows are made of. A connection all of whose segments have it is followed by its windows. */
  tcp?: TcpNumbers;
  /** SCTP: an association all of whose packets have it is followed by its states. */
  sctp?: SctpChunks;
  /** The process that sends it, until it leaves its host: what is absent nobody knows. */
  owner?: { uid?: number; gid?: number };
  /** Fragmentation needed, packet too big: the MTU that the error tells; 0 where absent, as routers of old left it. */
  mtu?: number;
  /** It is a piece of a longer packet. Those behind the first have no ports, flags, ICMP fields: 0 here. `length` is the piece's own. */
  fragment?: Fragment;
  /** The packet an ICMP error is about, as it stands in the error's payload. */
  inner?: Packet;
}

export interface Fragment {
  /** Bytes of the packet's data before those of the piece. */
  offset: number;
  /** Others follow. */
  more: boolean;
  /** Length of the packet before it was cut, IP header included. */
  whole: number;
}

/** What conntrack reads of a TCP header beyond ports and flags. The data's length follows from `Packet.length`. */
export interface TcpNumbers {
  seq: number;
  /** 0 in a segment without ACK. */
  ack: number;
  /** As it stands in the header, not scaled. */
  window: number;
  /** Bytes of the TCP header, options included; 20 where absent. */
  header?: number;
  /** Window scale option of a SYN, 0 to 14. */
  windowScale?: number;
  /** SACK-permitted option of a SYN. */
  sackPermitted?: boolean;
}

export interface SctpChunks {
  /** Verification tag of the common header. */
  tag: number;
  /** Eight at most. */
  chunks: SctpChunk[];
}

export interface SctpChunk {
  /** RFC 9260: 0 DATA, 1 INIT, 2 INIT ACK, 6 ABORT, 10 COOKIE ECHO ... */
  type: number;
  /** The T bit of ABORT and SHUTDOWN COMPLETE: the tag is the receiver's own. */
  reflected?: boolean;
  /** Initiate tag of INIT and INIT ACK; 0 where absent. */
  initTag?: number;
}
