/** What both sides say about one attempt, in one form that can be compared as text. */
import type { Transport } from './scenario.ts';

export interface Seen {
  result: 'reply' | 'error' | 'timeout';
  error?: string;
  icmp?: string;
  /** Address that the client's socket has. */
  client?: string;
  /** Who got it: network namespace, address and port there. */
  endpoint?: string;
  /** The source that the endpoint saw; a port that NAT drew is `*`, the client's own `own`. */
  saw?: string;
  /** Connections that belong to the attempt, by node. */
  conntrack: string[];
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

export const endText = (address: string, port: number | string): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** The client's port as both sides can name it. */
export const portName = (port: number, own: number): string => (port === own ? 'own' : '*');

const flowText = ({ saddr, daddr, sport, dport }: Record<keyof Flow, string | number>) =>
  `${endText(`${saddr}`, sport)} > ${endText(`${daddr}`, dport)}`;

/**
 * The connections among `all` that an attempt from the port `own` made. A node may have given it another port, under which the next one knows it.
 */
export function trackedText(all: readonly Tracked[], protocol: Transport, own: number): string[] {
  const ports = new Set([own]);
  const isOurs = (t: Tracked) => t.protocol === protocol && (ports.has(t.original.sport) || ports.has(t.reply.dport));
  for (let known = 0; known < ports.size; ) {
    known = ports.size;
    for (const t of all.filter(isOurs)) {
      ports.add(t.original.sport);
      ports.add(t.reply.dport);
    }
  }
  return all
    .filter(isOurs)
    .map(({ netns, original, reply, state, flags }) => {
      const there = flowText({ ...original, sport: portName(original.sport, own) });
      const back = flowText({ ...reply, dport: portName(reply.dport, own) });
      return [netns, state, there, 'reply', back, ...flags].filter((word) => word !== '').join(' ');
    })
    .sort();
}
