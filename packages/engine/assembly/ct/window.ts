/** TCP windows (nf_conntrack_proto_tcp.c:tcp_in_window(), tcp_init_sender(), tcp_options()). Sequence numbers wrap at 32 bits. */
import { CtSetting, PacketL4, TcpState } from '../../src/ct-codes';
import { TcpFlag } from '../../src/terms';
import { Flow } from '../layout/flow';
import { Packet } from '../layout/packet';
import { setting } from './settings';

/** Bits of `Flow.oFlags` and `rFlags` (`IP_CT_TCP_FLAG_*`). */
export enum SideFlag {
  SCALED = 1,
  SACK_PERMITTED = 2,
  LIBERAL = 4,
  MAXACK_SET = 8,
  UNACKNOWLEDGED = 16,
}

/** `enum nf_ct_tcp_action` */
export enum WindowJudgement {
  ACCEPT = 0,
  INVALID = 1,
  /** It belongs to the connection and passes, but says nothing about it. */
  IGNORE = 2,
}

const MAX_ACK_WINDOW: u32 = 66000;
const MOST_SCALE: u8 = 14;

/** One side of a connection: a view of `Flow` that starts at `oEnd` or `rEnd`. */
@unmanaged
export class Side {
  end: u32;
  maxEnd: u32;
  maxWin: u32;
  maxAck: u32;
  flags: u8;
  scale: u8;
  pad: u16;
}

@inline
export function sideOf(flow: Flow, direction: u32): Side {
  return changetype<Side>(changetype<usize>(flow) + (direction == 0 ? offsetof<Flow>('oEnd') : offsetof<Flow>('rEnd')));
}

/** Sequence numbers in their order: is the first earlier? */
@inline
export function before(a: u32, b: u32): bool {
  return <i32>(a - b) < 0;
}

@inline
function after(a: u32, b: u32): bool {
  return before(b, a);
}

/** tcp_error(): the header does not fit into the packet. */
export function isTruncated(p: Packet): bool {
  return p.header < 20 || p.length < (p.family == 4 ? <u32>20 : <u32>40) + p.header;
}

/** segment_seq_plus_len(): the sequence number behind the segment; SYN and FIN count. */
export function segmentEnd(p: Packet): u32 {
  const headers = (p.family == 4 ? <u32>20 : <u32>40) + p.header;
  const data = p.length > headers ? p.length - headers : 0;
  const flags = <u32>p.tcpFlags;
  return p.seq + data + ((flags & TcpFlag.SYN) != 0 ? 1 : 0) + ((flags & TcpFlag.FIN) != 0 ? 1 : 0);
}

/** What the options of a SYN say; a header of 20 bytes has none, and leaves what is known. */
export function readOptions(p: Packet, side: Side): void {
  if (p.header <= 20 && (p.l4 & (PacketL4.SCALE | PacketL4.SACK_PERMITTED)) == 0) return;
  side.flags &= <u8>SideFlag.LIBERAL;
  side.scale = 0;
  if ((p.l4 & PacketL4.SACK_PERMITTED) != 0) side.flags |= <u8>SideFlag.SACK_PERMITTED;
  if ((p.l4 & PacketL4.SCALE) == 0) return;
  side.scale = min(p.scale, MOST_SCALE);
  side.flags |= <u8>SideFlag.SCALED;
}

/** tcp_new(): what is known from the first segment; one that is no SYN is taken up in the middle, and its window not insisted on. */
export function windowsStart(flow: Flow, p: Packet, syn: bool): void {
  memory.fill(changetype<usize>(flow) + offsetof<Flow>('oEnd'), 0, offsetof<Flow>('pad4') - offsetof<Flow>('oEnd'));
  const own = sideOf(flow, 0);
  own.end = segmentEnd(p);
  own.maxWin = max<u32>(p.window, 1);
  own.maxEnd = own.end;
  if (syn) {
    readOptions(p, own);
    return;
  }
  own.maxEnd += own.maxWin;
  own.flags = <u8>(SideFlag.SACK_PERMITTED | SideFlag.LIBERAL);
  sideOf(flow, 1).flags = own.flags;
}

function startSender(flow: Flow, p: Packet, direction: u32, end: u32): void {
  const sender = sideOf(flow, direction);
  const receiver = sideOf(flow, 1 - direction);
  sender.end = end;
  sender.maxEnd = end;
  sender.maxWin = max<u32>(p.window, 1);
  readOptions(p, sender);
  // Both have to offer window scaling (RFC 7323).
  if (direction == 1 && (sender.flags & receiver.flags & <u8>SideFlag.SCALED) == 0) {
    sender.scale = 0;
    receiver.scale = 0;
  }
}

/** nf_tcp_log_invalid(): who is told to be liberal lets everything pass, and learns from nothing. */
@inline
function outside(flow: Flow, sender: Side, judgement: WindowJudgement): WindowJudgement {
  const liberal = (sender.flags & <u8>SideFlag.LIBERAL) != 0 || setting(flow.netns, CtSetting.LIBERAL) != 0;
  return liberal ? WindowJudgement.ACCEPT : judgement;
}

/** `plainAck`: a segment with ACK and none of SYN, FIN, RST. */
export function inWindow(flow: Flow, p: Packet, direction: u32, plainAck: bool): WindowJudgement {
  const sender = sideOf(flow, direction);
  const receiver = sideOf(flow, 1 - direction);
  const flags = <u32>p.tcpFlags;
  const syn = (flags & TcpFlag.SYN) != 0;
  const acks = (flags & TcpFlag.ACK) != 0;
  const reset = (flags & TcpFlag.RST) != 0;
  const state = <u32>flow.state;
  let seq = p.seq;
  let ack = p.ack;
  let end = segmentEnd(p);
  let window = <u32>p.window;
  if (sender.maxWin == 0) {
    if (syn) {
      startSender(flow, p, direction, end);
      if (!acks) return WindowJudgement.ACCEPT;
    } else {
      sender.end = end;
      sender.maxWin = max<u32>(window << sender.scale, 1);
      sender.maxEnd = end + sender.maxWin;
      if (receiver.maxWin == 0) {
        receiver.end = ack;
        receiver.maxEnd = ack;
      } else if (ack == receiver.end + 1) receiver.end++;
    }
  } else if (syn && after(end, sender.end) && (state == TcpState.SYN_SENT || state == TcpState.SYN_RECV)) {
    startSender(flow, p, direction, end);
    if (direction == 1 && !acks) return WindowJudgement.ACCEPT;
  }
  if (!acks || (reset && ack == 0)) ack = receiver.end;
  if (reset && seq == 0 && state == TcpState.SYN_SENT) {
    seq = sender.end;
    end = seq;
  }
  const lowest = receiver.end - max<u32>(sender.maxWin, MAX_ACK_WINDOW) - 1;
  const received = after(end, sender.end - receiver.maxWin - 1);
  if (!before(seq, sender.maxEnd + 1)) {
    const beyond = end - sender.maxEnd + 1;
    const fits = receiver.maxWin != 0 && received && after(ack, lowest) && before(ack, receiver.end + 1);
    if (!fits || beyond > receiver.maxWin) return outside(flow, sender, WindowJudgement.INVALID);
    // More than the window allows, and a peer that may take it all the same.
    sender.end = end;
    sender.flags |= <u8>SideFlag.UNACKNOWLEDGED;
    return outside(flow, sender, WindowJudgement.IGNORE);
  }
  if (!before(ack, receiver.end + 1)) return outside(flow, sender, WindowJudgement.INVALID);
  if (receiver.maxWin != 0 && !received) return outside(flow, sender, WindowJudgement.IGNORE);
  if (!after(ack, lowest)) return outside(flow, sender, WindowJudgement.IGNORE);
  if (!syn) window <<= sender.scale;
  sender.maxWin = max(sender.maxWin, window);
  if (after(end, sender.end)) {
    sender.end = end;
    sender.flags |= <u8>SideFlag.UNACKNOWLEDGED;
  }
  if (acks && ((sender.flags & <u8>SideFlag.MAXACK_SET) == 0 || after(ack, sender.maxAck))) {
    sender.maxAck = ack;
    sender.flags |= <u8>SideFlag.MAXACK_SET;
  }
  if (receiver.maxWin != 0 && after(end, sender.maxEnd)) receiver.maxWin += end - sender.maxEnd;
  if (after(ack + window, receiver.maxEnd - 1)) receiver.maxEnd = ack + window + (window == 0 ? 1 : 0);
  if (ack == receiver.end) receiver.flags &= ~(<u8>SideFlag.UNACKNOWLEDGED);
  if (plainAck) countRepeats(flow, p, direction, seq, ack, end);
  return WindowJudgement.ACCEPT;
}

function countRepeats(flow: Flow, p: Packet, direction: u32, seq: u32, ack: u32, end: u32): void {
  if (
    flow.tcpLastDirection == direction &&
    flow.lastSeq == seq &&
    flow.lastAck == ack &&
    flow.lastEnd == end &&
    flow.lastWin == p.window
  ) {
    flow.retrans++;
    return;
  }
  flow.tcpLastDirection = <u8>direction;
  flow.lastSeq = seq;
  flow.lastAck = ack;
  flow.lastEnd = end;
  flow.lastWin = p.window;
  flow.retrans = 0;
}

/** True where data is on its way that nobody acknowledged yet. */
export function isUnacknowledged(flow: Flow): bool {
  return ((flow.oFlags | flow.rFlags) & <u8>SideFlag.UNACKNOWLEDGED) != 0;
}
