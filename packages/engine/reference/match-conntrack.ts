/** conntrack_mt (net/netfilter/xt_conntrack.c), state_mt (xt_state.c), connmark_mt (xt_connmark.c). */
import { CtDirection, CtState, type Match, type PortRange } from '../src/index.ts';
import { inPrefix } from './addresses.ts';
import type { Connection, Skb } from './state.ts';

/** Before conntrack looked, and where it could make nothing of a packet, the state is INVALID. */
const stateOf = (skb: Skb): CtState => skb.ct?.state ?? CtState.INVALID;

export const matchState = (skb: Skb, match: Match & { kind: 'state' }): boolean =>
  ((match.states & stateOf(skb)) !== 0) !== (match.not === true);

/** A packet without a connection has no mark to compare, negated or not. */
export function matchConnmark(skb: Skb, match: { value: number; mask: number; not?: boolean }): boolean {
  const connection = skb.ct?.connection;
  if (!connection) return false;
  return ((connection.mark & match.mask) >>> 0 === match.value >>> 0) !== (match.not === true);
}

const statusHolds: Record<string, (connection: Connection) => boolean> = {
  expected: (c) => c.expected === true,
  seen_reply: (c) => c.seenReply,
  assured: (c) => c.assured,
  confirmed: (c) => c.confirmed,
};

/** `none` is a mask without a bit: alone it holds for no connection. */
const statusMatches = (names: readonly string[], connection: Connection): boolean =>
  names.some((name) => statusHolds[name.toLowerCase()]?.(connection) === true);

export function matchConntrack(skb: Skb, match: Match & { kind: 'conntrack' }): boolean {
  const connection = skb.ct?.connection;
  let bits: number = stateOf(skb);
  if (connection?.snat) bits |= CtState.SNAT;
  if (connection?.dnat) bits |= CtState.DNAT;
  if (match.state && ((match.state.states & bits) !== 0) === (match.state.not === true)) return false;
  if (!skb.ct || !connection) return match.state !== undefined;
  const wanted = match.direction === 'REPLY' ? CtDirection.REPLY : CtDirection.ORIGINAL;
  if (match.direction !== undefined && skb.ct.direction !== wanted) return false;
  const [original, reply] = connection.tuples;
  const prefix = (test: { prefix: string; not?: boolean } | undefined, address: string) =>
    !test || inPrefix(test.prefix, address) !== (test.not === true);
  const port = (test: (PortRange & { not?: boolean }) | undefined, value: number) =>
    !test || (value >= test.from && value <= test.to) !== (test.not === true);
  const { protocol, status } = match;
  return (
    prefix(match.origSrc, original.saddr) &&
    prefix(match.origDst, original.daddr) &&
    prefix(match.replSrc, reply.saddr) &&
    prefix(match.replDst, reply.daddr) &&
    (!protocol || (protocol.protocol === connection.protocol) !== (protocol.not === true)) &&
    port(match.origSrcPort, original.sport) &&
    port(match.origDstPort, original.dport) &&
    port(match.replSrcPort, reply.sport) &&
    port(match.replDstPort, reply.dport) &&
    (!status || statusMatches(status.names, connection) !== (status.not === true))
  );
}
