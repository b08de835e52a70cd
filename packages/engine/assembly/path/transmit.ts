/** Out of a link (ip_output.c:ip_finish_output2()), and over the wire to whoever is next. */
import { LinkFlag } from '../../src/codes';
import { StackMode } from '../../src/stack-codes';
import { Disposition, Hook, Reason } from '../../src/terms';
import { balanceOut } from '../balance/link';
import { answerWith, finish, finishTooLong, ReplyKind } from '../core/end';
import { none, packet, RouteKind, skb, some } from '../core/skb';
import { traceBridge, traceTransmit } from '../core/trace';
import { allBridgeChains } from '../hook/bridge';
import { egress, Passage, sentTo } from '../hook/device';
import { isTooLong, pieceSize } from '../fib/path-mtu';
import { renewNexthop } from '../fib/result';
import { FdbEntry } from '../layout/host';
import { Link, Segment } from '../layout/link';
import { endOf, isUp, leadsTo, portOf } from '../wire/domain';
import { leadsToMac, ownsMac } from '../wire/flood';
import { land, landed, landedTag, ownsAtLanding } from '../wire/landing';
import { lowerOf } from '../wire/stacks';
import { admits, filters, inVlan, NO_VLAN, tagOut } from '../wire/vlans';
import { entryFor } from '../wire/tunnels';
import { cut } from './cut';
import { routesAgain, sendDown } from './stacked';
import { encapsulate } from './tunnel';
import { resolve, resolvedLink, resolvedMac } from '../wire/resolve';
import { exchange, isWalked } from './question';

/** How much more than its MTU a device takes. */
export const VLAN_HEADER: u32 = 4;

/** XMIT_RECURSION_LIMIT */
const MOST_NESTED: u8 = 8;

/** A device sends the frame, maybe for another one that is sending it; false where the walk ended (__dev_queue_xmit()). */
function nests(): bool {
  const s = skb();
  if (s.nested > MOST_NESTED) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return false;
  }
  s.nested++;
  return true;
}

/** The neighbour of the packet's next hop becomes the frame's destination; false where nobody answers. */
export function addressFrame(link: Link): bool {
  const s = skb();
  // A question is asked with what is known already.
  const walked = !s.asks && isWalked(s.gatewayFamily);
  if (!resolve(link, s.gatewayFamily, s.gatewayHi, s.gatewayLo, walked, exchange)) return false;
  s.framed = 1;
  s.frameMac = resolvedMac;
  s.target = resolvedLink;
  s.frameHi = s.gatewayHi;
  s.frameLo = s.gatewayLo;
  s.frameFamily = s.gatewayFamily;
  return true;
}

/** Nobody has the next hop. The host says so, to itself where it made the packet (arp_error_report(), ndisc_error_report()). */
export function noNeighbor(link: Link): void {
  const s = skb();
  traceTransmit(link, s.gatewayHi, s.gatewayLo, s.gatewayFamily, none<Link>());
  // What is about this very neighbour is thrown away with all that waited for it (neigh_invalidate()).
  if (s.lost == link && s.lostFamily == s.gatewayFamily && s.lostHi == s.gatewayHi && s.lostLo == s.gatewayLo) {
    finish(Disposition.DROPPED, Reason.NO_NEIGHBOR);
    return;
  }
  s.lost = link;
  s.lostFamily = s.gatewayFamily;
  s.lostHi = s.gatewayHi;
  s.lostLo = s.gatewayLo;
  finish(Disposition.UNREACHABLE, Reason.NO_NEIGHBOR);
  if (packet().family == 4) answerWith(ReplyKind.ICMP, 3, 1);
  else answerWith(ReplyKind.ICMP, 1, 3);
}

/** Where a bridge sends the frame of a VLAN: a static entry, else the port behind which its destination is; null: nowhere. */
export function portTowards(bridge: Link, vlan: i32): Link {
  const s = skb();
  const netns = bridge.netns;
  // Static entries are for frames that are for one.
  const single = s.group == 0;
  for (let i: u32 = 0; i < netns.fdbCount && single; i++) {
    const entry = changetype<FdbEntry>(netns.fdb + <usize>i * offsetof<FdbEntry>());
    if (entry.mac != s.frameMac || entry.family != 0 || entry.link.master != bridge) continue;
    if (entry.vlan == 0 || <i32>entry.vlan == vlan || !filters(bridge)) return entry.link;
  }
  // A tunnel's own entry leads there, whoever is behind it.
  for (let port = bridge.ports; some(port) && single; port = port.nextPort) {
    if (some(port.tunnel) && isUp(port) && admits(bridge, port, vlan) && entryFor(port, s.frameMac)) return port;
  }
  if (bridge.mixed) {
    for (let port = bridge.ports; some(port); port = port.nextPort) {
      if (!isUp(port) || !admits(bridge, port, vlan)) continue;
      if (leadsToMac(port, tagOut(bridge, port, vlan), s.frameMac, bridge)) return port;
    }
    return none<Link>();
  }
  if (!some(s.target)) return none<Link>();
  const port = portOf(bridge, s.target);
  return some(port) && leadsTo(port, s.target) ? port : none<Link>();
}

/** Does the link, or the bridge that it is a port of, take the frame? A bridge does not where it would send it back. */
function takes(end: Link): bool {
  const s = skb();
  if (!isUp(end)) return false;
  const bridge = end.master;
  if (!some(bridge)) return end == s.target || (some(s.target) && lowerOf(s.target) == end);
  if (ownsMac(bridge, s.frameMac)) return true;
  if (!isUp(bridge)) return false;
  const port = portTowards(bridge, 0);
  return some(port) && port != end;
}

/** One end of a segment takes the frame; the other end of a wire gets it, wanted or not. */
function takerOf(out: Link): Link {
  const s = skb();
  if (some(out.peer)) return out.peer;
  if (!s.framed || !some(out.segment)) return none<Link>();
  if (out.mixed) return takerIn(out.segment, out);
  const end = some(s.target) ? endOf(out, s.target) : none<Link>();
  if (some(end) && takes(end)) return end;
  // Static entries may lead elsewhere.
  for (let at = out.segment.links; some(at); at = at.nextOnSegment) if (at != out && takes(at)) return at;
  return none<Link>();
}

/** In a mixed domain: who has the address, else whose bridge leads to it. */
function takerIn(segment: Segment, out: Link): Link {
  const s = skb();
  for (let at = segment.links; some(at); at = at.nextOnSegment) {
    if (at != out && isUp(at) && land(at, s.tag) && ownsAtLanding(s.frameMac)) return at;
  }
  for (let at = segment.links; some(at); at = at.nextOnSegment) {
    if (at == out || !isUp(at) || !land(at, s.tag)) continue;
    const from = landed;
    const bridge = from.master;
    if (!some(bridge) || !isUp(bridge)) continue;
    const vlan = inVlan(bridge, from, landedTag);
    const port = vlan == NO_VLAN ? none<Link>() : portTowards(bridge, vlan);
    // A bridge that would send the frame back where it came from does not take it.
    if (some(port) && port != from) return at;
  }
  return none<Link>();
}

/** egress of a device, which the frame leaves as from `sourceMac`; false where the walk ended, or the packet went on by another device. */
function leaves(out: Link, sourceMac: u64): bool {
  const s = skb();
  const came = s.sourceMac;
  s.sourceMac = sourceMac;
  const passage = egress(out);
  s.sourceMac = came;
  if (passage == Passage.FORWARDED) forwardTo(out, sentTo);
  if (passage != Passage.ON) return false;
  if (some(out.balancing) && !s.asks) balanceOut(out);
  return true;
}

/** egress of a device for a frame whose destination nobody was asked for. */
function leavesUnaddressed(out: Link): bool {
  skb().framed = 0;
  return leaves(out, out.mac);
}

/** A rule sends the frame out of another device as it is (nf_fwd_netdev_egress()). Those on lo bear no address of anybody (arp_constructor()). */
export function forwardTo(from: Link, out: Link): void {
  const s = skb();
  const p = packet();
  if ((from.flags & LinkFlag.LOOPBACK) != 0) {
    s.framed = 1;
    s.frameMac = 0;
    s.target = none<Link>();
  }
  s.frameHi = p.daddrHi;
  s.frameLo = p.daddrLo;
  s.frameFamily = p.family;
  overWire(out, s.sourceMac != 0 ? s.sourceMac : out.mac);
}

/** A rule sends the frame out of a device that is no wire. */
function sendElsewhere(out: Link, sourceMac: u64): void {
  const s = skb();
  if ((out.flags & LinkFlag.LOOPBACK) != 0) {
    s.arrival = out;
    return;
  }
  if ((out.flags & LinkFlag.BRIDGE) != 0) {
    throughBridge(out, sourceMac);
    return;
  }
  traceTransmit(out, s.frameHi, s.frameLo, s.frameFamily, none<Link>());
  finish(Disposition.DROPPED, Reason.NO_NEIGHBOR);
}

/** Questions for neighbours pass a tunnel without their outer packet, straight to whom they are for. */
function passTunnel(sourceMac: u64): void {
  const s = skb();
  packet().mark = 0;
  s.ipvs = 0;
  s.tag = 0;
  s.sourceMac = sourceMac;
  s.arrival = s.towards;
}

/** The frame leaves by `out`; what it was within this host stays behind (skb_scrub_packet()). */
export function overWire(out: Link, sourceMac: u64): void {
  const s = skb();
  if (!leaves(out, sourceMac)) return;
  if (!isUp(out)) {
    finish(Disposition.DROPPED, Reason.LINK_DOWN);
    return;
  }
  if (!nests()) return;
  if ((out.flags & (LinkFlag.LOOPBACK | LinkFlag.BRIDGE | LinkFlag.DUMMY)) != 0) {
    sendElsewhere(out, sourceMac);
    return;
  }
  if (some(out.tunnel)) {
    if (s.asks) passTunnel(sourceMac);
    else encapsulate(out, sourceMac);
    return;
  }
  if ((out.flags & (LinkFlag.TUN | LinkFlag.UNFOLLOWED)) != 0) {
    traceTransmit(out, s.frameHi, s.frameLo, s.frameFamily, none<Link>());
    finish(Disposition.UNKNOWN, (out.flags & LinkFlag.TUN) != 0 ? Reason.TUN : Reason.UNMODELLED_LINK);
    return;
  }
  if (some(out.stack) && out.stack.mode != StackMode.NONE) {
    sendDown(out, sourceMac);
    return;
  }
  const taker = takerOf(out);
  traceTransmit(out, s.frameHi, s.frameLo, s.frameFamily, taker);
  if (!some(taker)) {
    finish(Disposition.DROPPED, Reason.OTHER_HOST);
    return;
  }
  // A veth end drops what is longer than its MTU and a VLAN tag (is_skb_forwardable()).
  if ((out.flags & LinkFlag.VETH) != 0 && min(packet().length, out.mtu) > taker.mtu + VLAN_HEADER) {
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  // Marks belong to a network namespace; a veth pair within one keeps them.
  if (taker.netns != out.netns || (out.flags & LinkFlag.VETH) == 0) {
    packet().mark = 0;
    s.ipvs = 0;
  }
  assert(taker.domain == out.domain, 'a wire does not leave its domain');
  s.sourceMac = sourceMac;
  s.arrival = taker;
}

/** The routed packet leaves: by lo back in, or to the neighbour of its next hop. */
export function transmit(): void {
  const s = skb();
  const dev = s.dev;
  assert(some(dev) && dev.netns == s.netns, 'a packet leaves by a link of its own namespace');
  // lwtunnel.c:lwtunnel_output(), lwtunnel_xmit()
  if (s.kind == <u8>RouteKind.UNICAST && s.nexthop.encap != 0) {
    finish(Disposition.UNKNOWN, Reason.UNMODELLED_ROUTE);
    return;
  }
  // Rewritten to another destination it may have less room than when it was made (ip_fragment(), ip6_fragment()).
  if (isTooLong()) {
    finishTooLong(packet().family == 4, s.mtu);
    return;
  }
  const size = pieceSize();
  if (size != 0) cut(size, none<Link>(), 0);
  else out();
}

/** A packet, or a piece of one, as the link takes it. */
export function out(): void {
  const s = skb();
  const dev = s.dev;
  renewNexthop();
  if ((dev.flags & LinkFlag.LOOPBACK) != 0) {
    if (leaves(dev, 0)) s.arrival = dev;
    return;
  }
  if (s.kind == <u8>RouteKind.MULTI) {
    if (!leavesUnaddressed(dev)) return;
    traceTransmit(dev, s.gatewayHi, s.gatewayLo, s.gatewayFamily, none<Link>());
    finish(Disposition.UNREACHABLE, Reason.NO_NEIGHBOR);
    return;
  }
  if ((dev.flags & LinkFlag.DUMMY) != 0) {
    if (!leavesUnaddressed(dev)) return;
    traceTransmit(dev, s.gatewayHi, s.gatewayLo, s.gatewayFamily, none<Link>());
    finish(Disposition.DROPPED, Reason.NO_NEIGHBOR);
    return;
  }
  if ((dev.flags & (LinkFlag.TUN | LinkFlag.UNFOLLOWED)) != 0 || (some(dev.stack) && routesAgain(dev))) {
    s.framed = 0;
    s.frameHi = s.gatewayHi;
    s.frameLo = s.gatewayLo;
    s.frameFamily = s.gatewayFamily;
    overWire(dev, dev.mac);
    return;
  }
  if (!addressFrame(dev)) {
    noNeighbor(dev);
    return;
  }
  if ((dev.flags & LinkFlag.BRIDGE) == 0) {
    overWire(dev, dev.mac);
    return;
  }
  if (leaves(dev, dev.mac) && nests()) throughBridge(dev, dev.mac);
}

/** What the stack sends through a bridge: output -> postrouting of the bridge, and out of one port. */
function throughBridge(dev: Link, sourceMac: u64): void {
  const s = skb();
  const vlan = inVlan(dev, none<Link>(), s.tag);
  const port = vlan == NO_VLAN ? none<Link>() : portTowards(dev, vlan);
  if (!some(port)) {
    traceTransmit(dev, s.frameHi, s.frameLo, s.frameFamily, none<Link>());
    finish(Disposition.DROPPED, Reason.OTHER_HOST);
    return;
  }
  traceBridge(dev, none<Link>(), port);
  // The frame is the bridge's own from here on.
  s.sourceMac = sourceMac;
  s.tag = <u16>tagOut(dev, port, vlan);
  if (!allBridgeChains(Hook.OUTPUT, none<Link>(), port)) return;
  if (!allBridgeChains(Hook.POSTROUTING, none<Link>(), port)) return;
  // What may be cut is cut to the route's MTU before the bridge sees it.
  if (min(packet().length, s.mtu) > port.mtu + VLAN_HEADER) {
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  overWire(port, s.sourceMac);
}
