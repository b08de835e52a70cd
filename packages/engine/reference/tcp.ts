/**
 * TCP states: nf_conntrack_tcp_packet (net/netfilter/nf_conntrack_proto_tcp.c). A connection all of whose segments have their numbers is
 * followed by its windows; of any other every segment counts as in its window.
 */
import { CtDirection, type Packet, TcpFlag, type TcpNumbers } from '../src/index.ts';
import type { Connection, Host, TcpTrack } from './state.ts';
import { before, emptySide, inWindow, isTruncated, readOptions, segmentEnd, startWindows } from './tcp-window.ts';
import { ctSetting, refresh, tcpSeconds } from './timeouts.ts';

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
const LAST_ACK = 6;
const TIME_WAIT = 7;
const CLOSE = 8;
const SYN_SENT2 = 9;

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

function tcpTrack(state: number): TcpTrack {
  return {
    state,
    closeInit: false,
    lastDirection: CtDirection.ORIGINAL,
    lastIndex: NONE,
    challengeExpected: false,
    simultaneous: false,
    followed: false,
    sides: [emptySide(), emptySide()],
    last: { seq: 0, ack: 0, end: 0, window: 0 },
    offered: emptySide(),
    retransmissions: 0,
  };
}

/** Of a listed connection: one that is over was closed by somebody, so that a SYN opens it anew. */
export const closedTrack = (state: number): TcpTrack => ({
  ...tcpTrack(state),
  closeInit: state === TIME_WAIT || state === CLOSE,
});

const nameOf = (state: number): string => TCP_STATES[state] as string;

export type TcpJudgement = 'valid' | 'invalid' | 'reopen' | 'kill';

/** One segment and what it is judged by. */
interface Segment {
  host: Host;
  connection: Connection;
  tcp: TcpTrack;
  packet: Packet;
  /** Present where the connection is followed by its windows. */
  numbers: TcpNumbers | undefined;
  direction: CtDirection;
  kind: number;
  clockMs: number;
}

/** A first segment opens a connection, or takes one up in the middle where the namespace is loose (tcp_new). */
function opens(host: Host, connection: Connection, packet: Packet, kind: number): boolean {
  const first = TRANSITIONS[0]?.[kind]?.[0];
  const loose = ctSetting(host, 'tcp_loose') !== 0;
  if (first === '-' || (first !== '1' && !loose)) return false;
  const tcp = tcpTrack(0);
  connection.tcp = tcp;
  tcp.followed = packet.tcp !== undefined;
  if (packet.tcp) startWindows(tcp, packet, packet.tcp, first === '1');
  return true;
}

/**
 * Follows one segment. `reopen`: a SYN for a closed connection, which is to be forgotten and looked up again. `kill`: a reset was the
 * only answer, the entry goes, the segment passes.
 */
export function tcpPacket(
  host: Host,
  connection: Connection,
  packet: Packet,
  direction: CtDirection,
  clockMs: number,
): TcpJudgement {
  if (!VALID.has(packet.tcpFlags & ~TcpFlag.PSH & 0x3f)) return 'invalid';
  if (packet.tcp && isTruncated(packet, packet.tcp)) return 'invalid';
  const kind = kindOf(packet.tcpFlags);
  if (!connection.confirmed && !opens(host, connection, packet, kind)) return 'invalid';
  connection.tcp ??= tcpTrack(0);
  const { tcp } = connection;
  tcp.followed &&= packet.tcp !== undefined;
  const numbers = tcp.followed ? packet.tcp : undefined;
  return judge({ host, connection, tcp, packet, numbers, direction, kind, clockMs });
}

function judge(segment: Segment): TcpJudgement {
  const { tcp, direction, kind, numbers } = segment;
  const old = tcp.state;
  const letter = TRANSITIONS[direction]?.[kind]?.[old] ?? '-';
  if (letter === '-') return 'invalid';
  const next = letter === 'i' ? -1 : Number(letter);
  const reopens = next === SYN_SENT && old >= TIME_WAIT;
  if (reopens && (tcp.closeInit || (tcp.lastDirection === direction && tcp.lastIndex === RST))) return 'reopen';
  if (next === -1 || reopens) {
    // The SYN/ACK to a SYN that was let through: both ends are in step again.
    const answers = kind === SYNACK && tcp.lastIndex === SYN && tcp.lastDirection !== direction;
    if (!answers || (numbers && numbers.ack !== tcp.last.end)) return ignore(segment);
    resynchronize(segment);
    return checkWindow(segment, SYN_SENT, SYN_RECV);
  }
  if (next === TIME_WAIT && old === LAST_ACK && kind === ACK && tcp.challengeExpected) {
    // An ACK that answers a stray SYN is no answer to the FIN (RFC 5961).
    if (tcp.lastDirection !== direction && tcp.lastIndex === SYN) {
      tcp.challengeExpected = false;
      return 'valid';
    }
  }
  if (next === SYN_SENT2) tcp.simultaneous = true;
  if (next === SYN_RECV && direction === CtDirection.REPLY && kind === ACK && tcp.simultaneous)
    return checkWindow(segment, old, ESTABLISHED);
  if (next === CLOSE && kind === RST && numbers) return judgeReset(segment, numbers, old);
  return checkWindow(segment, old, next);
}

/** Lets a segment through that says nothing certain of the connection, and remembers it: the answer to it tells. */
function ignore({ tcp, packet, numbers, direction, kind }: Segment): TcpJudgement {
  tcp.lastIndex = kind;
  tcp.lastDirection = direction;
  if (numbers)
    tcp.last = { seq: numbers.seq, ack: tcp.last.ack, end: segmentEnd(packet, numbers), window: numbers.window };
  if (kind === SYN && direction === CtDirection.ORIGINAL) {
    tcp.challengeExpected = tcp.state === LAST_ACK;
    tcp.simultaneous = false;
    tcp.offered = emptySide();
    if (numbers) readOptions(tcp.offered, numbers);
  }
  if (numbers && tcp.state === SYN_SENT && kind === ACK && direction === CtDirection.REPLY) tcp.last.ack = numbers.ack;
  return 'valid';
}

function resynchronize({ tcp, direction, numbers }: Segment): void {
  tcp.challengeExpected = false;
  tcp.closeInit = false;
  if (!numbers) return;
  const { end, window } = tcp.last;
  const { scale, scaled } = tcp.offered;
  const other = { ...emptySide(), end, maxEnd: end, maxWindow: Math.max(1, window), scale, scaled };
  const own = emptySide(tcp.sides[direction].liberal);
  tcp.sides = direction === CtDirection.ORIGINAL ? [own, other] : [other, own];
}

/** A reset has to be the one that is expected: others end nothing, or are invalid. */
function judgeReset(segment: Segment, { seq, ack }: TcpNumbers, old: number): TcpJudgement {
  const { host, connection, tcp, direction } = segment;
  // Closing anyway (tcp_can_early_drop).
  if (old >= FIN_WAIT && old <= CLOSE) return enter(segment, old, CLOSE);
  const { maxAck } = tcp.sides[direction === CtDirection.ORIGINAL ? 1 : 0];
  const established = old === ESTABLISHED && connection.assured;
  if (maxAck !== undefined && tcp.lastIndex !== SYN) {
    if (seq === 0 && !established) return checkWindow(segment, old, CLOSE);
    if (before(seq, maxAck) && ctSetting(host, 'tcp_ignore_invalid_rst') === 0) return 'invalid';
    const behindLast = tcp.lastIndex === ACK && tcp.lastDirection === direction && seq === tcp.last.end;
    // In doubt the connection stays: the other end may ask back (RFC 5961).
    return checkWindow(segment, old, !established || seq === maxAck || behindLast ? CLOSE : old);
  }
  const stray = (connection.seenReply && tcp.lastIndex === SYN) || (!connection.assured && tcp.lastIndex === ACK);
  // Tried: the segment that was let through has to be the other end's.
  if (stray && tcp.lastDirection !== direction && ack === tcp.last.end) return enter(segment, old, CLOSE);
  const challenged = tcp.lastIndex === ACK && tcp.lastDirection === CtDirection.REPLY && seq === tcp.last.ack;
  if (old === SYN_SENT && challenged) return enter(segment, old, CLOSE);
  return checkWindow(segment, old, CLOSE);
}

function checkWindow(segment: Segment, old: number, next: number): TcpJudgement {
  const { host, tcp, packet, numbers, direction, kind } = segment;
  if (!numbers) return enter(segment, old, next);
  const liberal = ctSetting(host, 'tcp_be_liberal') !== 0;
  switch (inWindow(tcp, packet, numbers, direction, kind === ACK, liberal)) {
    case 'accept':
      return enter(segment, old, next);
    case 'ignore':
      return 'valid';
    case 'invalid':
      handleInvalid(segment);
      return 'invalid';
  }
}

/** A FIN or reset out of window in both directions: an assured connection need not linger for days (nf_tcp_handle_invalid). */
function handleInvalid({ host, connection, tcp, direction, kind, clockMs }: Segment): void {
  if (!connection.assured || (kind !== RST && kind !== FIN)) return;
  if (tcp.lastDirection !== direction && (tcp.lastIndex === FIN || tcp.lastIndex === RST)) {
    const seconds = ctSetting(host, 'tcp_timeout_unacknowledged');
    const left = connection.expires - clockMs;
    if (left >= 120_000 && left > seconds * 1000) refresh(connection, clockMs, seconds);
    return;
  }
  tcp.lastIndex = kind;
  tcp.lastDirection = direction;
}

/** How long the connection stays after a segment that led to state `next`. */
function secondsAfter({ host, tcp, numbers, kind }: Segment, next: number): number {
  const usual = tcpSeconds(host, nameOf(next));
  const unacknowledged = ctSetting(host, 'tcp_timeout_unacknowledged');
  const repeated = Math.min(usual, ctSetting(host, 'tcp_timeout_max_retrans'));
  if (numbers && tcp.retransmissions >= ctSetting(host, 'tcp_max_retrans') && usual > repeated) return repeated;
  if (kind === RST) return tcpSeconds(host, 'CLOSE');
  if (!numbers) return usual;
  if (tcp.sides.some((side) => side.unacknowledged) && usual > unacknowledged) return unacknowledged;
  return tcp.last.window === 0 ? repeated : usual;
}

function enter(segment: Segment, old: number, next: number): TcpJudgement {
  const { host, connection, tcp, direction, kind, clockMs } = segment;
  tcp.lastIndex = kind;
  tcp.lastDirection = direction;
  tcp.state = next;
  if (old !== next && next === FIN_WAIT) tcp.closeInit = true;
  const seconds = secondsAfter(segment, next);
  if (!connection.seenReply) {
    if (kind === RST) return 'kill';
    // A SYN sent again does not prolong its stay.
    if (kind === SYN && old === SYN_SENT) return 'valid';
    const most = next === ESTABLISHED ? ctSetting(host, 'tcp_timeout_unacknowledged') : seconds;
    refresh(connection, clockMs, Math.min(seconds, most));
    return 'valid';
  }
  if ((old === SYN_RECV || old === ESTABLISHED) && next === ESTABLISHED) connection.assured = true;
  refresh(connection, clockMs, seconds);
  return 'valid';
}

/** A rule answered with a reset: the connection is over (nf_conntrack_tcp_set_closing). */
export function tcpClose(host: Host, connection: Connection, clockMs: number): void {
  const { tcp } = connection;
  if (!tcp) return;
  if (tcp.state !== CLOSE) refresh(connection, clockMs, tcpSeconds(host, 'CLOSE'));
  tcp.state = CLOSE;
}
