/** ICMP errors about a translated connection: nf_nat_icmp_reply_translation (net/netfilter/nf_nat_proto.c). */
import { CtDirection, type Hook, type Tuple } from '../src/index.ts';
import { manipOf, replacePacket, rewriteSide, rewrites } from './nat.ts';
import type { Connection, CtInfo, Host, Run, Skb } from './state.ts';
import { invert } from './tuple.ts';

/** The outer header is made to look like an answer to the inner packet, the inner one as its sender knows it. */
export function translateError(run: Run, host: Host, skb: Skb, ct: CtInfo, hook: Hook): void {
  const connection = ct.connection as Connection;
  const manip = manipOf(hook);
  if (!rewrites(connection, ct.direction, manip)) return;
  const other = ct.direction === CtDirection.ORIGINAL ? 1 : 0;
  const tuple = connection.tuples[other];
  const target = invert(connection.protocol, tuple) as Tuple;
  const { packet } = skb;
  const outer = manip === 'src' ? { ...packet, saddr: target.saddr } : { ...packet, daddr: target.daddr };
  const changed = packet.inner
    ? { ...outer, inner: rewriteSide(packet.inner, tuple, manip === 'src' ? 'dst' : 'src') }
    : outer;
  replacePacket(run, host, skb, changed, hook, manip, true);
}
