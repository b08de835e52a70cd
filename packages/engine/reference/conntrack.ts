/** Connection tracking: nf_conntrack_in, resolve_normal_ct, nf_conntrack_inet_error, nf_confirm (net/netfilter/nf_conntrack_core.c). */
import { CtDirection, CtState, type Packet, Protocol, sysctl, type Tuple } from '../src/index.ts';
import { entryOf } from './connections.ts';
import type { Connection, CtInfo, Host, Run, Skb, Zone } from './state.ts';
import { tcpPacket } from './tcp.ts';
import { invert, isIcmpError, mayOpen, sameTuple, tupleOf } from './tuple.ts';

const DEFAULT_ZONE: Zone = { id: 0, original: true, reply: true };
const UDP_STREAM_MS = 2000;
const GRE = 47;

export const zoneId = (zone: Zone, direction: CtDirection): number =>
  (direction === CtDirection.ORIGINAL ? zone.original : zone.reply) ? zone.id : 0;

/** A confirmed connection with a tuple as asked, and which of its two tuples that is. */
function findConnection(
  host: Host,
  family: 4 | 6,
  protocol: number,
  tuple: Tuple,
  zone: Zone,
): { connection: Connection; direction: CtDirection } | undefined {
  const both = [CtDirection.ORIGINAL, CtDirection.REPLY] as const;
  // The zone of the original direction is looked into first (nf_conntrack_find_get).
  for (const wanted of new Set(both.map((direction) => zoneId(zone, direction))))
    for (const connection of host.connections) {
      if (connection.protocol !== protocol || connection.family !== family) continue;
      // Of a tuple that is its own reply, the reply's entry stands in front (__nf_conntrack_hash_insert).
      for (const direction of [CtDirection.REPLY, CtDirection.ORIGINAL]) {
        const id = zoneId(connection.zone, direction);
        if (id !== wanted || id !== zoneId(zone, direction)) continue;
        if (sameTuple(connection.tuples[direction], tuple)) return { connection, direction };
      }
    }
  return undefined;
}

const forget = (host: Host, connection: Connection): void => {
  host.connections = host.connections.filter((other) => other !== connection);
};

const INVALID: CtInfo = { state: CtState.INVALID, direction: CtDirection.ORIGINAL };
const UNTRACKED: CtInfo = { state: CtState.UNTRACKED, direction: CtDirection.ORIGINAL };

/** Neighbour discovery and multicast listener messages are not tracked (noct_valid_new). */
const isUntracked6 = (packet: Packet): boolean =>
  packet.protocol === Protocol.ICMPV6 &&
  ((packet.icmpType >= 130 && packet.icmpType <= 136) || packet.icmpType === 143);

/** An ICMP error about a connection is RELATED to it, if it goes to whom the inner packet came from. */
function judgeError(host: Host, packet: Packet, zone: Zone): CtInfo {
  if (!packet.inner) return INVALID;
  const inner = invert(packet.inner.protocol, tupleOf(packet.inner));
  if (!inner) return INVALID;
  const found = findConnection(host, packet.family, packet.inner.protocol, inner, zone);
  if (!found || found.connection.tuples[found.direction].daddr !== packet.daddr) return INVALID;
  return { state: CtState.RELATED, direction: found.direction, connection: found.connection };
}

function newConnection(run: Run, packet: Packet, zone: Zone): Connection | undefined {
  const original = tupleOf(packet);
  const reply = invert(packet.protocol, original);
  if (!reply) return undefined;
  return {
    family: packet.family,
    protocol: packet.protocol,
    tuples: [original, reply],
    zone,
    seenReply: false,
    assured: false,
    snat: false,
    dnat: false,
    srcDone: false,
    dstDone: false,
    confirmed: false,
    mark: 0,
    streamFrom: run.world.clockMs + UDP_STREAM_MS,
  };
}

function judge(run: Run, host: Host, packet: Packet, zone: Zone): CtInfo {
  if (isUntracked6(packet)) return UNTRACKED;
  if (isIcmpError(packet)) return judgeError(host, packet, zone);
  const found = findConnection(host, packet.family, packet.protocol, tupleOf(packet), zone);
  const connection = found?.connection ?? newConnection(run, packet, zone);
  if (!connection) return INVALID;
  const direction = found?.direction ?? CtDirection.ORIGINAL;
  if (!connection.confirmed && !mayOpen(packet)) return INVALID;
  let kill = false;
  if (packet.protocol === Protocol.TCP) {
    const loose = sysctl(host.netns.sysctls, 'net.netfilter.nf_conntrack_tcp_loose') !== 0;
    const verdict = tcpPacket(connection, packet.tcpFlags, direction, loose);
    if (verdict === 'invalid') return INVALID;
    if (verdict === 'reopen') {
      forget(host, connection);
      return judge(run, host, packet, zone);
    }
    kill = verdict === 'kill';
  } else if (packet.protocol === Protocol.UDP && connection.seenReply && run.world.clockMs > connection.streamFrom) {
    connection.assured = true;
  } else if (packet.protocol === GRE && connection.seenReply) {
    // nf_conntrack_gre_packet
    connection.assured = true;
  }
  if (kill) forget(host, connection);
  const replied = direction === CtDirection.REPLY;
  const state = replied || connection.seenReply ? CtState.ESTABLISHED : CtState.NEW;
  if (replied) connection.seenReply = true;
  return { state, direction, connection };
}

/** At PREROUTING and OUTPUT. A packet that is attached already, or not to be tracked, is left alone. */
export function conntrackIn(run: Run, host: Host, skb: Skb): void {
  if (skb.ct && skb.ct !== UNTRACKED_BY_RULE) return;
  const info = skb.ct ? UNTRACKED : judge(run, host, skb.packet, skb.zone ?? DEFAULT_ZONE);
  skb.ct = info;
  run.steps.push({
    kind: 'conntrack',
    netns: host.netns,
    state: info.state,
    direction: info.direction,
    zone: info.connection ? info.connection.zone.id : (skb.zone?.id ?? 0),
    ...(info.connection ? { entry: entryOf(info.connection) } : {}),
  });
}

/** What the NOTRACK target attaches; conntrack turns it into UNTRACKED when it comes by, with a step. */
export const UNTRACKED_BY_RULE: CtInfo = { state: CtState.UNTRACKED, direction: CtDirection.ORIGINAL };

/** At the end of POSTROUTING and INPUT: the connection becomes known to all. */
export function confirm(host: Host, skb: Skb): void {
  const { ct } = skb;
  if (!ct?.connection || ct.connection.confirmed || ct.direction !== CtDirection.ORIGINAL) return;
  ct.connection.confirmed = true;
  host.connections.push(ct.connection);
}
