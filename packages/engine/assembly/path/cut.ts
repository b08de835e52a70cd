/**
 * Packets that leave in pieces (ip_output.c:ip_do_fragment(), ip6_output.c:ip6_fragment(), br_netfilter_hooks.c:br_nf_ip_fragment()).
 * Each piece goes on when those before it have come to where they wait for it.
 */
import { StepKind } from '../../src/codes';
import { FragmentFlag, PacketL4 } from '../../src/ct-codes';
import { Disposition, Reason } from '../../src/terms';
import { finish } from '../core/end';
import { FRAGMENT_HEADER_6, HEADER_4, HEADER_6 } from '../core/gather';
import { PACKETS, PACKET_BASE, SKB_BASE } from '../core/memory';
import { none, packet, Skb, skb, some } from '../core/skb';
import { traceTunnel } from '../core/trace';
import { forwardsClear } from '../hook/device';
import { Link } from '../layout/link';
import { Packet } from '../layout/packet';
import { icmpLock, lockIcmp } from './answer';
import { out, overWire } from './transmit';
import { payloadDepth, payloadRestore } from './payload';

/** A packet in pieces. Behind it in memory the packet, with its inner one, and what was known of it. */
@unmanaged
class Cut {
  /** Where the pieces go: out of a bridge's port, from this address; 0: the way that was routed. */
  mac: u64;
  port: Link;
  /** Data of the pieces to come, and how much each takes. */
  next: u32;
  end: u32;
  step: u32;
  depth: u32;
  locked: u8;
  pad: u8;
  pad2: u16;
}

/** Pieces of pieces; the machine follows no more. */
const DEEPEST: usize = 16;
const RECORD: usize = offsetof<Cut>() + PACKETS + offsetof<Skb>();
const CUTS: usize = memory.data(DEEPEST * RECORD, 16);

let depth: u32 = 0;
let datagrams: u32 = 0;

export function cutsReset(): void {
  depth = 0;
  datagrams = 0;
}

/** True where pieces have not gone yet. */
export function hasPieces(): bool {
  return depth != 0;
}

@inline
function cutAt(i: u32): Cut {
  return changetype<Cut>(CUTS + <usize>i * RECORD);
}

/** Cuts the packet into pieces of at most `size` bytes, and lets the first one go. */
export function cut(size: u32, port: Link, mac: u64): void {
  if (depth >= DEEPEST) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  }
  const p = packet();
  const s = skb();
  if (s.datagram == 0) s.datagram = ++datagrams;
  s.widest = 0;
  s.appended = 0;
  const header = p.family == 4 ? HEADER_4 : HEADER_6;
  const added = p.family == 4 ? 0 : FRAGMENT_HEADER_6;
  const own = p.fragment != 0 ? header + added : header;
  const at = cutAt(depth);
  at.mac = mac;
  at.port = port;
  at.next = p.offset;
  at.end = p.offset + p.length - own;
  const room = size > header + added ? (size - header - added) & ~7 : 0;
  at.step = max<u32>(8, room);
  at.depth = payloadDepth();
  at.locked = icmpLock();
  if (p.fragment == 0) p.whole = p.length;
  memory.copy(changetype<usize>(at) + offsetof<Cut>(), PACKET_BASE, PACKETS);
  memory.copy(changetype<usize>(at) + offsetof<Cut>() + PACKETS, SKB_BASE, offsetof<Skb>());
  depth++;
  nextPiece();
}

/** What only the first piece holds. */
function strip(p: Packet): void {
  p.sport = 0;
  p.dport = 0;
  p.tcpFlags = 0;
  p.icmpType = 0;
  p.icmpCode = 0;
  p.icmpId = 0;
  p.hasInner = 0;
  p.l4 &= <u8>(PacketL4.OWNER_UID | PacketL4.OWNER_GID);
}

/** The next piece of the packet that was cut last goes on; with its last one that packet is open no more. */
export function nextPiece(): void {
  const at = cutAt(depth - 1);
  memory.copy(PACKET_BASE, changetype<usize>(at) + offsetof<Cut>(), PACKETS);
  memory.copy(SKB_BASE, changetype<usize>(at) + offsetof<Cut>() + PACKETS, offsetof<Skb>());
  const p = packet();
  const from = at.next;
  const to = min(at.end, from + at.step);
  at.next = to;
  if (to == at.end) depth--;
  const more = to != at.end || (p.fragment & <u8>FragmentFlag.MORE) != 0;
  p.length = (p.family == 4 ? HEADER_4 : HEADER_6 + FRAGMENT_HEADER_6) + to - from;
  p.fragment = <u8>(FragmentFlag.PIECE | (more ? FragmentFlag.MORE : 0) | (from != 0 ? FragmentFlag.LATER : 0));
  p.offset = <u16>from;
  if (from != 0) strip(p);
  payloadRestore(at.depth);
  lockIcmp(at.locked);
  forwardsClear();
  traceTunnel(StepKind.FRAGMENT, none<Link>());
  if (some(at.port)) overWire(at.port, at.mac);
  else out();
}
