/** A packet of which only what matters has to be said. */
import type { Packet } from './packet.ts';
import { Protocol, TcpFlag } from './terms.ts';

/**
 * What a host sends first: TCP opens with a SYN; 60 bytes, in one piece, TTL 64, everything else 0. `fields` comes before all that.
 * The family is that of `daddr`.
 */
export function plainPacket(fields: Pick<Packet, 'protocol' | 'saddr' | 'daddr'> & Partial<Packet>): Packet {
  return {
    family: fields.daddr.includes(':') ? 6 : 4,
    sport: 0,
    dport: 0,
    tcpFlags: fields.protocol === Protocol.TCP ? TcpFlag.SYN : 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: 64,
    tos: 0,
    mark: 0,
    length: 60,
    dontFragment: true,
    ...fields,
  };
}
