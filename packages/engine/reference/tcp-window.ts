/** TCP windows: tcp_in_window, tcp_init_sender, tcp_options, tcp_new (net/netfilter/nf_conntrack_proto_tcp.c). */
import { type CtDirection, type Packet, TcpFlag, type TcpNumbers } from '../src/index.ts';
import type { TcpSide, TcpTrack } from './state.ts';

/** Sequence numbers are 32 bits wide and wrap. */
const wrap = (value: number): number => value >>> 0;
/** Is `a` earlier than `b`? */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
const after = (a: number, b: number): boolean => before(b, a);

const MAX_ACK_WINDOW = 66000;

export const emptySide = (liberal = false): TcpSide => ({
  end: 0,
  maxEnd: 0,
  maxWindow: 0,
  scale: 0,
  scaled: false,
  liberal,
  unacknowledged: false,
});

const headersOf = (packet: Packet, { header = 20 }: TcpNumbers): number => (packet.family === 4 ? 20 : 40) + header;

/** The header does not fit into the packet (tcp_error). */
export const isTruncated = (packet: Packet, tcp: TcpNumbers): boolean =>
  (tcp.header ?? 20) < 20 || packet.length < headersOf(packet, tcp);

/** The sequence number behind the segment; SYN and FIN count (segment_seq_plus_len). */
export function segmentEnd(packet: Packet, tcp: TcpNumbers): number {
  const data = Math.max(0, packet.length - headersOf(packet, tcp));
  const syn = packet.tcpFlags & TcpFlag.SYN ? 1 : 0;
  const fin = packet.tcpFlags & TcpFlag.FIN ? 1 : 0;
  return wrap(tcp.seq + data + syn + fin);
}

/** The options of a SYN; a header without any leaves what is known. */
export function readOptions(side: TcpSide, { header = 20, windowScale, sackPermitted }: TcpNumbers): void {
  if (header === 20 && windowScale === undefined && !sackPermitted) return;
  side.unacknowledged = false;
  delete side.maxAck;
  side.scaled = windowScale !== undefined;
  side.scale = Math.min(14, windowScale ?? 0);
}

/** What the first segment of a connection says of its sender. One that is no SYN is taken up in the middle. */
export function startWindows(tcp: TcpTrack, packet: Packet, numbers: TcpNumbers, syn: boolean): void {
  const window = Math.max(1, numbers.window);
  const end = segmentEnd(packet, numbers);
  const own = { ...emptySide(!syn), end, maxEnd: syn ? end : wrap(end + window), maxWindow: window };
  if (syn) readOptions(own, numbers);
  tcp.sides = [own, emptySide(!syn)];
}

export type WindowJudgement = 'accept' | 'ignore' | 'invalid';

/** A segment of one direction against the windows of both; `liberal`: the namespace's nf_conntrack_tcp_be_liberal. */
export function inWindow(
  tcp: TcpTrack,
  packet: Packet,
  numbers: TcpNumbers,
  direction: CtDirection,
  plainAck: boolean,
  liberal: boolean,
): WindowJudgement {
  const [sender, receiver] = direction === 0 ? tcp.sides : ([tcp.sides[1], tcp.sides[0]] as const);
  const has = (flag: TcpFlag) => (packet.tcpFlags & flag) !== 0;
  const segment = segmentEnd(packet, numbers);
  const opening = tcp.state === 1 || tcp.state === 2;

  const startSender = () => {
    sender.end = segment;
    sender.maxEnd = segment;
    sender.maxWindow = Math.max(1, numbers.window);
    readOptions(sender, numbers);
    // Both have to offer window scaling (RFC 7323).
    if (direction === 1 && !(sender.scaled && receiver.scaled)) {
      sender.scale = 0;
      receiver.scale = 0;
    }
  };
  if (sender.maxWindow === 0 && has(TcpFlag.SYN)) {
    startSender();
    if (!has(TcpFlag.ACK)) return 'accept';
  } else if (sender.maxWindow === 0) {
    sender.end = segment;
    sender.maxWindow = Math.max(1, numbers.window * 2 ** sender.scale);
    sender.maxEnd = wrap(segment + sender.maxWindow);
    if (receiver.maxWindow === 0) {
      receiver.end = numbers.ack;
      receiver.maxEnd = numbers.ack;
    } else if (numbers.ack === wrap(receiver.end + 1)) receiver.end = numbers.ack;
  } else if (has(TcpFlag.SYN) && opening && after(segment, sender.end)) {
    startSender();
    if (direction === 1 && !has(TcpFlag.ACK)) return 'accept';
  }

  const noAck = !has(TcpFlag.ACK) || (has(TcpFlag.RST) && numbers.ack === 0);
  const ack = noAck ? receiver.end : numbers.ack;
  const answersSyn = has(TcpFlag.RST) && numbers.seq === 0 && tcp.state === 1;
  const seq = answersSyn ? sender.end : numbers.seq;
  const end = answersSyn ? sender.end : segment;

  const ackNotTooHigh = before(ack, wrap(receiver.end + 1));
  const ackNotTooLow = after(ack, wrap(receiver.end - Math.max(sender.maxWindow, MAX_ACK_WINDOW) - 1));
  const endNotTooLow = after(end, wrap(sender.end - receiver.maxWindow - 1));
  // Whoever is told to be liberal lets it pass, and learns nothing from it.
  const outside = (judgement: WindowJudgement) => (sender.liberal || liberal ? 'accept' : judgement);
  if (!before(seq, wrap(sender.maxEnd + 1))) {
    const beyond = wrap(end - sender.maxEnd + 1);
    if (receiver.maxWindow === 0 || !endNotTooLow || !ackNotTooLow || !ackNotTooHigh || beyond > receiver.maxWindow)
      return outside('invalid');
    // More than the window allows, and a peer that may take it all the same.
    sender.end = end;
    sender.unacknowledged = true;
    return outside('ignore');
  }
  if (!ackNotTooHigh) return outside('invalid');
  if (receiver.maxWindow !== 0 && !endNotTooLow) return outside('ignore');
  if (!ackNotTooLow) return outside('ignore');

  const window = has(TcpFlag.SYN) ? numbers.window : numbers.window * 2 ** sender.scale;
  sender.maxWindow = Math.max(sender.maxWindow, window);
  if (after(end, sender.end)) {
    sender.end = end;
    sender.unacknowledged = true;
  }
  if (has(TcpFlag.ACK) && (sender.maxAck === undefined || after(ack, sender.maxAck))) sender.maxAck = ack;
  if (receiver.maxWindow !== 0 && after(end, sender.maxEnd))
    receiver.maxWindow = wrap(receiver.maxWindow + end - sender.maxEnd);
  if (after(wrap(ack + window), wrap(receiver.maxEnd - 1)))
    receiver.maxEnd = wrap(ack + window + (window === 0 ? 1 : 0));
  if (ack === receiver.end) receiver.unacknowledged = false;
  if (plainAck) {
    const { last } = tcp;
    const same = tcp.lastDirection === direction && last.seq === seq && last.ack === ack && last.end === end;
    tcp.retransmissions = same && last.window === numbers.window ? (tcp.retransmissions + 1) & 255 : 0;
    tcp.lastDirection = direction;
    tcp.last = { seq, ack, end, window: numbers.window };
  }
  return 'accept';
}
