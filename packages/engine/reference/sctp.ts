/**
 * SCTP states: nf_conntrack_sctp_packet (net/netfilter/nf_conntrack_proto_sctp.c), for associations all of whose packets have their
 * chunks. Others are tracked as datagrams are.
 */
import { CtDirection, type Packet, type SctpChunk, type SctpChunks } from '../src/index.ts';
import type { Connection, Host, SctpTrack } from './state.ts';
import { plainSeconds, refresh, sctpSeconds } from './timeouts.ts';

const STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
];

/** New state by chunk type and old state, as digits in the order of the states; `-` is invalid. Original direction, reply. */
const TRANSITIONS: Readonly<Record<string, readonly [string, string]>> = {
  INIT: ['112341172', '-1234567-'],
  INIT_ACK: ['112345671', '-2234567-'],
  ABORT: ['111111111', '-1111111-'],
  SHUTDOWN: ['112355671', '-1236567-'],
  SHUTDOWN_ACK: ['712347777', '-1234777-'],
  ERROR: ['112345671', '-1214567-'],
  COOKIE_ECHO: ['113345671', '-1334567-'],
  COOKIE_ACK: ['112445671', '-1244567-'],
  SHUTDOWN_COMPLETE: ['112345611', '-1234561-'],
  HEARTBEAT: ['812345678', '-12345678'],
  HEARTBEAT_ACK: ['112345678', '-12345674'],
};

/** Chunk types by number (RFC 9260 3.2). */
const TYPES = [
  'DATA',
  'INIT',
  'INIT_ACK',
  'SACK',
  'HEARTBEAT',
  'HEARTBEAT_ACK',
  'ABORT',
  'SHUTDOWN',
  'SHUTDOWN_ACK',
  'ERROR',
  'COOKIE_ECHO',
  'COOKIE_ACK',
  'ECNE',
  'CWR',
  'SHUTDOWN_COMPLETE',
];

const typeOf = ({ type }: SctpChunk): string => TYPES[type] ?? 'OTHER';

/** Undefined: invalid. Chunks that the table does not have change nothing. */
function nextState(state: string, type: string, direction: CtDirection): string | undefined {
  const row = TRANSITIONS[type]?.[direction];
  return row === undefined ? state : STATES[Number(row[STATES.indexOf(state)])];
}

export const sctpTrack = (state: string, followed: boolean): SctpTrack => ({
  state,
  followed,
  tags: [0, 0],
  inits: [false, false],
});

const ALONE = ['INIT', 'INIT_ACK', 'SHUTDOWN_COMPLETE'];
const FIRST = ['COOKIE_ACK', 'COOKIE_ECHO'];

/** Chunks that have to be alone, or first, are (do_basic_checks). */
const fitTogether = (types: readonly string[]): boolean =>
  types.length > 0 &&
  types.every((type, i) => i === 0 || (!FIRST.includes(type) && !types.slice(0, i + 1).some((t) => ALONE.includes(t))));

/** What a first packet says of tags; false: it opens nothing (sctp_new). */
function opens(track: SctpTrack, { tag, chunks }: SctpChunks): boolean {
  const types = chunks.map(typeOf);
  if (types.some((type) => ['ABORT', 'SHUTDOWN_COMPLETE', 'COOKIE_ACK'].includes(type))) return false;
  for (const chunk of chunks) {
    const type = typeOf(chunk);
    const next = nextState('NONE', type, CtDirection.ORIGINAL);
    if (next === undefined || next === 'NONE') return false;
    if (type === 'INIT') {
      if (tag !== 0) return false;
      track.tags[1] = chunk.initTag ?? 0;
    } else track.tags[type.startsWith('HEARTBEAT') ? 0 : 1] = tag;
  }
  return true;
}

const OWN_TAG = ['INIT', 'SHUTDOWN_COMPLETE', 'COOKIE_ECHO', 'ABORT', 'SHUTDOWN_ACK', 'HEARTBEAT', 'HEARTBEAT_ACK'];

type Step = 'invalid' | 'next' | 'leave';

/** Does the packet's tag suit this chunk? `leave`: the chunk changes nothing, and the packet prolongs nothing. */
function checkTag(
  track: SctpTrack,
  { tag, chunks }: SctpChunks,
  chunk: SctpChunk,
  direction: CtDirection,
  left: boolean,
): Step {
  const { tags } = track;
  const other = direction === CtDirection.ORIGINAL ? 1 : 0;
  const verdict = (holds: boolean): Step => (holds ? 'next' : 'invalid');
  const type = typeOf(chunk);
  switch (type) {
    case 'INIT':
      return verdict(tag === 0);
    case 'ABORT':
    case 'SHUTDOWN_COMPLETE':
      return verdict(tag === tags[chunk.reflected ? other : direction]);
    case 'COOKIE_ECHO':
      return verdict(tag === tags[direction]);
    case 'COOKIE_ACK':
      track.inits = [false, false];
      return 'next';
    case 'HEARTBEAT':
    case 'HEARTBEAT_ACK':
      break;
    default:
      return 'next';
  }
  if (tags[direction] === 0) {
    tags[direction] = tag;
    return 'next';
  }
  if (tags[direction] === tag) {
    delete track.failedHeartbeat;
    return 'next';
  }
  if (left || chunks.some((one) => typeOf(one) === 'DATA')) return 'invalid';
  if (type === 'HEARTBEAT') {
    track.failedHeartbeat = direction;
    return 'leave';
  }
  if (track.failedHeartbeat === undefined || track.failedHeartbeat === direction) return 'invalid';
  delete track.failedHeartbeat;
  tags[direction] = tag;
  tags[other] = 0;
  return 'next';
}

/** INIT ACK: the tag that the other side wants; false where it answers no INIT that was seen. */
function takeInitTag({ tags, inits }: SctpTrack, direction: CtDirection, tag: number): boolean {
  const other = direction === CtDirection.ORIGINAL ? 1 : 0;
  if (!inits[other] && tags[other] !== 0 && tags[other] !== tag) return false;
  if (inits[0] && inits[1] && tags[other] !== tag) return false;
  tags[other] = tag;
  return true;
}

/** False: invalid. What went before the chunk that is invalid stays. */
export function sctpPacket(
  host: Host,
  connection: Connection,
  packet: Packet,
  direction: CtDirection,
  clockMs: number,
): boolean {
  const { sctp } = packet;
  if (!connection.confirmed) connection.sctp = sctpTrack('NONE', sctp !== undefined);
  connection.sctp ??= sctpTrack('NONE', false);
  const track = connection.sctp;
  track.followed &&= sctp !== undefined;
  if (!track.followed || !sctp) {
    const seconds = track.state === 'NONE' ? plainSeconds(host, connection) : sctpSeconds(host, track.state);
    refresh(connection, clockMs, seconds);
    return true;
  }
  const types = sctp.chunks.map(typeOf);
  if (!fitTogether(types)) return false;
  if (!connection.confirmed && !opens(track, sctp)) return false;
  if (!types.some((type) => OWN_TAG.includes(type)) && sctp.tag !== track.tags[direction]) return false;
  let left = false;
  let next = 'NONE';
  for (const [i, chunk] of sctp.chunks.entries()) {
    const step = checkTag(track, sctp, chunk, direction, left);
    if (step === 'invalid') return false;
    if (step === 'leave') {
      left = true;
      continue;
    }
    const old = track.state;
    const state = nextState(old, types[i] as string, direction);
    if (state === undefined) return false;
    next = state;
    if (types[i] === 'INIT') {
      const both = track.inits[0] && track.inits[1];
      const other = direction === CtDirection.ORIGINAL ? 1 : 0;
      const wanted = chunk.initTag ?? 0;
      // A tag that is known already: old, or sent again. It begins nothing; kernels before 6.18.44 do not look.
      if (old === 'NONE' || track.tags[other] !== wanted) {
        if (both) track.inits[other] = false;
        track.inits[direction] = true;
      }
      track.tags[other] = wanted;
      // An INIT sent again does not prolong its stay.
      if (next === 'CLOSED' && old === 'CLOSED' && connection.confirmed) left = true;
    } else if (types[i] === 'INIT_ACK' && !takeInitTag(track, direction, chunk.initTag ?? 0)) return false;
    track.state = next;
    if (old !== next && next === 'ESTABLISHED') connection.assured = true;
  }
  if (!left) refresh(connection, clockMs, sctpSeconds(host, next));
  return true;
}
