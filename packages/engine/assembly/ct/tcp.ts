/**
 * TCP states (nf_conntrack_proto_tcp.c:nf_conntrack_tcp_packet()). A connection all of whose segments have their numbers is followed by
 * its windows; of any other every segment counts as in its window.
 */
import { NetnsFlag } from '../../src/codes';
import { CtSetting, CtStatus, PacketL4, TcpState } from '../../src/ct-codes';
import { TcpFlag, Protocol } from '../../src/terms';
import { now } from '../core/clock';
import { Flow } from '../layout/flow';
import { Packet } from '../layout/packet';
import { refresh, setting } from './settings';
import {
  before,
  inWindow,
  isTruncated,
  isUnacknowledged,
  readOptions,
  segmentEnd,
  Side,
  SideFlag,
  sideOf,
  WindowJudgement,
  windowsStart,
} from './window';

/** What a segment is (`enum tcp_bit_set`). */
const SYN: u32 = 0;
const SYNACK: u32 = 1;
const FIN: u32 = 2;
const ACK: u32 = 3;
const RST: u32 = 4;
const NONE: u32 = 5;

/** Options of a segment that is let through. */
const OPTIONS = changetype<Side>(memory.data(offsetof<Side>(), 4));

const IGNORE: u8 = 10;
const INVALID: u8 = 11;

/**
 * New state by direction, kind of segment and old state; the states in the order of `TcpState`. 10 ignore, 11 invalid
 * (`tcp_conntracks`).
 */
const TRANSITIONS: usize = memory.data<u8>([
  // original: syn, syn/ack, fin, ack, rst, none
  1, 1, 10, 10, 10, 10, 10, 1, 1, 9,
  11, 11, 2, 11, 11, 11, 11, 11, 11, 2,
  11, 11, 4, 4, 6, 6, 6, 7, 8, 11,
  3, 11, 3, 3, 5, 5, 7, 7, 8, 11,
  11, 8, 8, 8, 8, 8, 8, 8, 8, 8,
  11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
  // reply
  11, 9, 11, 11, 11, 11, 11, 1, 11, 9,
  11, 2, 10, 10, 10, 10, 10, 10, 10, 2,
  11, 11, 4, 4, 6, 6, 6, 7, 8, 11,
  11, 10, 2, 3, 5, 5, 7, 7, 8, 10,
  11, 8, 8, 8, 8, 8, 8, 8, 8, 8,
  11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
]);

/** Bits of `Flow.tcpFlags`. */
enum TcpMemory {
  CLOSE_INIT = 1,
  SIMULTANEOUS_OPEN = 2,
  CHALLENGE_ACK = 4,
}

/** What a segment means for its connection. */
export enum TcpJudgement {
  VALID = 0,
  INVALID = 1,
  /** A SYN for a closed connection: forget it, and look again. */
  REOPEN = 2,
  /** A reset was the only answer: the connection goes, the segment passes. */
  KILL = 3,
}

@inline
function transition(direction: u32, kind: u32, state: u32): u8 {
  return load<u8>(TRANSITIONS + ((direction * 6 + kind) * 10 + state));
}

function kindOf(flags: u32): u32 {
  if ((flags & TcpFlag.RST) != 0) return RST;
  if ((flags & TcpFlag.SYN) != 0) return (flags & TcpFlag.ACK) != 0 ? SYNACK : SYN;
  if ((flags & TcpFlag.FIN) != 0) return FIN;
  return (flags & TcpFlag.ACK) != 0 ? ACK : NONE;
}

/** Combinations of flags that real stacks send (`tcp_valid_flags`); PSH does not count. */
function isValid(flags: u32): bool {
  const kind = flags & 0x37;
  return (
    kind == TcpFlag.SYN ||
    kind == (TcpFlag.SYN | TcpFlag.URG) ||
    kind == (TcpFlag.SYN | TcpFlag.ACK) ||
    kind == TcpFlag.RST ||
    kind == (TcpFlag.RST | TcpFlag.ACK) ||
    kind == (TcpFlag.FIN | TcpFlag.ACK) ||
    kind == (TcpFlag.FIN | TcpFlag.ACK | TcpFlag.URG) ||
    kind == TcpFlag.ACK ||
    kind == (TcpFlag.ACK | TcpFlag.URG)
  );
}

/** How long it stays after the segment. */
function timeoutOf(flow: Flow, kind: u32, next: u32): u32 {
  const netns = flow.netns;
  const usual = setting(netns, next);
  const repeated = setting(netns, CtSetting.MAX_RETRANS_TIMEOUT);
  const unacknowledged = setting(netns, CtSetting.UNACKNOWLEDGED_TIMEOUT);
  if (flow.followed && <u32>flow.retrans >= setting(netns, CtSetting.MAX_RETRANS) && usual > repeated) return repeated;
  if (kind == RST) return setting(netns, TcpState.CLOSE);
  if (!flow.followed) return usual;
  if (isUnacknowledged(flow) && usual > unacknowledged) return unacknowledged;
  return flow.lastWin == 0 && usual > repeated ? repeated : usual;
}

function enter(flow: Flow, old: u32, next: u32, kind: u32, direction: u32): TcpJudgement {
  flow.tcpLastIndex = <u8>kind;
  flow.tcpLastDirection = <u8>direction;
  flow.state = <u8>next;
  if (old != next && next == TcpState.FIN_WAIT) flow.tcpFlags |= <u8>TcpMemory.CLOSE_INIT;
  const timeout = timeoutOf(flow, kind, next);
  if ((flow.status & CtStatus.SEEN_REPLY) == 0) {
    if (kind == RST) return TcpJudgement.KILL;
    // A SYN sent again does not prolong its stay.
    if (kind == SYN && old == TcpState.SYN_SENT) return TcpJudgement.VALID;
    const most = setting(flow.netns, CtSetting.UNACKNOWLEDGED_TIMEOUT);
    refresh(flow, next == TcpState.ESTABLISHED ? min(timeout, most) : timeout);
    return TcpJudgement.VALID;
  }
  if ((old == TcpState.SYN_RECV || old == TcpState.ESTABLISHED) && next == TcpState.ESTABLISHED) {
    flow.status |= CtStatus.ASSURED;
  }
  refresh(flow, timeout);
  return TcpJudgement.VALID;
}

/** A segment that says nothing certain of the connection is let through, and remembered: the answer to it tells. */
function ignore(flow: Flow, p: Packet, old: u32, kind: u32, direction: u32): TcpJudgement {
  flow.tcpLastIndex = <u8>kind;
  flow.tcpLastDirection = <u8>direction;
  if (flow.followed) {
    flow.lastSeq = p.seq;
    flow.lastEnd = segmentEnd(p);
    flow.lastWin = p.window;
  }
  if (kind == SYN && direction == 0) {
    flow.tcpFlags &= ~(<u8>(TcpMemory.CHALLENGE_ACK | TcpMemory.SIMULTANEOUS_OPEN));
    if (old == TcpState.LAST_ACK) flow.tcpFlags |= <u8>TcpMemory.CHALLENGE_ACK;
    OPTIONS.flags = 0;
    OPTIONS.scale = 0;
    if (flow.followed) readOptions(p, OPTIONS);
    flow.lastFlags = OPTIONS.flags;
    flow.lastScale = OPTIONS.scale;
  }
  if (flow.followed && old == TcpState.SYN_SENT && kind == ACK && direction == 1) flow.lastAck = p.ack;
  return TcpJudgement.VALID;
}

/** The SYN/ACK to a SYN that was let through: both ends are in step again, by what was remembered. */
function resynchronize(flow: Flow, direction: u32): void {
  flow.tcpFlags &= ~(<u8>(TcpMemory.CHALLENGE_ACK | TcpMemory.CLOSE_INIT));
  if (!flow.followed) return;
  const other = sideOf(flow, 1 - direction);
  other.end = flow.lastEnd;
  other.maxEnd = flow.lastEnd;
  other.maxWin = max<u32>(flow.lastWin, 1);
  other.scale = flow.lastScale;
  other.flags = flow.lastFlags;
  const own = sideOf(flow, direction);
  const flags = own.flags & <u8>SideFlag.LIBERAL;
  memory.fill(changetype<usize>(own), 0, offsetof<Side>());
  own.flags = flags;
}

/** What a reset means whose sequence number is known. */
enum ResetJudgement {
  /** It ends the connection, if it is in its window. */
  CHECK = 0,
  /** It does, whatever the window. */
  PASS = 1,
  INVALID = 2,
  /** It is not the expected one: the other end may ask back, and the connection stays as it is. */
  DOUBT = 3,
}

function judgeReset(flow: Flow, p: Packet, direction: u32): ResetJudgement {
  const old = <u32>flow.state;
  const last = <u32>flow.tcpLastIndex;
  const lastDirection = <u32>flow.tcpLastDirection;
  const assured = (flow.status & CtStatus.ASSURED) != 0;
  const established = old == TcpState.ESTABLISHED && assured;
  // tcp_can_early_drop(): closing anyway.
  if (old >= <u32>TcpState.FIN_WAIT && old <= <u32>TcpState.CLOSE) return ResetJudgement.PASS;
  const other = sideOf(flow, 1 - direction);
  if ((other.flags & <u8>SideFlag.MAXACK_SET) != 0 && last != SYN) {
    if (p.seq == 0 && !established) return ResetJudgement.CHECK;
    if (before(p.seq, other.maxAck) && setting(flow.netns, CtSetting.IGNORE_INVALID_RST) == 0) {
      return ResetJudgement.INVALID;
    }
    if (!established || p.seq == other.maxAck) return ResetJudgement.CHECK;
    if (last == ACK && lastDirection == direction && p.seq == flow.lastEnd) return ResetJudgement.CHECK;
    return ResetJudgement.DOUBT;
  }
  const stray = ((flow.status & CtStatus.SEEN_REPLY) != 0 && last == SYN) || (!assured && last == ACK);
  const answersStray = stray && lastDirection != direction && p.ack == flow.lastEnd;
  const answersChallenge = old == TcpState.SYN_SENT && last == ACK && lastDirection == 1 && p.seq == flow.lastAck;
  return answersStray || answersChallenge ? ResetJudgement.PASS : ResetJudgement.CHECK;
}

/** A FIN or reset out of window in both directions: an assured connection need not linger for days (nf_tcp_handle_invalid()). */
function handleInvalid(flow: Flow, kind: u32, direction: u32): void {
  if ((flow.status & CtStatus.ASSURED) == 0 || (kind != RST && kind != FIN)) return;
  const last = <u32>flow.tcpLastIndex;
  if (<u32>flow.tcpLastDirection != direction && (last == FIN || last == RST)) {
    const left = flow.expires - now();
    const timeout = setting(flow.netns, CtSetting.UNACKNOWLEDGED_TIMEOUT);
    if (left >= 120000 && left > <u64>timeout * 1000) refresh(flow, timeout);
    return;
  }
  flow.tcpLastIndex = <u8>kind;
  flow.tcpLastDirection = <u8>direction;
}

/** A listed connection that is over was closed by somebody, so that a SYN opens it anew. */
export function startTcp(flow: Flow): void {
  const isOver = flow.state == <u8>TcpState.TIME_WAIT || flow.state == <u8>TcpState.CLOSE;
  if (flow.oProtocol == <u8>Protocol.TCP && isOver) flow.tcpFlags |= <u8>TcpMemory.CLOSE_INIT;
}

/** A segment of the connection. A new one is followed by its windows if the segment has its numbers, until one has not. */
export function tcpPacket(flow: Flow, p: Packet, direction: u32): TcpJudgement {
  const flags = <u32>p.tcpFlags;
  const numbered = (p.l4 & PacketL4.TCP) != 0;
  if (!isValid(flags) || (numbered && isTruncated(p))) return TcpJudgement.INVALID;
  const kind = kindOf(flags);
  if ((flow.status & CtStatus.CONFIRMED) == 0) {
    const start = transition(0, kind, TcpState.NONE);
    const loose = (flow.netns.flags & NetnsFlag.TCP_LOOSE) != 0;
    if (start == INVALID || (start != <u8>TcpState.SYN_SENT && !loose)) return TcpJudgement.INVALID;
    flow.state = 0;
    flow.tcpFlags = 0;
    flow.tcpLastDirection = 0;
    flow.tcpLastIndex = <u8>NONE;
    flow.followed = numbered;
    if (numbered) windowsStart(flow, p, start == <u8>TcpState.SYN_SENT);
  } else if (!numbered) flow.followed = 0;
  let old = <u32>flow.state;
  let next = transition(direction, kind, old);
  if (next == INVALID) return TcpJudgement.INVALID;
  if (next == <u8>TcpState.SYN_SENT && old >= <u32>TcpState.TIME_WAIT) {
    const reset = flow.tcpLastDirection == direction && flow.tcpLastIndex == RST;
    if ((flow.tcpFlags & <u8>TcpMemory.CLOSE_INIT) != 0 || reset) return TcpJudgement.REOPEN;
    next = IGNORE;
  }
  let check = flow.followed != 0;
  if (next == IGNORE) {
    const answersStray = kind == SYNACK && flow.tcpLastIndex == SYN && flow.tcpLastDirection != direction;
    if (!answersStray || (check && p.ack != flow.lastEnd)) return ignore(flow, p, old, kind, direction);
    resynchronize(flow, direction);
    old = TcpState.SYN_SENT;
    next = <u8>TcpState.SYN_RECV;
  } else if (next == <u8>TcpState.TIME_WAIT && old == TcpState.LAST_ACK && kind == ACK) {
    // An ACK that answers a stray SYN is no answer to the FIN (RFC 5961).
    const challenge = (flow.tcpFlags & <u8>TcpMemory.CHALLENGE_ACK) != 0;
    if (challenge && flow.tcpLastDirection != direction && flow.tcpLastIndex == SYN) {
      flow.tcpFlags &= ~(<u8>TcpMemory.CHALLENGE_ACK);
      return TcpJudgement.VALID;
    }
  } else if (next == <u8>TcpState.SYN_SENT2) {
    flow.tcpFlags |= <u8>TcpMemory.SIMULTANEOUS_OPEN;
  } else if (next == <u8>TcpState.SYN_RECV && direction == 1 && kind == ACK) {
    if ((flow.tcpFlags & <u8>TcpMemory.SIMULTANEOUS_OPEN) != 0) next = <u8>TcpState.ESTABLISHED;
  } else if (check && kind == RST) {
    const judgement = judgeReset(flow, p, direction);
    if (judgement == ResetJudgement.INVALID) return TcpJudgement.INVALID;
    if (judgement == ResetJudgement.DOUBT) next = <u8>old;
    check = judgement != ResetJudgement.PASS;
  }
  if (check) {
    const judgement = inWindow(flow, p, direction, kind == ACK);
    if (judgement == WindowJudgement.IGNORE) return TcpJudgement.VALID;
    if (judgement == WindowJudgement.INVALID) {
      handleInvalid(flow, kind, direction);
      return TcpJudgement.INVALID;
    }
  }
  return enter(flow, old, next, kind, direction);
}

/** A rule answered the packet with a reset: its connection is over (nf_conntrack_tcp_set_closing()). */
export function tcpClose(flow: Flow): void {
  if (flow.state != TcpState.CLOSE) refresh(flow, setting(flow.netns, TcpState.CLOSE));
  flow.state = <u8>TcpState.CLOSE;
}
