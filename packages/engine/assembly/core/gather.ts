/** Pieces of packets that wait in a host for the others (ip_fragment.c:ip_defrag(); nf_conntrack_reasm.c:nf_ct_frag6_gather()). */
import { Failure, StepKind } from '../../src/codes';
import { Disposition, Reason } from '../../src/terms';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { endRecord, finish } from './end';
import { fail } from './failure';
import { PACKETS, PACKET_BASE, SKB_BASE } from './memory';
import { none, packet, Skb, skb } from './skb';
import { traceTunnel } from './trace';

/** Behind it in memory the first piece, with its inner packet, and what was known of it. */
@unmanaged
class Queue {
  netns: Netns;
  datagram: u32;
  /** Data that has come. */
  bytes: u32;
  widest: u32;
  hasFirst: u32;
  open: u32;
}

const RECORD: usize = offsetof<Queue>() + PACKETS + offsetof<Skb>();
const MOST: u32 = 128;
const ROOM: u32 = 65536;
const QUEUES: usize = memory.data(65536, 16);

let count: u32 = 0;

export function gatherReset(): void {
  count = 0;
}

export const HEADER_4: u32 = 20;
export const HEADER_6: u32 = 40;
/** What each piece over IPv6 carries beside its data. */
export const FRAGMENT_HEADER_6: u32 = 8;

@inline
function queueAt(i: u32): Queue {
  return changetype<Queue>(QUEUES + <usize>i * RECORD);
}

/** The queue of the packet's pieces in its host; null where there is room for no more. */
function queueOf(netns: Netns, datagram: u32): Queue {
  let free = count;
  for (let i: u32 = 0; i < count; i++) {
    const queue = queueAt(i);
    if (queue.open == 0) free = i;
    else if (queue.netns == netns && queue.datagram == datagram) return queue;
  }
  assert(<u32>(<usize>MOST * RECORD) <= ROOM, 'there is room for all queues');
  if (free >= MOST) {
    fail(Failure.TRACE_FULL);
    return none<Queue>();
  }
  if (free == count) count++;
  const queue = queueAt(free);
  memory.fill(changetype<usize>(queue), 0, offsetof<Queue>());
  queue.netns = netns;
  queue.datagram = datagram;
  queue.open = 1;
  return queue;
}

/** True where the packet is whole, now or as ever. A piece waits for the others, which ends its part of the walk. */
export function gather(): bool {
  const p = packet();
  if (p.fragment == 0) return true;
  const s = skb();
  const queue = queueOf(s.netns, s.datagram);
  if (changetype<usize>(queue) == 0) {
    finish(Disposition.DROPPED, Reason.FRAGMENTS_MISSING);
    return false;
  }
  const header = p.family == 4 ? HEADER_4 : HEADER_6;
  const own = p.family == 4 ? HEADER_4 : HEADER_6 + FRAGMENT_HEADER_6;
  const first = changetype<usize>(queue) + offsetof<Queue>();
  queue.bytes += p.length - own;
  queue.widest = max(queue.widest, p.length);
  if (p.offset == 0) {
    queue.hasFirst = 1;
    memory.copy(first, PACKET_BASE, PACKETS);
    memory.copy(first + PACKETS, SKB_BASE, offsetof<Skb>());
  }
  if (queue.hasFirst == 0 || <i32>queue.bytes < <i32>(p.whole - header)) {
    finish(Disposition.DROPPED, Reason.FRAGMENTS_MISSING);
    endRecord().waits = 1;
    return false;
  }
  queue.open = 0;
  memory.copy(PACKET_BASE, first, PACKETS);
  memory.copy(SKB_BASE, first + PACKETS, offsetof<Skb>());
  p.length = p.whole;
  p.fragment = 0;
  p.offset = 0;
  p.whole = 0;
  p.dontFragment = 0;
  s.widest = queue.widest;
  s.datagram = 0;
  traceTunnel(StepKind.REASSEMBLE, none<Link>());
  return true;
}
