/** A packet comes in (ip_input.c:ip_rcv(), ip_rcv_finish(), ip_local_deliver(); ip6_input.c:ip6_rcv_core()). */
import { LinkFlag, StackMode } from '../../src/codes';
import { Disposition, Reason } from '../../src/terms';
import { finish } from '../core/end';
import { none, packet, RouteKind, skb, some } from '../core/skb';
import { traceEnter } from '../core/trace';
import { martian6, routeInput } from '../fib/input';
import { forwardsClear, ingress, Passage, sentTo } from '../hook/device';
import { input } from '../hook/input';
import { prerouting } from '../hook/prerouting';
import { Link } from '../layout/link';
import { isUp } from '../wire/domain';
import { upperFor } from '../wire/stacks';
import { unlockIcmp } from './answer';
import { bridgeInput } from './bridge';
import { deliver } from './deliver';
import { forward } from './forward';
import { forwardTo, ownsMac } from './transmit';
import { decapsulate } from './tunnel';

/** prerouting -> route -> (input | forward -> postrouting), above the link layer. */
function up(link: Link): void {
  const s = skb();
  const p = packet();
  if (p.family == 6 && martian6(link)) return;
  if (!s.prerouted) {
    const hi = p.daddrHi;
    const lo = p.daddrLo;
    if (!prerouting()) return;
    // What comes back by lo still has its route, unless nat sends it elsewhere.
    if (p.daddrHi != hi || p.daddrLo != lo) s.kind = <u8>RouteKind.NONE;
  }
  if (s.kind == <u8>RouteKind.NONE && !routeInput(link)) return;
  if (s.kind == <u8>RouteKind.UNICAST) {
    // A unicast route through lo leads nowhere (dst_discard).
    if ((link.flags & LinkFlag.LOOPBACK) != 0 && s.dev == link) {
      finish(Disposition.DROPPED, Reason.MARTIAN_DESTINATION);
      return;
    }
    forward();
    return;
  }
  if (input() && !decapsulate()) deliver();
}

/** A frame that bears no address is for the host that it comes to. */
function addressTo(link: Link): void {
  const s = skb();
  s.framed = 1;
  s.frameMac = link.mac;
  s.target = link;
}

/** ingress of a device; false where the walk ended, or the packet went on by another device. */
function enters(link: Link): bool {
  const passage = ingress(link);
  if (passage == Passage.FORWARDED) forwardTo(sentTo);
  return passage == Passage.ON;
}

/** The frame that stands in skb arrives on `link`. */
export function receive(link: Link): void {
  const s = skb();
  assert(link.netns == s.netns && !s.ended, 'arrives where the packet is');
  traceEnter(link);
  forwardsClear();
  // What was on a wire, or went through lo, is taken up later: the lock is free by then.
  unlockIcmp();
  s.prerouted = 0;
  if (!s.framed && (link.flags & LinkFlag.LOOPBACK) == 0) addressTo(some(link.master) ? link.master : link);
  s.oif = none<Link>();
  if (!isUp(link)) {
    finish(Disposition.DROPPED, Reason.LINK_DOWN);
    return;
  }
  if (!enters(link)) return;
  if ((link.flags & LinkFlag.LOOPBACK) != 0) {
    s.iif = link;
    up(link);
    return;
  }
  const upper = upperFor(link, s.framed ? s.frameMac : 0);
  if (some(upper)) {
    // It takes every frame, whomever it is for.
    if (upper.stack.mode == StackMode.PASSTHRU) s.framed = 0;
    s.arrival = upper;
    s.climbs = 1;
    return;
  }
  if (some(link.master)) {
    if (bridgeInput(link) && enters(link.master)) up(link.master);
    return;
  }
  if (s.framed && !ownsMac(link, s.frameMac)) {
    finish(Disposition.DROPPED, Reason.OTHER_HOST);
    return;
  }
  s.iif = link;
  up(link);
}
