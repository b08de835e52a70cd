/** The words of the lab: what its namespaces hold and what it reads out of them. */

export type Transport = 'tcp' | 'udp';

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
