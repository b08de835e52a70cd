/** What a link's program sends on by itself (bpf/lib/fib.h:fib_redirect()). */
import { Disposition, Reason } from '../../src/terms';
import { endRecord, finish, ReplyKind } from '../core/end';
import { none, packet, RouteKind, skb } from '../core/skb';
import { routeOutput } from '../fib/output';
import { Link } from '../layout/link';
import { transmit } from './transmit';

/** Routed, and out past all hooks. */
export function pastStack(): void {
  const s = skb();
  const p = packet();
  if (p.ttl <= 1) {
    finish(Disposition.DROPPED, Reason.TTL_EXCEEDED);
    return;
  }
  p.ttl--;
  s.iif = none<Link>();
  s.oif = none<Link>();
  s.framed = 0;
  s.sourceMac = 0;
  s.tag = 0;
  s.kind = <u8>RouteKind.NONE;
  if (!routeOutput()) {
    // Nobody is told.
    endRecord().disposition = <u8>Disposition.DROPPED;
    endRecord().reply = <u8>ReplyKind.NONE;
    return;
  }
  if (s.kind != <u8>RouteKind.UNICAST) {
    finish(Disposition.DROPPED, Reason.NO_ROUTE);
    return;
  }
  transmit();
}
