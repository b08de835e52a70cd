/** Connection tracking: nf_conntrack_in, resolve_normal_ct, nf_conntrack_inet_error, nf_confirm (net/netfilter/nf_conntrack_core.c). */
import {
  ChoiceKind,
  CtDirection,
  CtState,
  Disposition,
  type Packet,
  Protocol,
  Reason,
  type Tuple,
} from '../src/index.ts';
import { choose } from './choice.ts';
import { entryOf } from './connections.ts';
import { isLater } from './fragment.ts';
import { firstHelper, masterOf } from './helpers.ts';
import { sctpPacket } from './sctp.ts';
import type { Connection, CtInfo, Host, Run, Skb, Stop, Zone } from './state.ts';
import { tcpPacket } from './tcp.ts';
import { ctSetting, GRE, isExpired, plainSeconds, refresh, UDPLITE } from './timeouts.ts';
import { invert, isIcmpError, mayOpen, sameTuple, tupleOf } from './tuple.ts';

const DEFAULT_ZONE: Zone = { id: 0, original: true, reply: true };
const UDP_STREAM_MS = 2000;

export const zoneId = (zone: Zone, direction: CtDirection): number =>
  (direction === CtDirection.ORIGINAL ? zone.original : zone.reply) ? zone.id : 0;

/** A confirmed connection with a tuple as asked, and which of its two tuples that is. */
export function findConnection(
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

export const forget = (host: Host, connection: Connection): void => {
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
  if (!packet.inner || isLater(packet.inner)) return INVALID;
  const inner = invert(packet.inner.protocol, tupleOf(packet.inner));
  if (!inner) return INVALID;
  const found = findConnection(host, packet.family, packet.inner.protocol, inner, zone);
  if (!found || found.connection.tuples[found.direction].daddr !== packet.daddr) return INVALID;
  return { state: CtState.RELATED, direction: found.direction, connection: found.connection };
}

/**
 * Is there room for one more (__nf_conntrack_alloc, early_drop)? The kernel looks through eight buckets for a connection that is not
 * assured: nobody knows which ones stand there.
 */
function hasRoom(run: Run, host: Host): boolean {
  const most = ctSetting(host, 'max');
  if (most === 0 || host.connections.length < most) return true;
  const unassured = host.connections.find((connection) => !connection.assured);
  const choice = { kind: ChoiceKind.EARLY_DROP, alternatives: 2, netns: host.netns.name };
  if (!unassured || choose(run, choice) !== 0) return false;
  forget(host, unassured);
  return true;
}

function newConnection(run: Run, host: Host, skb: Skb, zone: Zone): Connection | 'full' | 'unknown' | undefined {
  const { packet } = skb;
  const original = tupleOf(packet);
  const reply = invert(packet.protocol, original);
  if (!reply) return undefined;
  if (!hasRoom(run, host)) return 'full';
  const master = masterOf(run, host, packet, original, zone);
  // It would be translated, too, as the data of packets say (nf_nat_follow_master).
  if (master?.snat || master?.dnat) return 'unknown';
  const helper = master ? undefined : firstHelper(host, skb, packet);
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
    ...(helper !== undefined && { helper }),
    ...(master && { expected: true }),
    mark: master?.mark ?? 0,
    streamFrom: run.world.clockMs + UDP_STREAM_MS + 1,
    expires: 0,
  };
}

/** Protocols with little state: nf_conntrack_udp_packet, nf_conntrack_icmp_packet, nf_conntrack_gre_packet, generic_packet. */
function plainPacket(host: Host, connection: Connection, clockMs: number): void {
  const isUdp = connection.protocol === Protocol.UDP || connection.protocol === UDPLITE;
  const stream = connection.seenReply && clockMs >= connection.streamFrom;
  // Also an assured connection has the shorter time before two seconds are over; an unanswered one always.
  const seconds =
    isUdp && !stream
      ? ctSetting(host, 'udp_timeout')
      : plainSeconds(host, isUdp ? { ...connection, assured: true } : connection);
  refresh(connection, clockMs, seconds);
  if ((isUdp && stream) || (connection.protocol === GRE && connection.seenReply)) connection.assured = true;
}

/** `full`: there is no room for the connection, and the packet is dropped. `unknown`: a helper decides. */
function judge(run: Run, host: Host, skb: Skb, zone: Zone): CtInfo | 'full' | 'unknown' {
  const { packet } = skb;
  const { clockMs } = run.world;
  if (isUntracked6(packet)) return UNTRACKED;
  if (isIcmpError(packet)) return judgeError(host, packet, zone);
  const found = findConnection(host, packet.family, packet.protocol, tupleOf(packet), zone);
  const connection = found?.connection ?? newConnection(run, host, skb, zone);
  if (!connection) return INVALID;
  if (connection === 'full' || connection === 'unknown') return connection;
  const direction = found?.direction ?? CtDirection.ORIGINAL;
  if (!connection.confirmed && !mayOpen(packet)) return INVALID;
  let kill = false;
  if (packet.protocol === Protocol.TCP) {
    const verdict = tcpPacket(host, connection, packet, direction, clockMs);
    if (verdict === 'invalid') return INVALID;
    if (verdict === 'reopen') {
      forget(host, connection);
      return judge(run, host, skb, zone);
    }
    kill = verdict === 'kill';
  } else if (packet.protocol === Protocol.SCTP) {
    if (!sctpPacket(host, connection, packet, direction, clockMs)) return INVALID;
  } else plainPacket(host, connection, clockMs);
  if (kill || (connection.confirmed && isExpired(connection, clockMs))) forget(host, connection);
  const replied = direction === CtDirection.REPLY;
  const fresh = connection.expected ? CtState.RELATED : CtState.NEW;
  const state = replied || connection.seenReply ? CtState.ESTABLISHED : fresh;
  if (replied) connection.seenReply = true;
  return { state, direction, connection };
}

/** At PREROUTING and OUTPUT. A packet that is attached already, or not to be tracked, is left alone; one that was invalid is judged again. */
export function conntrackIn(run: Run, host: Host, skb: Skb): Stop | undefined {
  if (skb.ct && skb.ct !== UNTRACKED_BY_RULE && skb.ct !== OF_UNTRACKED) return undefined;
  const { zone } = skb;
  const info = skb.ct === UNTRACKED_BY_RULE ? UNTRACKED : judge(run, host, skb, zone ?? DEFAULT_ZONE);
  if (info === 'full') return { host, disposition: Disposition.DROPPED, reason: Reason.CONNTRACK_FULL, skb };
  if (info === 'unknown') return { host, disposition: Disposition.UNKNOWN, reason: Reason.UNMODELLED_HELPER, skb };
  const stays = skb.ct === OF_UNTRACKED && isIcmpError(skb.packet);
  skb.ct = info !== INVALID ? info : stays ? OF_UNTRACKED : undefined;
  skb.zone = undefined;
  skb.helper = undefined;
  run.steps.push({
    kind: 'conntrack',
    netns: host.netns,
    state: info.state,
    direction: info.direction,
    zone: info.connection ? info.connection.zone.id : (zone?.id ?? 0),
    ...(info.connection ? { entry: entryOf(info.connection, run.world.clockMs) } : {}),
  });
  return undefined;
}

/** What the NOTRACK target attaches; conntrack turns it into UNTRACKED when it comes by, with a step. */
export const UNTRACKED_BY_RULE: CtInfo = { state: CtState.UNTRACKED, direction: CtDirection.ORIGINAL };

/** What an error or reset has that is about a packet which was not tracked: no connection, but CT targets take it for one (nf_conntrack_attach). */
export const OF_UNTRACKED: CtInfo = { state: CtState.INVALID, direction: CtDirection.ORIGINAL };

/** nft_ct_set_zone_eval: the template takes the place of what made it untracked (tried). */
export function setZone(skb: Skb, zone: Zone): void {
  if (skb.ct?.connection || skb.zone || skb.helper !== undefined) return;
  skb.ct = undefined;
  skb.zone = zone;
}

/** Another connection with the tuple of one of this one's directions, in the zone that it has there (nf_ct_key_equal). */
export const isTaken = (
  host: Host,
  { family, protocol, zone }: Connection,
  tuple: Tuple,
  direction: CtDirection,
  mayBe: (other: Connection) => boolean = () => false,
): boolean =>
  host.connections.some(
    (other) =>
      other.family === family &&
      other.protocol === protocol &&
      !mayBe(other) &&
      ([CtDirection.ORIGINAL, CtDirection.REPLY] as const).some(
        (its) =>
          // One hash bucket is looked into, which knows the zone of the direction; the entry's own direction has to agree as well.
          zoneId(other.zone, its) === zoneId(zone, direction) &&
          zoneId(other.zone, its) === zoneId(zone, its) &&
          sameTuple(other.tuples[its], tuple),
      ),
  );

/**
 * At the end of POSTROUTING and INPUT: the connection becomes known to all (__nf_conntrack_confirm). Where another has one of its tuples the
 * packet is dropped. The kernel forgives protocols without handshakes (nf_ct_resolve_clash), but for what came at the same time alone.
 */
export function confirm(run: Run, host: Host, skb: Skb): Stop | undefined {
  const { ct } = skb;
  if (!ct?.connection || ct.connection.confirmed || ct.direction !== CtDirection.ORIGINAL) return undefined;
  const { connection } = ct;
  for (const direction of [CtDirection.ORIGINAL, CtDirection.REPLY])
    if (isTaken(host, connection, connection.tuples[direction], direction)) {
      const { exhausted } = connection;
      const reason = exhausted ? Reason.NAT_EXHAUSTED : Reason.CONNTRACK_CLASH;
      return { host, disposition: Disposition.DROPPED, reason, skb, rule: exhausted?.rule };
    }
  connection.confirmed = true;
  if (!isExpired(connection, run.world.clockMs)) host.connections.push(connection);
  return undefined;
}
