/** The packets a question sends. */
import { type Family, type Packet, Protocol, plainPacket } from '@podwire/engine';
import type { TransportName } from './reference.ts';

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
/** Header bytes: IP, and what opens a connection on top of it. */
const IP_HEADER = { 4: 20, 6: 40 } as const;
const OPENING_BYTES: Record<TransportName, number> = { tcp: 40, udp: 8 + 32, sctp: 12 + 20, icmp: 8 + 56 };

function protocolNumber(name: TransportName, family: Family): Protocol {
  switch (name) {
    case 'tcp':
      return Protocol.TCP;
    case 'udp':
      return Protocol.UDP;
    case 'sctp':
      return Protocol.SCTP;
    case 'icmp':
      return family === 4 ? Protocol.ICMP : Protocol.ICMPV6;
  }
}

export interface Opening {
  family: Family;
  protocol: TransportName;
  /** Absent: routing chooses. */
  saddr?: string;
  daddr: string;
  sport: number;
  dport: number;
  /** Bytes in all; the least where absent. */
  size?: number;
  owner?: Packet['owner'];
}

/** The packet that opens a connection: a SYN, a datagram, an echo request. */
export function openingPacket({ family, protocol, saddr, daddr, sport, dport, size, owner }: Opening): Packet {
  const icmp = protocol === 'icmp';
  return plainPacket({
    family,
    protocol: protocolNumber(protocol, family),
    saddr: saddr ?? '',
    daddr,
    sport: icmp ? 0 : sport,
    dport: icmp ? 0 : dport,
    icmpType: icmp ? ECHO_REQUEST[family] : 0,
    icmpId: icmp ? 1 : 0,
    length: Math.max(size ?? 0, IP_HEADER[family] + OPENING_BYTES[protocol]),
    dontFragment: !icmp,
    ...(owner && { owner }),
  });
}
