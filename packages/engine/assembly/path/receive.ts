/** A packet comes in (ip_input.c:ip_rcv(), ip_rcv_finish(), ip_local_deliver(); ip6_input.c:ip6_rcv_core()). */
import { LinkFlag } from '../../src/codes';
import { SocketOf } from '../../src/match-codes';
import { Disposition, Reason } from '../../src/terms';
import { Balance, balanceIn } from '../balance/link';
import { vrfOf } from '../core/links';
import { finish } from '../core/end';
import { gather } from '../core/gather';
import { none, packet, Relayed, RouteKind, skb, some } from '../core/skb';
import { traceEnter } from '../core/trace';
import { martian6, routeInput } from '../fib/input';
import { forwardsClear, ingress, Passage, sentTo } from '../hook/device';
import { input } from '../hook/input';
import { prerouting } from '../hook/prerouting';
import { Link } from '../layout/link';
import { isUp } from '../wire/domain';
import { ownsMac } from '../wire/flood';
import { topOf } from '../wire/landing';
import { unlockIcmp } from './answer';
import { bridgeInput } from './bridge';
import { deliver } from './deliver';
import { forward } from './forward';
import { pastStack } from './past-stack';
import { hear } from './question';
import { sendOn } from './send';
import { demux } from './sockets';
import { climbs } from './stacked';
import { forwardTo } from './transmit';
import { decapsulate } from './tunnel';

/** prerouting -> route -> (input | forward -> postrouting), above the link layer. */
function up(link: Link): void {
  const s = skb();
  const p = packet();
  if (p.family == 6 && martian6(link)) return;
  if (s.asks) {
    hear(link);
    return;
  }
  const vrf = vrfOf(link);
  const isPort = some(vrf) && vrf != link;
  // A bridge's ports spare it, unless it is a port of a VRF itself (br_netfilter_hooks.c:ip_sabotage_in()).
  if (!s.prerouted || isPort) {
    if (!prerouting()) return;
    if (isPort) {
      // The VRF takes what came by its ports, and the hooks run for it too (vrf.c:vrf_l3_rcv()).
      s.iif = vrf;
      s.vrfPort = link;
      s.prerouted = 1;
      if (prerouting()) up(vrf);
      return;
    }
  }
  s.demuxed = 0;
  if (s.kind == <u8>RouteKind.NONE) {
    demux(p);
    if (!routeInput(link)) return;
  }
  if (s.kind == <u8>RouteKind.UNICAST) {
    // A unicast route through lo leads nowhere (dst_discard).
    if ((link.flags & LinkFlag.LOOPBACK) != 0 && s.dev == link) {
      finish(Disposition.DROPPED, Reason.MARTIAN_DESTINATION);
      return;
    }
    forward();
    return;
  }
  // IPv4 puts pieces together before INPUT (ip_local_deliver()), IPv6 behind it, as what a header asks for (ipv6_frag_rcv()).
  if (p.fragment != 0 && p.family == 4 && !gather()) return;
  if (!input()) return;
  if (s.sentOn) sendOn();
  else if (gather() && !decapsulate()) deliver();
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
  if (passage == Passage.FORWARDED) forwardTo(link, sentTo);
  return passage == Passage.ON;
}

/** The frame that stands in skb arrives on `link`. */
export function receive(link: Link): void {
  const s = skb();
  assert(link.netns == s.netns && !s.ended, 'arrives where the packet is');
  traceEnter(link);
  forwardsClear();
  s.nested = 0;
  s.lost = none<Link>();
  // What was on a wire, or went through lo, is taken up later: the lock is free by then.
  if (!s.asks) unlockIcmp();
  if (s.climbs == 0) s.prerouted = 0;
  s.climbs = 0;
  // Its socket stays behind, on the way through lo too (skb_orphan()).
  s.socket = <u8>SocketOf.NONE;
  s.relayed &= ~<u8>Relayed.AGAIN;
  if (!s.framed && (link.flags & LinkFlag.LOOPBACK) == 0) addressTo(topOf(link));
  s.oif = none<Link>();
  if (!isUp(link)) {
    finish(Disposition.DROPPED, Reason.LINK_DOWN);
    return;
  }
  if (some(link.balancing) && !s.asks) {
    const balance = balanceIn(link);
    if (balance == Balance.PAST) pastStack();
    if (balance != Balance.ON) return;
  }
  if (!enters(link)) return;
  if ((link.flags & LinkFlag.LOOPBACK) != 0) {
    s.iif = link;
    up(link);
    return;
  }
  if (some(link.stack) && climbs(link)) return;
  if (some(link.master)) {
    const bridge = link.master;
    if (!bridgeInput(link) || !enters(bridge) || (some(bridge.stack) && climbs(bridge))) return;
    if (s.tag != 0) finish(Disposition.DROPPED, Reason.OTHER_HOST);
    else up(bridge);
    return;
  }
  if (s.tag != 0 || (s.framed && !ownsMac(link, s.frameMac))) {
    finish(Disposition.DROPPED, Reason.OTHER_HOST);
    return;
  }
  s.iif = link;
  up(link);
}
