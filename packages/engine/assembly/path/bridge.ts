/**
 * A frame that comes in by a port (br_input.c:br_handle_frame_finish(); br_netfilter_hooks.c:br_nf_pre_routing(), br_nf_forward_ip(),
 * br_nf_post_routing(); br_forward.c:should_deliver()).
 */
import { LinkFlag, NetnsFlag } from '../../src/codes';
import { FamilyCode } from '../../src/nft-codes';
import { Disposition, Hook, Reason } from '../../src/terms';
import { endRecord, finish, ReplyKind } from '../core/end';
import { none, packet, RouteKind, skb, some } from '../core/skb';
import { lastWasRoute, traceBridge } from '../core/trace';
import { routeInput } from '../fib/input';
import { arp } from '../hook/arp';
import { allBridgeChains, BRIDGE_NF, BRIDGE_NF_FORWARD, bridgeChains } from '../hook/bridge';
import { FIRST, LAST } from '../hook/chains';
import { forward } from '../hook/forward';
import { postrouting } from '../hook/postrouting';
import { prerouting } from '../hook/prerouting';
import { Link } from '../layout/link';
import { isUp, mayPass } from '../wire/domain';
import { ownsMac } from '../wire/flood';
import { macvlanHas } from '../wire/stacks';
import { admits, inVlan, NO_VLAN, tagOut } from '../wire/vlans';
import { cut } from './cut';
import { sendOn } from './send';
import { addressFrame, noNeighbor, overWire, portTowards, VLAN_HEADER } from './transmit';

const MINIMUM_MTU_6: u32 = 1280;

function drop(reason: Reason): void {
  finish(Disposition.DROPPED, reason);
}

/** The frame is for the bridge's own stack. */
function addressBridge(bridge: Link): void {
  const s = skb();
  s.framed = 1;
  s.frameMac = bridge.mac;
  s.target = bridge;
}

/** PREROUTING changed the destination: to another neighbour by the same bridge, or up. False where the walk ended. */
function redirect(bridge: Link, port: Link): bool {
  const s = skb();
  if (!routeInput(bridge)) {
    const end = endRecord();
    if (packet().family == 6) {
      // IPv6 frees the packet in silence.
      end.reply = <u8>ReplyKind.NONE;
      return false;
    }
    // IPv4 lets the stack above say that there is no way, but frees martians.
    const reason = <u32>end.reason;
    const martian =
      reason == Reason.MARTIAN_SOURCE || reason == Reason.MARTIAN_DESTINATION || reason == Reason.RP_FILTER;
    if (!martian || (reason == Reason.MARTIAN_DESTINATION && lastWasRoute())) traceBridge(bridge, port, none<Link>());
    return false;
  }
  if (s.kind != <u8>RouteKind.UNICAST || s.dev != bridge) {
    addressBridge(bridge);
    return true;
  }
  // Of a frame that was for another (PACKET_OTHERHOST) nobody is told (icmp_send(), icmp6_send()).
  const isOwn = s.frameMac == bridge.mac || s.frameMac == port.mac;
  if (addressFrame(bridge)) return true;
  noNeighbor(bridge);
  if (!isOwn) endRecord().reply = <u8>ReplyKind.NONE;
  return false;
}

/** Out of the port: what it cannot send is dropped, but bridge netfilter cuts IPv4 where that is allowed, and what it put together (br_nf_dev_queue_xmit()). */
function sendBy(port: Link, filtered: bool, mac: u64): void {
  const p = packet();
  const widest = skb().widest;
  const mtu = port.mtu;
  if (!filtered || p.length <= (widest == 0 ? mtu : min(mtu, widest))) {
    if (!filtered && p.length > mtu + VLAN_HEADER) drop(Reason.FRAGMENTATION_NEEDED);
    else overWire(port, mac);
    return;
  }
  const stays = p.dontFragment || (p.family == 6 && (widest == 0 || widest < MINIMUM_MTU_6)) || widest > mtu;
  if (stays) drop(Reason.FRAGMENTATION_NEEDED);
  else cut(widest == 0 ? mtu : widest, port, mac);
}

/** No chain is told the input interface there (br_netfilter_hooks.c:br_nf_post_routing()). */
function postroutingOfBridge(): bool {
  const s = skb();
  const iif = s.iif;
  s.iif = none<Link>();
  const passed = postrouting();
  s.iif = iif;
  return passed;
}

/** From port to port, with bridge-nf through forward -> postrouting. */
function passThrough(bridge: Link, from: Link, to: Link, came: bool): void {
  const s = skb();
  // Bridge netfilter takes a frame that leaves with a tag for no IP (br_nf_forward()).
  const filtered = came && s.tag == 0;
  if (to == from && (from.flags & LinkFlag.HAIRPIN) == 0) return drop(Reason.BRIDGE_HAIRPIN_OFF);
  if (!mayPass(from, to)) return drop(Reason.BRIDGE_ISOLATED);
  if (!isUp(to)) return drop(Reason.LINK_DOWN);
  if (!bridgeChains(Hook.FORWARD, FIRST, BRIDGE_NF_FORWARD, from, to)) return;
  if (filtered) {
    s.oif = bridge;
    s.physOut = to;
    if (!forward()) return;
    if (s.sentOn) return sendOn();
  }
  if (!forwardArp(from, to)) return;
  if (!bridgeChains(Hook.FORWARD, BRIDGE_NF_FORWARD, LAST, from, to)) return;
  const sourceMac = s.sourceMac;
  if (sourceMac == 0) s.sourceMac = bridge.mac;
  if (!allBridgeChains(Hook.POSTROUTING, none<Link>(), to)) return;
  if (sourceMac == 0 && s.sourceMac == bridge.mac) s.sourceMac = 0;
  if (filtered && !postroutingOfBridge()) return;
  sendBy(to, filtered, s.sourceMac != 0 ? s.sourceMac : bridge.mac);
}

/** Which setting has the packet pass the hooks above the bridge; none at PREROUTING for ARP. */
function callFlag(family: u32): u32 {
  if (family == 4) return NetnsFlag.BRIDGE_CALL_4;
  return family == 6 ? NetnsFlag.BRIDGE_CALL_6 : 0;
}

/** arptables' chains between ports (br_nf_forward_arp()); false where the walk ended. */
function forwardArp(from: Link, to: Link): bool {
  if (packet().family != <u8>FamilyCode.ARP || (skb().netns.flags & NetnsFlag.BRIDGE_CALL_ARP) == 0) return true;
  return arp(Hook.FORWARD, from, to);
}

/** True where the stack above the bridge gets the packet; else the walk ended, or the frame went on by another port. */
export function bridgeInput(port: Link): bool {
  const s = skb();
  const p = packet();
  const bridge = port.master;
  if (!isUp(bridge)) {
    drop(Reason.LINK_DOWN);
    return false;
  }
  // Frames with a tag pass bridge netfilter untouched, unless asked for (bridge-nf-filter-vlan-tagged).
  const filtered = s.tag == 0 && (s.netns.flags & callFlag(p.family)) != 0;
  s.iif = bridge;
  if (!bridgeChains(Hook.PREROUTING, FIRST, BRIDGE_NF, port, none<Link>())) return false;
  if (filtered) {
    s.physIn = port;
    const hi = p.daddrHi;
    const lo = p.daddrLo;
    if (!prerouting()) return false;
    if ((p.daddrHi != hi || p.daddrLo != lo) && !redirect(bridge, port)) return false;
  }
  s.prerouted = filtered;
  if (!bridgeChains(Hook.PREROUTING, BRIDGE_NF, LAST, port, none<Link>())) return false;
  const vlan = inVlan(bridge, port, s.tag);
  if (vlan == NO_VLAN) {
    drop(Reason.OTHER_HOST);
    return false;
  }
  if (ownsMac(bridge, s.frameMac) || macvlanHas(bridge, s.frameMac)) {
    if (!admits(bridge, bridge, vlan)) {
      drop(Reason.OTHER_HOST);
      return false;
    }
    s.tag = <u16>tagOut(bridge, bridge, vlan);
    traceBridge(bridge, port, none<Link>());
    if (!allBridgeChains(Hook.INPUT, port, none<Link>())) return false;
    // The stack above knows no more that it came in pieces (ip_rcv_core()).
    s.widest = 0;
    return true;
  }
  const to = portTowards(bridge, vlan);
  if (!some(to)) {
    drop(Reason.OTHER_HOST);
    return false;
  }
  traceBridge(bridge, port, to);
  s.tag = <u16>tagOut(bridge, to, vlan);
  passThrough(bridge, port, to, filtered);
  return false;
}
