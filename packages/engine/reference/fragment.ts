/**
 * Packets in pieces: ip_do_fragment (net/ipv4/ip_output.c), ip6_fragment (net/ipv6/ip6_output.c), ip_defrag (net/ipv4/ip_fragment.c),
 * nf_ct_frag6_gather (net/ipv6/netfilter/nf_conntrack_reasm.c), br_nf_ip_fragment (net/bridge/br_netfilter_hooks.c).
 */
import { Disposition, type Packet, Reason } from '../src/index.ts';
import type { Host, Run, Skb, Stop } from './state.ts';
import { type Next, stopped } from './transmit.ts';

const HEADER = { 4: 20, 6: 40 } as const;
/** What each piece over IPv6 carries beside its data. */
const FRAGMENT_HEADER = { 4: 0, 6: 8 } as const;
const MINIMUM_MTU6 = 1280;
/** Pieces of pieces; the machine follows no more. */
const DEEPEST = 16;

/** A piece behind the first, which holds the protocol's header. */
export const isLater = ({ fragment }: Packet): boolean => fragment !== undefined && fragment.offset > 0;

/** The size that pieces of a packet may have on a way; those it came in, if it was put together here, are not made larger. */
export function pieceSize({ packet: { family, length }, widest, appended }: Skb, mtu: number): number | undefined {
  if (length <= mtu && (widest === undefined || (family === 6 && length <= widest))) return undefined;
  const size = Math.min(mtu, widest ?? appended ?? mtu);
  return family === 6 && widest !== undefined ? Math.max(size, MINIMUM_MTU6) : size;
}

/** The pieces' data, from first to last byte. */
function rangesOf({ family, length, fragment }: Packet, size: number): { from: number; to: number }[] {
  const own = HEADER[family] + (fragment ? FRAGMENT_HEADER[family] : 0);
  const start = fragment?.offset ?? 0;
  const end = start + length - own;
  const step = Math.max(8, (size - HEADER[family] - FRAGMENT_HEADER[family]) & ~7);
  return Array.from({ length: Math.ceil((end - start) / step) }, (_, i) => ({
    from: start + i * step,
    to: Math.min(end, start + (i + 1) * step),
  }));
}

function pieceOf(packet: Packet, { from, to }: { from: number; to: number }, isLast: boolean): Packet {
  const { family, fragment } = packet;
  const piece: Packet = {
    ...packet,
    length: HEADER[family] + FRAGMENT_HEADER[family] + to - from,
    fragment: {
      offset: from,
      more: !isLast || fragment?.more === true,
      whole: fragment?.whole ?? packet.length,
    },
  };
  if (from === 0) return piece;
  const { tcp: _tcp, sctp: _sctp, mtu: _mtu, inner: _inner, ...bare } = piece;
  return { ...bare, sport: 0, dport: 0, tcpFlags: 0, icmpType: 0, icmpCode: 0, icmpId: 0 };
}

/** Cuts the packet; each piece goes on by `onward` when those before it have come to where they wait for it. */
export function cut(run: Run, host: Host, skb: Skb, size: number, onward: (piece: Skb) => Next): Next {
  if (run.cuts >= DEEPEST) return stopped(host, skb, Disposition.DROPPED, Reason.LOOP);
  const { packet } = skb;
  const datagram = skb.datagram ?? ++run.datagrams;
  const ranges = rangesOf(packet, size);
  const pieces = ranges.map((range, i) => () => {
    const piece: Skb = { ...skb, packet: pieceOf(packet, range, i === ranges.length - 1), datagram };
    delete piece.widest;
    delete piece.appended;
    run.steps.push({ kind: 'fragment', netns: host.netns, packet: piece.packet });
    return onward(piece);
  });
  return { pieces };
}

/** Pieces of one packet that wait in one host. */
export interface Queue {
  first?: Skb;
  bytes: number;
  widest: number;
}

/** A piece waits for the others, which is a stop until they come; the last one makes `skb` the whole packet. */
export function gather(run: Run, host: Host, skb: Skb): Stop | undefined {
  const { packet } = skb;
  const { fragment, family } = packet;
  if (!fragment) return undefined;
  const key = `${host.order} ${skb.datagram ?? 0}`;
  const queue: Queue = run.queues.get(key) ?? { bytes: 0, widest: 0 };
  run.queues.set(key, queue);
  queue.bytes += packet.length - HEADER[family] - FRAGMENT_HEADER[family];
  queue.widest = Math.max(queue.widest, packet.length);
  if (fragment.offset === 0) queue.first = { ...skb };
  const { first } = queue;
  if (!first || queue.bytes < fragment.whole - HEADER[family])
    return { host, disposition: Disposition.DROPPED, reason: Reason.FRAGMENTS_MISSING, skb, waits: true };
  run.queues.delete(key);
  const { fragment: _gone, ...whole } = { ...first.packet, length: fragment.whole, dontFragment: false };
  for (const name of Object.keys(skb) as (keyof Skb)[]) delete skb[name];
  Object.assign(skb, first, { packet: whole, widest: queue.widest });
  delete skb.datagram;
  run.steps.push({ kind: 'reassemble', netns: host.netns, packet: whole });
  return undefined;
}
