/**
 * Into a tunnel and out of it (vxlan_core.c:vxlan_xmit_one(), vxlan_rcv(); geneve.c:geneve_xmit_skb(); ip_tunnel.c:ip_tunnel_xmit(),
 * ip_tunnel_rcv(); sit.c:ipip6_tunnel_xmit(); ip6_tunnel.c:ip6_tnl_xmit(); wireguard/device.c:wg_xmit(); iptunnel_xmit()).
 */
import { StepKind } from '../../src/codes';
import { Disposition, Protocol, Reason } from '../../src/terms';
import { TunnelFlag, TunnelType } from '../../src/tunnel-codes';
import { weigh } from '../core/choice';
import { answerWith, endRecord, finish, finishTooLong, ReplyKind } from '../core/end';
import { PACKETS, PACKET_BASE, SKB_BASE } from '../core/memory';
import { enterHost, none, packet, Relayed, RouteKind, skb, Skb, some } from '../core/skb';
import { traceTunnel } from '../core/trace';
import { clearKey } from '../fib/lookup';
import { chooseForFlow, chosenForFlow } from '../fib/multipath';
import { learnFromTunnel } from '../fib/path-mtu';
import { routeOutput } from '../fib/output';
import { forwardsClear } from '../hook/device';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { Tunnel } from '../layout/tunnel';
import { endOf } from '../wire/domain';
import { allowedPrefix, endIn, hasPort, outerHeader, place, placeFamily, placeHi, placeLo, placeOf } from '../wire/tunnels';
import {
  Payload,
  payloadAt,
  payloadDepth,
  payloadIsDeepest,
  payloadPop,
  payloadPush,
  payloadSkb,
  payloadTakeBack,
} from './payload';
import { transmit } from './transmit';

const IPIP: u8 = 4;
const IPV6: u8 = 41;
const GRE: u8 = 47;
const IP6TNL_LEAST_4: u32 = 68;
const MINIMUM_MTU_6: u32 = 1280;
const VLAN_TAG: u32 = 4;
/** WireGuard fills packets up to multiples of it. */
const PADDING: u32 = 16;
/** IP_TUNNEL_RECURSION_LIMIT */
const MOST_NESTED: u8 = 5;

@inline
function has(tunnel: Tunnel, flag: TunnelFlag): bool {
  return (tunnel.flags & <u16>flag) != 0;
}

/** UDP destination port of the outer packet, beside its address in `place`. */
let placePort: u32 = 0;

/** Ends the walk of a packet that its tunnel has no way for, and tells its sender. */
function refuse(reason: Reason): void {
  finish(Disposition.UNREACHABLE, reason);
  if (packet().family == 4) answerWith(ReplyKind.ICMP, 3, 1);
  else answerWith(ReplyKind.ICMP, 1, 3);
}

/** The peer whose prefixes hold the destination (wg_allowedips_lookup_dst()). */
function placeOfPeer(tunnel: Tunnel): bool {
  const p = packet();
  const prefix = allowedPrefix(tunnel, p.family, p.daddrHi, p.daddrLo);
  if (!some(prefix) || prefix.endpointFamily == 0) {
    refuse(Reason.NO_NEIGHBOR);
    return false;
  }
  place(prefix.endpointFamily, prefix.endpointHi, prefix.endpointLo);
  placePort = prefix.endpointPort;
  return true;
}

/** A tunnel to anywhere goes to the gateway of the inner route, or to the very destination. */
function placeByRoute(tunnel: Tunnel): bool {
  const s = skb();
  const p = packet();
  const family: u8 = tunnel.type == <u8>TunnelType.IPIP ? 4 : 6;
  if (s.frameFamily == family) place(family, s.frameHi, s.frameLo);
  else if (p.family == family) place(family, p.daddrHi, p.daddrLo);
  else {
    refuse(Reason.NO_NEIGHBOR);
    return false;
  }
  return true;
}

/** Where the outer packet goes: into `place`. False where the walk ended. */
function findPlace(link: Link): bool {
  const s = skb();
  const tunnel = link.tunnel;
  placePort = tunnel.port;
  if (tunnel.type == <u8>TunnelType.WIREGUARD) return placeOfPeer(tunnel);
  if (tunnel.type == <u8>TunnelType.IP6TNL && tunnel.localFamily == 0) {
    // It sends from an address of its own alone (ip6_tnl_xmit_ctl()).
    refuse(Reason.NO_SOURCE_ADDRESS);
    return false;
  }
  if (has(tunnel, TunnelFlag.FRAMES)) {
    const towards = some(s.target) ? endOf(link, s.target) : none<Link>();
    if (placeOf(link, s.framed ? s.frameMac : 0, towards)) return true;
    finish(Disposition.DROPPED, Reason.NO_NEIGHBOR);
    return false;
  }
  if (tunnel.remoteFamily != 0) {
    place(tunnel.remoteFamily, tunnel.remoteHi, tunnel.remoteLo);
    return true;
  }
  if (tunnel.type == <u8>TunnelType.IPIP || tunnel.type == <u8>TunnelType.IP6TNL) return placeByRoute(tunnel);
  // GRE goes by neighbours, SIT by addresses within addresses.
  finish(Disposition.UNKNOWN, Reason.UNMODELLED_LINK);
  return false;
}

/** A hash of the inner flow that nobody knows: one of the ports that the rules tell apart (udp_flow_src_port()). */
function sourcePort(tunnel: Tunnel): u16 {
  const count = tunnel.portCount;
  if (count < 2) return tunnel.sourcePort;
  const p = packet();
  const key = clearKey(skb().netns, p.family);
  key.saddrHi = p.saddrHi;
  key.saddrLo = p.saddrLo;
  key.daddrHi = p.daddrHi;
  key.daddrLo = p.daddrLo;
  key.protocol = p.protocol;
  key.sport = p.sport;
  key.dport = p.dport;
  let taken = chosenForFlow(changetype<usize>(tunnel));
  if (taken < 0) {
    for (let i: u32 = 0; i < count; i++) weigh(load<u32>(tunnel.ports + (<usize>i << 2)) >>> 16);
    taken = <i32>chooseForFlow(changetype<usize>(tunnel), count);
  }
  return load<u16>(tunnel.ports + (<usize>taken << 2));
}

/** wireguard/send.c:calculate_skb_padding() */
function padded(length: u32, mtu: u32): u32 {
  const last = length > mtu ? length % mtu : length;
  return length - last + min(mtu, (last + PADDING - 1) & ~(PADDING - 1));
}

/** The outer packet takes the inner one's place. */
function build(link: Link): void {
  const p = packet();
  const s = skb();
  const tunnel = link.tunnel;
  const underlay = tunnel.underlay;
  const v4 = placeFamily == 4;
  const wireguard = tunnel.type == <u8>TunnelType.WIREGUARD;
  const udp = has(tunnel, TunnelFlag.UDP);
  const sport = sourcePort(tunnel);
  const inner4 = p.family == 4;
  const mark = wireguard ? tunnel.mark : underlay == link.netns ? p.mark : 0;
  const body = wireguard ? padded(p.length, s.kind == <u8>RouteKind.NONE ? link.mtu : s.mtu) : p.length;
  const tag = has(tunnel, TunnelFlag.FRAMES) && s.tag != 0 ? VLAN_TAG : 0;
  const length = body + tag + tunnel.header + (v4 ? 20 : 40);
  const tos = has(tunnel, TunnelFlag.INHERIT_TOS) ? p.tos : tunnel.tos;
  // INET_ECN_encapsulate(): experienced congestion stays inside.
  const ecn = (p.tos & 3) == 3 ? 2 : p.tos & 3;
  const inherits = has(tunnel, TunnelFlag.INHERIT_TTL);
  const ttl = inherits ? <u32>p.ttl : <u32>tunnel.ttl;
  // Over UDP a TTL of 0 is none; the others send it.
  const hostTtl = ttl == 0 && (udp || !inherits);
  const df =
    has(tunnel, TunnelFlag.DF) ||
    (has(tunnel, TunnelFlag.INHERIT_DF) && (!inner4 || p.dontFragment != 0)) ||
    (has(tunnel, TunnelFlag.INHERIT_DF_4) && inner4 && p.dontFragment != 0);
  memory.fill(PACKET_BASE, 0, PACKETS);
  p.family = <u8>placeFamily;
  p.protocol = udp ? <u8>Protocol.UDP : has(tunnel, TunnelFlag.GRE) ? GRE : inner4 ? IPIP : IPV6;
  p.saddrHi = tunnel.localHi;
  p.saddrLo = tunnel.localLo;
  p.sourceless = tunnel.localFamily == 0;
  p.daddrHi = placeHi;
  p.daddrLo = placeLo;
  p.sport = sport;
  p.dport = udp ? <u16>placePort : 0;
  p.ttl = <u8>(hostTtl ? (v4 ? underlay.ttl4 : underlay.ttl6) : ttl);
  p.tos = <u8>((tos & 0xfc) | ecn);
  p.mark = mark;
  p.length = length;
  p.dontFragment = df;
}

/** The outer packet begins its way in the underlay, with nothing known of it. */
function startIn(netns: Netns, dev: Link): void {
  const s = skb();
  // The socket goes along as far as it is one of the same namespace.
  const stays = s.netns == netns;
  const socket = stays ? s.socket : 0;
  const lost = stays ? s.lost : none<Link>();
  enterHost(netns);
  s.lost = lost;
  s.made = 1;
  s.socket = socket;
  if (!stays) s.ipvs = 0;
  s.through = dev;
  s.relayed = <u8>Relayed.OUTER;
  s.datagram = 0;
  s.framed = 0;
  s.sourceMac = 0;
  s.target = none<Link>();
  s.tag = 0;
  forwardsClear();
}

/** A frame that does not fit into an outer packet in one piece makes the way of its packet narrower (skb_tunnel_check_pmtu()). */
function tellRoute(link: Link): void {
  const inner = changetype<Packet>(payloadAt(payloadDepth() - 1));
  const added = packet().length - inner.length;
  const room = skb().mtu > added ? skb().mtu - added : 0;
  const type = link.tunnel.type;
  if (type != <u8>TunnelType.VXLAN && type != <u8>TunnelType.GENEVE) return;
  if (inner.length > room) learnFromTunnel(link, inner, room);
}

/** The way of the outer packet; tunnels of packets go by a mark of their own (ip_tunnel_init_flow(), ip6_tnl_xmit()). */
function routeOuter(tunnel: Tunnel): bool {
  if (!has(tunnel, TunnelFlag.ROUTE_MARK)) return routeOutput();
  const p = packet();
  const mark = p.mark;
  p.mark = tunnel.mark;
  const found = routeOutput();
  p.mark = mark;
  return found;
}

/** No way for the outer packet: SIT and ip6tnl tell the sender (dst_link_failure()), the others nobody. */
function noWay(tunnel: Tunnel): void {
  const end = endRecord();
  const inner = changetype<Packet>(payloadAt(payloadDepth() - 1));
  const tells = tunnel.type == <u8>TunnelType.IP6TNL || (tunnel.type == <u8>TunnelType.SIT && inner.family == 6);
  if (!tells) {
    // With the mark that it has, not the one that it was routed by.
    const reason = <Reason>end.reason;
    skb().ended = 0;
    finish(Disposition.DROPPED, reason);
    return;
  }
  const reason = <Reason>end.reason;
  payloadTakeBack();
  refuse(reason);
}

/**
 * True where the tunnel has no room for the packet and the walk ended: its sender is told, or, in tunnels of frames, nobody
 * (tnl_update_pmtu(), ipip6_tunnel_xmit(), ip6_tnl_xmit()).
 */
function tooBig(tunnel: Tunnel): bool {
  const outer = packet();
  const mtu = skb().mtu;
  if (outer.length <= mtu || has(tunnel, TunnelFlag.UDP)) return false;
  const inner = changetype<Packet>(payloadAt(payloadDepth() - 1));
  const v4 = inner.family == 4;
  const added = outer.length - inner.length;
  const room = mtu > added ? mtu - added : 0;
  if (tunnel.type == <u8>TunnelType.IP6TNL) {
    if (inner.length <= max(room, v4 ? IP6TNL_LEAST_4 : MINIMUM_MTU_6)) return false;
  } else if (!has(tunnel, TunnelFlag.DF)) {
    return false;
  } else if (tunnel.type == <u8>TunnelType.SIT && !v4) {
    if (inner.length <= max(room, MINIMUM_MTU_6)) return false;
  } else if (v4 ? !inner.dontFragment : room < MINIMUM_MTU_6) {
    return false;
  } else if (has(tunnel, TunnelFlag.FRAMES)) {
    // Devices of frames know nothing of the packet's route any more, and so cannot answer.
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return true;
  }
  const least: u32 = v4 ? IP6TNL_LEAST_4 : MINIMUM_MTU_6;
  const type = tunnel.type;
  payloadTakeBack();
  finishTooLong(v4, type == <u8>TunnelType.IP6TNL || type == <u8>TunnelType.SIT ? max(room, least) : max<u32>(room, 1));
  return true;
}

/** SIT over a way with less room than IPv6 may count on: the outer packet is cut (ipip6_tunnel_xmit()). */
function allowCuts(tunnel: Tunnel): void {
  if (tunnel.type != <u8>TunnelType.SIT) return;
  const inner = changetype<Packet>(payloadAt(payloadDepth() - 1));
  const p = packet();
  if (inner.family == 6 && skb().mtu < MINIMUM_MTU_6 + p.length - inner.length) p.dontFragment = 0;
}

/** The frame or packet in skb leaves by a tunnel. */
export function encapsulate(link: Link, sourceMac: u64): void {
  const s = skb();
  const p = packet();
  const tunnel = link.tunnel;
  s.sourceMac = sourceMac;
  if (!has(tunnel, p.family == 4 ? TunnelFlag.CARRIES_4 : TunnelFlag.CARRIES_6)) {
    finish(Disposition.DROPPED, Reason.NOT_CARRIED);
    return;
  }
  if (!findPlace(link)) return;
  if (payloadIsDeepest()) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  }
  const routed = s.kind != <u8>RouteKind.NONE && s.dev == link;
  const framed = s.framed;
  payloadPush(link);
  build(link);
  startIn(tunnel.underlay, tunnel.dev);
  s.outerOf = link;
  traceTunnel(StepKind.ENCAPSULATE, link);
  if (!routeOuter(tunnel)) {
    noWay(tunnel);
    return;
  }
  if (s.dev == link) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  }
  // To this very host it is not wrapped at all (encap_bypass_if_local()).
  if (s.kind == <u8>RouteKind.LOCAL && tunnel.type == <u8>TunnelType.VXLAN && decapsulate()) return;
  if (routed) tellRoute(link);
  if (tooBig(tunnel)) return;
  allowCuts(tunnel);
  // The link-layer header that the outer packet has until it leaves is that of the frame within (skb->mac_header).
  if (has(tunnel, TunnelFlag.FRAMES)) {
    s.framed = framed;
    s.sourceMac = sourceMac;
  }
  // What WireGuard sends a worker of its own does.
  if (tunnel.type == <u8>TunnelType.WIREGUARD) s.nested = 0;
  else if (s.nested > MOST_NESTED) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  } else s.nested++;
  if (!output()) return;
  if (!postrouting()) return;
  s.framed = 0;
  s.sourceMac = 0;
  if (p.dontFragment && p.length > s.mtu) {
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  transmit();
}

/** The end here that the packet is for; its header goes to `outerHeader`. */
function endHere(from: Link): Link {
  const p = packet();
  const outer = outerHeader();
  outer.saddrHi = p.saddrHi;
  outer.saddrLo = p.saddrLo;
  outer.daddrHi = p.daddrHi;
  outer.daddrLo = p.daddrLo;
  outer.sourceFamily = p.family;
  outer.family = p.family;
  outer.port = p.dport;
  return endIn(skb().netns, from);
}

/** WireGuard: is the sender the peer that may send from the inner packet's source (wg_packet_consume_data_done())? */
function isPeer(end: Tunnel, from: Tunnel, inner: Packet): bool {
  const prefix = allowedPrefix(end, inner.family, inner.saddrHi, inner.saddrLo);
  if (!some(prefix)) return false;
  if (from.key != 0 && prefix.key != 0) return from.key == prefix.key;
  const p = packet();
  if (prefix.endpointFamily == 0) return true;
  return prefix.endpointFamily == p.family && prefix.endpointLo == p.saddrLo && prefix.endpointHi == p.saddrHi;
}

/** The packet that reached its address is a tunnel's: it comes out, or the walk ends. False: it carries nothing. */
export function decapsulate(): bool {
  if (payloadDepth() == 0) return false;
  const s = skb();
  const p = packet();
  const at = payloadAt(payloadDepth() - 1);
  const from = changetype<Payload>(at + PACKETS).link.tunnel;
  const end = endHere(changetype<Payload>(at + PACKETS).link);
  const wireguard = from.type == <u8>TunnelType.WIREGUARD;
  if (!some(end)) {
    if (has(from, TunnelFlag.UDP) && hasPort(s.netns, p.dport, p.family)) {
      finish(Disposition.DROPPED, Reason.NO_SOCKET);
      return true;
    }
    finish(Disposition.REFUSED, Reason.NO_LISTENER);
    if (p.family == 4) answerWith(ReplyKind.ICMP, 3, 3);
    else answerWith(ReplyKind.ICMP, 1, 4);
    return true;
  }
  if (wireguard && !isPeer(end.tunnel, from, changetype<Packet>(at))) {
    finish(Disposition.DROPPED, Reason.NO_SOCKET);
    return true;
  }
  const mark = end.netns == s.netns && !wireguard ? p.mark : 0;
  const was = changetype<Skb>(payloadSkb(at));
  payloadPop();
  memory.copy(PACKET_BASE, at, PACKETS);
  p.mark = mark;
  const frames = has(end.tunnel, TunnelFlag.FRAMES);
  s.framed = frames ? was.framed : 0;
  s.sourceMac = frames ? was.sourceMac : 0;
  s.tag = frames ? was.tag : 0;
  s.frameMac = was.frameMac;
  s.frameHi = was.frameHi;
  s.frameLo = was.frameLo;
  s.frameFamily = was.frameFamily;
  s.target = was.target;
  s.through = none<Link>();
  s.ipvs = 0;
  s.datagram = was.datagram;
  traceTunnel(StepKind.DECAPSULATE, end);
  // Its own frames come back in a circle (vxlan_set_mac(), geneve_rx()).
  const sender = was.sourceMac != 0 ? was.sourceMac : changetype<Payload>(at + PACKETS).link.mac;
  if (frames && has(end.tunnel, TunnelFlag.UDP) && sender == end.mac) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return true;
  }
  s.arrival = end;
  return true;
}
