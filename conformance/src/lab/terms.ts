/** The words of the lab: what its namespaces hold and what it reads out of them. */
import { Protocol } from '@podwire/engine';

export type Transport = 'tcp' | 'udp' | 'sctp';

/** What a client can try; an echo has an identifier for its port. */
export type Tried = Transport | 'icmp';

export const PROTOCOLS: Readonly<Record<Transport, Protocol>> = {
  tcp: Protocol.TCP,
  udp: Protocol.UDP,
  sctp: Protocol.SCTP,
};

/** Which iptables loads the rules. */
export type Backend = 'nft' | 'legacy';

/** Something listens in a network namespace, on all its addresses. */
export interface Listening {
  netns: string;
  protocol: Transport;
  port: number;
}

export interface Flow {
  saddr: string;
  daddr: string;
  sport: number;
  dport: number;
}

/** One connection of one node's conntrack. */
export interface Tracked {
  netns: string;
  protocol: Transport;
  original: Flow;
  reply: Flow;
  state: string;
  flags: string[];
}
