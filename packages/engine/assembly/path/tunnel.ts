/** Into a tunnel and out of it (vxlan_core.c:vxlan_xmit_one(), vxlan_rcv(); iptunnel_xmit()). */
import { StepKind, TunnelFlag } from '../../src/codes';
import { Disposition, Protocol, Reason } from '../../src/terms';
import { answerWith, endRecord, finish, ReplyKind } from '../core/end';
import { PACKET_BASE } from '../core/memory';
import { enterHost, none, packet, RouteKind, skb, some } from '../core/skb';
import { traceTunnel } from '../core/trace';
import { routeOutput } from '../fib/output';
import { forwardsClear } from '../hook/device';
import { output } from '../hook/output';
import { postrouting } from '../hook/postrouting';
import { Link } from '../layout/link';
import { Netns } from '../layout/netns';
import { Packet } from '../layout/packet';
import { endOf } from '../wire/domain';
import { endIn, hasPort, placeFamily, placeHi, placeLo, placeOf } from '../wire/tunnels';
import { transmit } from './transmit';

/** What an outer packet carries: the inner packet, with its own inner one, and the frame it stands in. */
@unmanaged
class Payload {
  frameMac: u64;
  sourceMac: u64;
  frameHi: u64;
  frameLo: u64;
  /** The tunnel's end that it went into. */
  link: Link;
  target: Link;
  framed: u8;
  frameFamily: u8;
  tag: u16;
  pad2: u32;
}

/** Packets in packets; the kernel sends no deeper (dev.h: XMIT_RECURSION_LIMIT). */
const DEEPEST: u32 = 8;
const PACKETS: usize = 2 * offsetof<Packet>();
const PAYLOADS: usize = memory.data(1792, 16);

let depth: u32 = 0;

/** A packet that carries nothing. */
export function payloadClear(): void {
  depth = 0;
}

@inline
function payloadAt(i: u32): usize {
  return PAYLOADS + <usize>i * (PACKETS + offsetof<Payload>());
}

function push(link: Link): void {
  const s = skb();
  const at = payloadAt(depth);
  memory.copy(at, PACKET_BASE, PACKETS);
  const payload = changetype<Payload>(at + PACKETS);
  payload.frameMac = s.frameMac;
  payload.sourceMac = s.sourceMac;
  payload.frameHi = s.frameHi;
  payload.frameLo = s.frameLo;
  payload.link = link;
  payload.target = s.target;
  payload.framed = s.framed;
  payload.frameFamily = s.frameFamily;
  payload.tag = s.tag;
  depth++;
}

const ETHERNET: u32 = 14;
const VLAN_TAG: u32 = 4;
/** UDP and VXLAN header. */
const VXLAN_HEADERS: u32 = 16;

/** The outer packet takes the inner one's place. */
function build(link: Link): void {
  const p = packet();
  const tunnel = link.tunnel;
  const underlay = tunnel.underlay;
  const v4 = placeFamily == 4;
  const sameHost = underlay == link.netns;
  const mark = sameHost ? p.mark : 0;
  const length = p.length + ETHERNET + VXLAN_HEADERS + (v4 ? 20 : 40) + (skb().tag != 0 ? VLAN_TAG : 0);
  const tos = (tunnel.flags & <u8>TunnelFlag.INHERIT_TOS) != 0 ? p.tos : tunnel.tos;
  // INET_ECN_encapsulate(): experienced congestion stays inside.
  const ecn = (p.tos & 3) == 3 ? 2 : p.tos & 3;
  const ttl = (tunnel.flags & <u8>TunnelFlag.INHERIT_TTL) != 0 ? <u32>p.ttl : <u32>tunnel.ttl;
  const innerDf = p.family == 6 || p.dontFragment != 0;
  const df =
    (tunnel.flags & <u8>TunnelFlag.DF) != 0 || ((tunnel.flags & <u8>TunnelFlag.INHERIT_DF) != 0 && innerDf);
  memory.fill(PACKET_BASE, 0, PACKETS);
  p.family = <u8>placeFamily;
  p.protocol = <u8>Protocol.UDP;
  p.saddrHi = tunnel.localHi;
  p.saddrLo = tunnel.localLo;
  p.sourceless = tunnel.localFamily == 0;
  p.daddrHi = placeHi;
  p.daddrLo = placeLo;
  p.sport = tunnel.sourcePort;
  p.dport = tunnel.port;
  p.ttl = <u8>(ttl != 0 ? ttl : v4 ? underlay.ttl4 : underlay.ttl6);
  p.tos = <u8>((tos & 0xfc) | ecn);
  p.mark = mark;
  p.length = length;
  p.dontFragment = df;
}

/** The outer packet begins its way in the underlay, with nothing known of it. */
function startIn(netns: Netns, dev: Link): void {
  const s = skb();
  enterHost(netns);
  s.made = 1;
  s.through = dev;
  s.framed = 0;
  s.sourceMac = 0;
  s.target = none<Link>();
  s.tag = 0;
  forwardsClear();
}

/** The frame in skb leaves by a tunnel. */
export function encapsulate(link: Link, sourceMac: u64): void {
  const s = skb();
  s.sourceMac = sourceMac;
  const towards = some(s.target) ? endOf(link, s.target) : none<Link>();
  if (!placeOf(link, s.framed ? s.frameMac : 0, towards)) {
    finish(Disposition.DROPPED, Reason.NO_NEIGHBOR);
    return;
  }
  if (depth >= DEEPEST) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  }
  push(link);
  build(link);
  startIn(link.tunnel.underlay, link.tunnel.dev);
  traceTunnel(StepKind.ENCAPSULATE, link);
  if (!routeOutput()) {
    // Nobody is told.
    endRecord().disposition = <u8>Disposition.DROPPED;
    return;
  }
  if (s.dev == link) {
    finish(Disposition.DROPPED, Reason.LOOP);
    return;
  }
  // To this very host it is not wrapped at all (encap_bypass_if_local()).
  if (s.kind == <u8>RouteKind.LOCAL && decapsulate()) return;
  if (!output()) return;
  if (!postrouting()) return;
  const p = packet();
  if (p.dontFragment && p.length > s.mtu) {
    finish(Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
    return;
  }
  transmit();
}

/** The packet that reached its address is a tunnel's: it comes out, or the walk ends. False: it carries nothing. */
export function decapsulate(): bool {
  if (depth == 0) return false;
  const s = skb();
  const p = packet();
  const at = payloadAt(depth - 1);
  const payload = changetype<Payload>(at + PACKETS);
  const end = endIn(s.netns, payload.link);
  if (!some(end)) {
    if (hasPort(s.netns, p.dport)) {
      finish(Disposition.DROPPED, Reason.NO_SOCKET);
      return true;
    }
    finish(Disposition.REFUSED, Reason.NO_LISTENER);
    if (p.family == 4) answerWith(ReplyKind.ICMP, 3, 3);
    else answerWith(ReplyKind.ICMP, 1, 4);
    return true;
  }
  const mark = end.netns == s.netns ? p.mark : 0;
  depth--;
  memory.copy(PACKET_BASE, at, PACKETS);
  p.mark = mark;
  s.frameMac = payload.frameMac;
  s.sourceMac = payload.sourceMac;
  s.frameHi = payload.frameHi;
  s.frameLo = payload.frameLo;
  s.target = payload.target;
  s.framed = payload.framed;
  s.frameFamily = payload.frameFamily;
  s.tag = payload.tag;
  s.through = none<Link>();
  traceTunnel(StepKind.DECAPSULATE, end);
  s.arrival = end;
  return true;
}
