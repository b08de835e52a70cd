/** What both sides say about one attempt, in one form that can be compared as text. */
import type { Flow, Tracked, Tried } from '../lab/terms.ts';

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

export const endText = (address: string, port: number | string): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** The client's port as both sides can name it. */
export const portName = (port: number, own: number): string => (port === own ? 'own' : '*');

const flowText = ({ saddr, daddr, sport, dport }: Record<keyof Flow, string | number>) =>
  `${endText(`${saddr}`, sport)} > ${endText(`${daddr}`, dport)}`;

/** Echoes are answered by a kernel, which does not say whose. */
export const tellsWho = (protocol: Tried): boolean => protocol !== 'icmp';

/**
 * The connections among `all` that an attempt from the port `own` made. A node may have given it another address and port, under which
 * the next one knows it.
 */
export function trackedText(all: readonly Tracked[], protocol: Tried, own: number): string[] {
  const ours = new Set(all.filter((t) => t.protocol === protocol && t.original.sport === own));
  // A set grows while it is walked through.
  for (const { reply } of ours) {
    const source = endText(reply.daddr, reply.dport);
    for (const t of all)
      if (t.protocol === protocol && endText(t.original.saddr, t.original.sport) === source) ours.add(t);
  }
  return [...ours]
    .map(({ netns, original, reply, state, flags }) => {
      const there = flowText({ ...original, sport: portName(original.sport, own) });
      const back = flowText({ ...reply, dport: portName(reply.dport, own) });
      return [netns, state, there, 'reply', back, ...flags].filter((word) => word !== '').join(' ');
    })
    .sort();
}
