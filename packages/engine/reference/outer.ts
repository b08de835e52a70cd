/**
 * The header that a tunnel puts before a packet: vxlan_build_skb, vxlan_xmit_one (drivers/net/vxlan/vxlan_core.c), geneve_xmit_skb
 * (drivers/net/geneve.c), ip_tunnel_xmit (net/ipv4/ip_tunnel.c), ipip6_tunnel_xmit (net/ipv6/sit.c), ip6_tnl_xmit (net/ipv6/ip6_tunnel.c),
 * calculate_skb_padding (drivers/net/wireguard/send.c), iptunnel_xmit, udp_flow_src_port.
 */
import { type Packet, Protocol, sysctl, type TunnelKind } from '../src/index.ts';
import { canonical } from './addresses.ts';
import type { Device, Host, Skb } from './state.ts';
import { carriesFrames, keyOut, kindOf, overUdp, tunnelOf } from './tunnel-ends.ts';

const PROTOCOL_GRE = 47;
const PROTOCOL_IPIP = 4;
const PROTOCOL_IPV6 = 41;
const UDP_HEADER = 8;
const ETHERNET = 14;
const VLAN_TAG = 4;
const IP_HEADER = { 4: 20, 6: 40 } as const;
/** Of what a tunnel puts between the outer IP header and the inner packet or frame. */
const HEADERS: Readonly<Record<TunnelKind, number>> = {
  vxlan: UDP_HEADER + 8,
  geneve: UDP_HEADER + 8,
  gretap: 4,
  gre: 4,
  ipip: 0,
  sit: 0,
  ip6tnl: 0,
  // Header, counter and authentication of a data message.
  wireguard: UDP_HEADER + 32,
};
const GRE_KEY = 4;
/** Destination options with the one for tunnels (init_tel_txopt). */
const ENCAP_LIMIT = 8;
const WIREGUARD_PADDING = 16;
const IP6TNL_HOPS = 64;

function protocolOf(kind: TunnelKind, inner: Packet): number {
  if (overUdp(kind)) return Protocol.UDP;
  if (kind === 'gre' || kind === 'gretap') return PROTOCOL_GRE;
  return inner.family === 4 ? PROTOCOL_IPIP : PROTOCOL_IPV6;
}

/** WireGuard fills up to 16 bytes, but not past the MTU of the inner route. */
function padded(length: number, mtu: number): number {
  const last = length > mtu ? length % mtu : length;
  const whole = Math.ceil(last / WIREGUARD_PADDING) * WIREGUARD_PADDING;
  return length - last + Math.min(mtu, whole);
}

/** What the outer packet is longer than the inner one, which WireGuard fills up besides. */
function overhead(device: Device, tag: number, family: 4 | 6): number {
  const kind = kindOf(device);
  const { encapLimit } = tunnelOf(device);
  const frame = carriesFrames(device) ? ETHERNET + (tag === 0 ? 0 : VLAN_TAG) : 0;
  const key = keyOut(device) === undefined ? 0 : GRE_KEY;
  const options = kind === 'ip6tnl' && encapLimit !== 'none' ? ENCAP_LIMIT : 0;
  return IP_HEADER[family] + HEADERS[kind] + key + options + frame;
}

const ECN = 3;
const ECN_CE = 3;

/** INET_ECN_encapsulate: the inner packet's ECN field, congestion experienced as ECT(0). */
const withEcn = (tos: number, inner: number): number => (tos & ~ECN) | ((inner & ECN) === ECN_CE ? 2 : inner & ECN);

function ttlOf(device: Device, underlay: Host, inner: Packet, family: 4 | 6): number {
  const { ttl } = tunnelOf(device);
  const kind = kindOf(device);
  // Over UDP a TTL of 0 is none; the others send it.
  if (ttl === 'inherit' && (!overUdp(kind) || inner.ttl > 0)) return inner.ttl;
  if (ttl && ttl !== 'inherit') return ttl;
  if (kind === 'ip6tnl') return IP6TNL_HOPS;
  if (!overUdp(kind)) return inner.ttl;
  return sysctl(underlay.netns.sysctls, family === 4 ? 'net.ipv4.ip_default_ttl' : 'net.ipv6.conf.all.hop_limit');
}

function dontFragment(device: Device, inner: Packet): boolean {
  const { df, pmtudisc } = tunnelOf(device);
  const kind = kindOf(device);
  const innerDf = inner.family === 6 || inner.dontFragment;
  if (kind === 'wireguard' || kind === 'ip6tnl') return false;
  if (kind === 'vxlan' || kind === 'geneve') return df === 'set' || (df === 'inherit' && innerDf);
  return pmtudisc !== false || (inner.family === 4 && inner.dontFragment);
}

/** The outer packet. Its source may be left to routing. */
export function outerPacket(
  device: Device,
  underlay: Host,
  { packet: inner, route }: Skb,
  to: { remote: string; port: number; tag: number; sport: number },
): Packet {
  const tunnel = tunnelOf(device);
  const kind = kindOf(device);
  const family = to.remote.includes(':') ? 6 : 4;
  const tos = tunnel.tos === 'inherit' ? inner.tos : (tunnel.tos ?? 0);
  const kept = underlay === device.host ? inner.mark : 0;
  const body = kind === 'wireguard' ? padded(inner.length, route?.mtu ?? device.mtu) : inner.length;
  return {
    family,
    protocol: protocolOf(kind, inner),
    saddr: tunnel.local === undefined ? '' : canonical(tunnel.local),
    daddr: to.remote,
    sport: to.sport,
    dport: overUdp(kind) ? to.port : 0,
    tcpFlags: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: ttlOf(device, underlay, inner, family),
    tos: withEcn(tos, inner.tos),
    mark: kind === 'wireguard' ? (tunnel.fwmark ?? 0) : kept,
    length: overhead(device, to.tag, family) + body,
    dontFragment: dontFragment(device, inner),
  };
}
