/** TCP states (nf_conntrack_proto_tcp.c:nf_conntrack_tcp_packet()), without sequence numbers: every segment is in its window. */
import { CtStatus, TcpState } from '../../src/codes';
import { TcpFlag } from '../../src/terms';
import { Flow } from '../layout/flow';

/** What a segment is (`enum tcp_bit_set`). */
const SYN: u32 = 0;
const SYNACK: u32 = 1;
const FIN: u32 = 2;
const ACK: u32 = 3;
const RST: u32 = 4;
const NONE: u32 = 5;

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

function enter(flow: Flow, old: u32, next: u32, kind: u32, direction: u32): TcpJudgement {
  flow.tcpLastIndex = <u8>kind;
  flow.tcpLastDirection = <u8>direction;
  flow.tcpState = <u8>next;
  if (old != next && next == TcpState.FIN_WAIT) flow.tcpFlags |= <u8>TcpMemory.CLOSE_INIT;
  if ((flow.status & CtStatus.SEEN_REPLY) == 0) {
    return kind == RST && next == TcpState.CLOSE ? TcpJudgement.KILL : TcpJudgement.VALID;
  }
  if ((old == TcpState.SYN_RECV || old == TcpState.ESTABLISHED) && next == TcpState.ESTABLISHED) {
    flow.status |= CtStatus.ASSURED;
  }
  return TcpJudgement.VALID;
}

/** `loose`: connections may be picked up in the middle (`nf_conntrack_tcp_loose`). */
export function tcpPacket(flow: Flow, flags: u32, direction: u32, loose: bool): TcpJudgement {
  if (!isValid(flags)) return TcpJudgement.INVALID;
  const kind = kindOf(flags);
  if ((flow.status & CtStatus.CONFIRMED) == 0) {
    const start = transition(0, kind, TcpState.NONE);
    if (start == INVALID || (start != <u8>TcpState.SYN_SENT && !loose)) return TcpJudgement.INVALID;
    flow.tcpState = 0;
    flow.tcpFlags = 0;
    flow.tcpLastDirection = 0;
    flow.tcpLastIndex = <u8>NONE;
  }
  const old = <u32>flow.tcpState;
  let next = transition(direction, kind, old);
  if (next == INVALID) return TcpJudgement.INVALID;
  if (next == <u8>TcpState.SYN_SENT && old >= <u32>TcpState.TIME_WAIT) {
    const reset = flow.tcpLastDirection == direction && flow.tcpLastIndex == RST;
    if ((flow.tcpFlags & <u8>TcpMemory.CLOSE_INIT) != 0 || reset) return TcpJudgement.REOPEN;
    next = IGNORE;
  }
  if (next == IGNORE) {
    // The SYN/ACK to a SYN that was let through: both ends are in step again.
    if (kind == SYNACK && flow.tcpLastIndex == SYN && flow.tcpLastDirection != direction) {
      flow.tcpFlags &= ~(<u8>TcpMemory.CHALLENGE_ACK);
      return enter(flow, TcpState.SYN_SENT, TcpState.SYN_RECV, kind, direction);
    }
    flow.tcpLastIndex = <u8>kind;
    flow.tcpLastDirection = <u8>direction;
    if (kind == SYN && direction == 0) {
      if (old == TcpState.LAST_ACK) flow.tcpFlags |= <u8>TcpMemory.CHALLENGE_ACK;
      else flow.tcpFlags &= ~(<u8>TcpMemory.CHALLENGE_ACK);
    }
    return TcpJudgement.VALID;
  }
  if (next == <u8>TcpState.TIME_WAIT && old == TcpState.LAST_ACK && kind == ACK) {
    // An ACK that answers a stray SYN is no answer to the FIN (RFC 5961).
    const challenge = (flow.tcpFlags & <u8>TcpMemory.CHALLENGE_ACK) != 0;
    if (challenge && flow.tcpLastDirection != direction && flow.tcpLastIndex == SYN) {
      flow.tcpFlags &= ~(<u8>TcpMemory.CHALLENGE_ACK);
      return TcpJudgement.VALID;
    }
  }
  if (next == <u8>TcpState.SYN_SENT2) flow.tcpFlags |= <u8>TcpMemory.SIMULTANEOUS_OPEN;
  if (next == <u8>TcpState.SYN_RECV && direction == 1 && kind == ACK) {
    if ((flow.tcpFlags & <u8>TcpMemory.SIMULTANEOUS_OPEN) != 0) next = <u8>TcpState.ESTABLISHED;
  }
  return enter(flow, old, next, kind, direction);
}

/** A rule answered the packet with a reset: its connection is over (nf_conntrack_core.c:nf_ct_set_closing()). */
export function tcpClose(flow: Flow): void {
  flow.tcpState = <u8>TcpState.CLOSE;
}
