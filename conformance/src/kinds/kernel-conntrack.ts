/** Connections as a recording lists them, beside those that the machine holds. */
import type { ConntrackEntry, Tuple } from '@podwire/engine';

interface ListedTuple {
  src: string;
  dst: string;
  sport?: number | '*';
  dport?: number | '*';
}

export interface ListedConnection {
  proto: string;
  state?: string;
  orig: ListedTuple;
  reply: ListedTuple;
  /** UNREPLIED, ASSURED. */
  flags: string[];
}

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

function tuple({ saddr, daddr, sport, dport }: Tuple): ListedTuple {
  return { src: saddr, dst: daddr, sport, dport };
}

function listed(entry: ConntrackEntry): ListedConnection {
  return {
    proto: NAMES[entry.protocol] ?? String(entry.protocol),
    ...(entry.tcpState !== undefined && { state: entry.tcpState }),
    orig: tuple(entry.original),
    reply: tuple(entry.reply),
    flags: entry.assured ? ['ASSURED'] : entry.seenReply ? [] : ['UNREPLIED'],
  };
}

function sameTuple(want: ListedTuple, found: ListedTuple): boolean {
  const port = (a: number | '*' | undefined, b: number | '*' | undefined) => a === '*' || a === b;
  return (
    want.src === found.src && want.dst === found.dst && port(want.sport, found.sport) && port(want.dport, found.dport)
  );
}

function same(want: ListedConnection, found: ListedConnection): boolean {
  return (
    want.proto === found.proto &&
    want.state === found.state &&
    JSON.stringify(want.flags) === JSON.stringify(found.flags) &&
    sameTuple(want.orig, found.orig) &&
    sameTuple(want.reply, found.reply)
  );
}

/** Says what is missing or too much; undefined where both hold the same connections, in any order. */
export function differentConntrack(
  node: string,
  want: readonly ListedConnection[],
  entries: readonly ConntrackEntry[],
): string | undefined {
  const left = entries.map(listed);
  for (const connection of want) {
    const at = left.findIndex((found) => same(connection, found));
    if (at < 0) {
      return `conntrack of ${node}: expected ${JSON.stringify(connection)}, found ${JSON.stringify(left)}`;
    }
    left.splice(at, 1);
  }
  return left.length ? `conntrack of ${node}: not expected ${JSON.stringify(left[0])}` : undefined;
}
