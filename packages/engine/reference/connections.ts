/** Connections as `conntrack -L` lists them, to and from the interpreter's own form. */
import { type ConntrackEntry, Protocol, type Tuple } from '../src/index.ts';
import { sctpTrack } from './sctp.ts';
import type { Connection, Host } from './state.ts';
import { closedTrack, TCP_STATES } from './tcp.ts';
import { plainSeconds, sctpSeconds, tcpSeconds } from './timeouts.ts';

const copy = ({ saddr, daddr, sport, dport }: Tuple): Tuple => ({ saddr, daddr, sport, dport });

/** Seconds it has left; where none are given, what its state gives it. */
function secondsOf(host: Host, entry: ConntrackEntry, connection: Connection): number {
  if (entry.timeout !== undefined) return entry.timeout;
  if (entry.protocol === Protocol.TCP) return tcpSeconds(host, entry.tcpState ?? 'NONE');
  return connection.sctp ? sctpSeconds(host, connection.sctp.state) : plainSeconds(host, connection);
}

/** A listed connection counts as confirmed and as having its NAT decided. Nothing is known of its windows and tags. */
export function connectionOf(host: Host, entry: ConntrackEntry): Connection {
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
    ...(entry.details?.helper !== undefined && { helper: entry.details.helper }),
    mark: entry.mark >>> 0,
    streamFrom: 0,
    expires: 0,
  };
  if (entry.tcpState !== undefined) connection.tcp = closedTrack(Math.max(0, TCP_STATES.indexOf(entry.tcpState)));
  const isSctp = entry.protocol === Protocol.SCTP && entry.state !== undefined && entry.state !== 'NONE';
  if (isSctp) connection.sctp = sctpTrack(entry.state as string, false);
  connection.expires = secondsOf(host, entry, connection) * 1000;
  return connection;
}

/** A snapshot. */
export function entryOf(connection: Connection, clockMs: number): ConntrackEntry {
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
    timeout: Math.floor(Math.max(0, connection.expires - clockMs) / 1000),
  };
  const state = connection.tcp && TCP_STATES[connection.tcp.state];
  if (state !== undefined && state !== TCP_STATES[0]) entry.tcpState = state;
  if (connection.sctp && connection.sctp.state !== 'NONE') entry.state = connection.sctp.state;
  return entry;
}
