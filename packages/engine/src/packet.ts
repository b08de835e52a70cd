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
  /** The packet an ICMP error is about, as it stands in the error's payload. */
  inner?: Packet;
}
