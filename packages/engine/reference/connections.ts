/** Connections as `conntrack -L` lists them, to and from the interpreter's own form. */
import type { ConntrackEntry, Tuple } from '../src/index.ts';
import type { Connection } from './state.ts';
import { TCP_STATES, tcpTrack } from './tcp.ts';

const copy = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({ saddr, daddr, sport, dport });

/** A listed connection counts as confirmed and as having its NAT decided. */
export function connectionOf(entry: ConntrackEntry): Connection {
  const connection: Connection = {
    family: entry.family,
    protocol: entry.protocol,
    tuples: [copy(entry.original), copy(entry.reply)],
    zone: { id: entry.zone, original: true, reply: true },
    seenReply: entry.seenReply,
    assured: entry.assured,
    snat: entry.snat,
    dnat: entry.dnat,
    srcDone: true,
    dstDone: true,
    confirmed: true,
    mark: entry.mark >>> 0,
    streamFrom: 2000,
  };
  if (entry.tcpState !== undefined) connection.tcp = tcpTrack(Math.max(0, TCP_STATES.indexOf(entry.tcpState)));
  return connection;
}

/** A snapshot. */
export function entryOf(connection: Connection): ConntrackEntry {
  const entry: ConntrackEntry = {
    family: connection.family,
    protocol: connection.protocol,
    original: copy(connection.tuples[0]),
    reply: copy(connection.tuples[1]),
    seenReply: connection.seenReply,
    assured: connection.assured,
    snat: connection.snat,
    dnat: connection.dnat,
    mark: connection.mark,
    zone: connection.zone.id,
  };
  const state = connection.tcp && TCP_STATES[connection.tcp.state];
  if (state !== undefined && state !== TCP_STATES[0]) entry.tcpState = state;
  return entry;
}
