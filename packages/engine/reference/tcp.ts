/** TCP states without sequence numbers: nf_conntrack_tcp_packet (net/netfilter/nf_conntrack_proto_tcp.c). */
import { CtDirection, TcpFlag } from '../src/index.ts';
import type { Connection, TcpTrack } from './state.ts';

export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];

const SYN_SENT = 1;
const SYN_RECV = 2;
const ESTABLISHED = 3;
const FIN_WAIT = 4;
const TIME_WAIT = 7;
const CLOSE = 8;

/** The state of a connection that a reset ended. */
export const TCP_CLOSE = CLOSE;

const SYN = 0;
const SYNACK = 1;
const FIN = 2;
const ACK = 3;
const RST = 4;
const NONE = 5;

/**
 * New state by direction, kind of segment and old state. Letters as the states are ordered above (0 to 9); `i` is ignored, `-` is
 * invalid.
 */
const TRANSITIONS: readonly (readonly string[])[] = [
  [
    /* syn     */ '11iiiii119',
    /* syn/ack */ '--2------2',
    /* fin     */ '--4466678-',
    /* ack     */ '3-3355778-',
    /* rst     */ '-888888888',
    /* none    */ '----------',
  ],
  [
    /* syn     */ '-9-----1-9',
    /* syn/ack */ '-2iiiiiii2',
    /* fin     */ '--4466678-',
    /* ack     */ '-i2355778i',
    /* rst     */ '-888888888',
    /* none    */ '----------',
  ],
];

/** Flag combinations a real stack sends; PSH does not count. */
const VALID = new Set([
  TcpFlag.SYN,
  TcpFlag.SYN | TcpFlag.URG,
  TcpFlag.SYN | TcpFlag.ACK,
  TcpFlag.RST,
  TcpFlag.RST | TcpFlag.ACK,
  TcpFlag.FIN | TcpFlag.ACK,
  TcpFlag.FIN | TcpFlag.ACK | TcpFlag.URG,
  TcpFlag.ACK,
  TcpFlag.ACK | TcpFlag.URG,
]);

const kindOf = (flags: number): number => {
  if (flags & TcpFlag.RST) return RST;
  if (flags & TcpFlag.SYN) return flags & TcpFlag.ACK ? SYNACK : SYN;
  if (flags & TcpFlag.FIN) return FIN;
  return flags & TcpFlag.ACK ? ACK : NONE;
};

export function tcpTrack(state: number): TcpTrack {
  return {
    state,
    closeInit: [false, false],
    lastDirection: CtDirection.ORIGINAL,
    lastIndex: NONE,
    challengeExpected: false,
    simultaneous: false,
  };
}

export type TcpJudgement = 'valid' | 'invalid' | 'reopen' | 'kill';

/**
 * Follows one segment. `reopen`: a SYN for a closed connection, which is to be forgotten and looked up again. `kill`: a reset was the
 * only answer, the entry goes, the segment passes.
 */
export function tcpPacket(connection: Connection, flags: number, direction: CtDirection, loose: boolean): TcpJudgement {
  if (!VALID.has(flags & ~TcpFlag.PSH & 0x3f)) return 'invalid';
  const kind = kindOf(flags);
  if (!connection.confirmed) {
    const first = TRANSITIONS[0]?.[kind]?.[0];
    if (first === '-' || (first !== '1' && !loose)) return 'invalid';
    connection.tcp = tcpTrack(0);
  }
  connection.tcp ??= tcpTrack(0);
  const tcp = connection.tcp;
  const old = tcp.state;
  const letter = TRANSITIONS[direction]?.[kind]?.[old] ?? '-';
  if (letter === '-') return 'invalid';
  let next = letter === 'i' ? -1 : Number(letter);
  if (next === SYN_SENT && old >= TIME_WAIT) {
    const closed = tcp.closeInit[0] || tcp.closeInit[1] || (tcp.lastDirection === direction && tcp.lastIndex === RST);
    if (closed) return 'reopen';
    next = -1;
  }
  if (next === -1) {
    // The SYN/ACK to a SYN that was let through: both ends are in step again.
    if (kind === SYNACK && tcp.lastIndex === SYN && tcp.lastDirection !== direction) {
      tcp.challengeExpected = false;
      return advance(connection, tcp, SYN_SENT, SYN_RECV, kind, direction, flags);
    }
    tcp.lastIndex = kind;
    tcp.lastDirection = direction;
    if (kind === SYN && direction === CtDirection.ORIGINAL) tcp.challengeExpected = old === 6;
    return 'valid';
  }
  if (next === TIME_WAIT && old === 6 && kind === ACK && tcp.lastDirection !== direction && tcp.lastIndex === SYN) {
    if (tcp.challengeExpected) {
      tcp.challengeExpected = false;
      return 'valid';
    }
  }
  if (next === 9) tcp.simultaneous = true;
  if (next === SYN_RECV && direction === CtDirection.REPLY && kind === ACK && tcp.simultaneous) next = ESTABLISHED;
  return advance(connection, tcp, old, next, kind, direction, flags);
}

function advance(
  connection: Connection,
  tcp: TcpTrack,
  old: number,
  next: number,
  kind: number,
  direction: CtDirection,
  flags: number,
): TcpJudgement {
  tcp.lastIndex = kind;
  tcp.lastDirection = direction;
  tcp.state = next;
  if (old !== next && next === FIN_WAIT) tcp.closeInit[direction] = true;
  if (!connection.seenReply) return flags & TcpFlag.RST && next === CLOSE ? 'kill' : 'valid';
  if (!connection.assured && (old === SYN_RECV || old === ESTABLISHED) && next === ESTABLISHED)
    connection.assured = true;
  return 'valid';
}
