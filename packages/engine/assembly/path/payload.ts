/** What outer packets carry, packet in packet, with what was known of each (`struct sk_buff` as a tunnel keeps it). */
import { PACKETS, PACKET_BASE, SKB_BASE } from '../core/memory';
import { Skb } from '../core/skb';
import { Link } from '../layout/link';

/** The tunnel's end that a packet went into; before it in memory the packet with its own inner one, behind it what was known of it. */
@unmanaged
export class Payload {
  link: Link;
  pad: u32;
}

/** Packets in packets; the kernel sends no deeper (dev.h: XMIT_RECURSION_LIMIT). */
const DEEPEST: u32 = 8;
const RECORD: usize = PACKETS + offsetof<Payload>() + offsetof<Skb>();
const PAYLOADS: usize = memory.data(8 * RECORD, 16);

let depth: u32 = 0;

/** A packet that carries nothing. */
export function payloadClear(): void {
  depth = 0;
}

/** How many packets the one in flight carries. */
export function payloadDepth(): u32 {
  return depth;
}

/** A piece of a packet goes on with what the whole carried. */
export function payloadRestore(carried: u32): void {
  depth = carried;
}

export function payloadIsDeepest(): bool {
  return depth >= DEEPEST;
}

@inline
export function payloadAt(i: u32): usize {
  return PAYLOADS + <usize>i * RECORD;
}

@inline
export function payloadSkb(at: usize): usize {
  return at + PACKETS + offsetof<Payload>();
}

export function payloadPush(link: Link): void {
  const at = payloadAt(depth);
  memory.copy(at, PACKET_BASE, PACKETS);
  changetype<Payload>(at + PACKETS).link = link;
  memory.copy(payloadSkb(at), SKB_BASE, offsetof<Skb>());
  depth++;
}

export function payloadPop(): void {
  depth--;
}

/** The inner packet takes its place again: it did not go. */
export function payloadTakeBack(): void {
  depth--;
  memory.copy(PACKET_BASE, payloadAt(depth), PACKETS);
  memory.copy(SKB_BASE, payloadSkb(payloadAt(depth)), offsetof<Skb>());
}
