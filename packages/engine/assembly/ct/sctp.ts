/** SCTP states (nf_conntrack_proto_sctp.c:nf_conntrack_sctp_packet()), for associations all of whose packets have their chunks. */
import { CtSetting, CtStatus, PacketL4, SctpState } from '../../src/ct-codes';
import { Flow } from '../layout/flow';
import { Packet } from '../layout/packet';
import { refresh, setting, usualTimeout } from './settings';
import { Side, sideOf } from './window';

const DATA: u32 = 0;
const INIT: u32 = 1;
const INIT_ACK: u32 = 2;
const HEARTBEAT: u32 = 4;
const HEARTBEAT_ACK: u32 = 5;
const ABORT: u32 = 6;
const SHUTDOWN_ACK: u32 = 8;
const COOKIE_ECHO: u32 = 10;
const COOKIE_ACK: u32 = 11;
const SHUTDOWN_COMPLETE: u32 = 14;

/** Chunks with a tag of their own kind, or whose tag is looked at chunk by chunk. */
const OWN_TAG: u32 =
  (1 << INIT) |
  (1 << SHUTDOWN_COMPLETE) |
  (1 << COOKIE_ECHO) |
  (1 << ABORT) |
  (1 << SHUTDOWN_ACK) |
  (1 << HEARTBEAT) |
  (1 << HEARTBEAT_ACK);
/** Chunks that open nothing (RFC 9260 8.4). */
const OUT_OF_THE_BLUE: u32 = (1 << ABORT) | (1 << SHUTDOWN_COMPLETE) | (1 << COOKIE_ACK);

const INVALID: u8 = 9;

/** Row of a chunk type among the transitions; 255: it changes no state. */
const ROWS: usize = memory.data<u8>([255, 0, 1, 255, 9, 10, 2, 3, 4, 5, 6, 7, 255, 255, 8]);
const ROW_COUNT: u32 = 15;

/** New state by direction, row and old state, in the order of `SctpState` (`sctp_conntracks`). */
const TRANSITIONS: usize = memory.data<u8>([
  // original: init, init ack, abort, shutdown, shutdown ack, error, cookie echo, cookie ack, shutdown complete, heartbeat (ack)
  1, 1, 2, 3, 4, 1, 1, 7, 2,
  1, 1, 2, 3, 4, 5, 6, 7, 1,
  1, 1, 1, 1, 1, 1, 1, 1, 1,
  1, 1, 2, 3, 5, 5, 6, 7, 1,
  7, 1, 2, 3, 4, 7, 7, 7, 7,
  1, 1, 2, 3, 4, 5, 6, 7, 1,
  1, 1, 3, 3, 4, 5, 6, 7, 1,
  1, 1, 2, 4, 4, 5, 6, 7, 1,
  1, 1, 2, 3, 4, 5, 6, 1, 1,
  8, 1, 2, 3, 4, 5, 6, 7, 8,
  1, 1, 2, 3, 4, 5, 6, 7, 8,
  // reply
  9, 1, 2, 3, 4, 5, 6, 7, 9,
  9, 2, 2, 3, 4, 5, 6, 7, 9,
  9, 1, 1, 1, 1, 1, 1, 1, 9,
  9, 1, 2, 3, 6, 5, 6, 7, 9,
  9, 1, 2, 3, 4, 7, 7, 7, 9,
  9, 1, 2, 1, 4, 5, 6, 7, 9,
  9, 1, 3, 3, 4, 5, 6, 7, 9,
  9, 1, 2, 4, 4, 5, 6, 7, 9,
  9, 1, 2, 3, 4, 5, 6, 1, 9,
  9, 1, 2, 3, 4, 5, 6, 7, 8,
  9, 1, 2, 3, 4, 5, 6, 7, 4,
]);

/** Bit of `Flow.lastFlags`: a heartbeat had another tag (`SCTP_FLAG_HEARTBEAT_VTAG_FAILED`); `tcpLastDirection` has its direction. */
const HEARTBEAT_FAILED: u8 = 1;

@inline
function typeAt(p: Packet, i: u32): u32 {
  return load<u8>(changetype<usize>(p) + (<usize>i << 1), offsetof<Packet>('chunks'));
}

@inline
function isReflected(p: Packet, i: u32): bool {
  return (load<u8>(changetype<usize>(p) + (<usize>i << 1), offsetof<Packet>('chunks') + 1) & 1) != 0;
}

/** Initiate tag of a chunk: it stands with one alone. */
@inline
function initTagAt(p: Packet, i: u32): u32 {
  return <u32>p.window == i + 1 ? p.ack : 0;
}

function newState(direction: u32, state: u32, type: u32): u32 {
  const row = type < ROW_COUNT ? load<u8>(ROWS + type) : 255;
  return row == 255 ? state : load<u8>(TRANSITIONS + ((direction * 11 + row) * 9 + state));
}

/** Types as bits; 0 where chunks stand together that must not (do_basic_checks()). */
function chunkTypes(p: Packet): u64 {
  let map: u64 = 0;
  let alone = false;
  for (let i: u32 = 0; i < p.header; i++) {
    const type = typeAt(p, i);
    if (type == INIT || type == INIT_ACK || type == SHUTDOWN_COMPLETE) alone = true;
    if (i != 0 && (alone || type == COOKIE_ACK || type == COOKIE_ECHO)) return 0;
    // Types beyond those that are known do not matter, but something is there.
    map |= type < 32 ? <u64>1 << type : <u64>1 << 32;
  }
  return map;
}

/** sctp_new() */
function start(flow: Flow, p: Packet): bool {
  memory.fill(changetype<usize>(flow) + offsetof<Flow>('oEnd'), 0, offsetof<Flow>('pad4') - offsetof<Flow>('oEnd'));
  flow.state = <u8>SctpState.NONE;
  flow.tcpLastDirection = 0;
  for (let i: u32 = 0; i < p.header; i++) {
    const type = typeAt(p, i);
    if (newState(0, SctpState.NONE, type) == SctpState.NONE) return false;
    if (type == INIT) {
      if (p.seq != 0) return false;
      sideOf(flow, 1).end = initTagAt(p, i);
    } else sideOf(flow, type == HEARTBEAT || type == HEARTBEAT_ACK ? 0 : 1).end = p.seq;
  }
  return true;
}

/** One heartbeat, or its answer, with a tag that is not the expected one. False: invalid. */
function failHeartbeat(flow: Flow, direction: u32, type: u32): bool {
  if (type == HEARTBEAT) {
    flow.lastFlags |= HEARTBEAT_FAILED;
    flow.tcpLastDirection = <u8>direction;
    return true;
  }
  return (flow.lastFlags & HEARTBEAT_FAILED) != 0 && <u32>flow.tcpLastDirection != direction;
}

/** The tag of INIT ACK's sender; false where it answers no INIT that was seen. */
function takeInitTag(own: Side, other: Side, tag: u32): bool {
  if (other.flags == 0 && other.end != 0 && other.end != tag) return false;
  if (own.flags != 0 && other.flags != 0 && other.end != tag) return false;
  other.end = tag;
  return true;
}

/** A packet of the association; false: invalid. A `Side` has its tag in `end`, and in `flags` whether it sent INIT. */
export function sctpPacket(flow: Flow, p: Packet, direction: u32): bool {
  const chunked = (p.l4 & PacketL4.SCTP) != 0;
  const confirmed = (flow.status & CtStatus.CONFIRMED) != 0;
  if (!confirmed) flow.followed = chunked;
  else if (!chunked) flow.followed = 0;
  if (!flow.followed) {
    refresh(flow, usualTimeout(flow));
    return true;
  }
  const map = chunkTypes(p);
  if (map == 0) return false;
  if (!confirmed && ((map & OUT_OF_THE_BLUE) != 0 || !start(flow, p))) return false;
  const own = sideOf(flow, direction);
  const other = sideOf(flow, 1 - direction);
  const tag = p.seq;
  if ((map & OWN_TAG) == 0 && tag != own.end) return false;
  let ignore = false;
  let next: u32 = SctpState.NONE;
  for (let i: u32 = 0; i < p.header; i++) {
    const type = typeAt(p, i);
    if (type == INIT) {
      if (tag != 0) return false;
    } else if (type == ABORT || type == SHUTDOWN_COMPLETE) {
      if (tag != (isReflected(p, i) ? other.end : own.end)) return false;
    } else if (type == COOKIE_ECHO) {
      if (tag != own.end) return false;
    } else if (type == COOKIE_ACK) {
      own.flags = 0;
      other.flags = 0;
    } else if (type == HEARTBEAT || type == HEARTBEAT_ACK) {
      if (own.end == 0) own.end = tag;
      else if (tag != own.end) {
        if ((map & (1 << DATA)) != 0 || ignore || !failHeartbeat(flow, direction, type)) return false;
        if (type == HEARTBEAT) {
          ignore = true;
          continue;
        }
        flow.lastFlags &= ~HEARTBEAT_FAILED;
        own.end = tag;
        other.end = 0;
      } else flow.lastFlags &= ~HEARTBEAT_FAILED;
    }
    const old = <u32>flow.state;
    next = newState(direction, old, type);
    if (next == INVALID) return false;
    if (type == INIT) {
      const wanted = initTagAt(p, i);
      // One with the tag that is known already is old, or sent again, and begins nothing (Linux 6.18.44 and later).
      if (old == SctpState.NONE || other.end != wanted) {
        if (own.flags != 0 && other.flags != 0) other.flags = 0;
        own.flags = 1;
      }
      other.end = wanted;
      // An INIT sent again does not prolong its stay.
      if (next == SctpState.CLOSED && old == SctpState.CLOSED && confirmed) ignore = true;
    } else if (type == INIT_ACK && !takeInitTag(own, other, initTagAt(p, i))) return false;
    flow.state = <u8>next;
    if (old != next && next == SctpState.ESTABLISHED) flow.status |= CtStatus.ASSURED;
  }
  if (!ignore) refresh(flow, setting(flow.netns, CtSetting.SCTP + next));
  return true;
}
