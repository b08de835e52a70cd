/**
 * Into and out of tunnels: vxlan_xmit_one, vxlan_rcv (drivers/net/vxlan/vxlan_core.c), geneve_xmit_skb (drivers/net/geneve.c), ip_tunnel_xmit,
 * ip_tunnel_rcv (net/ipv4/ip_tunnel.c), ipip6_tunnel_xmit (net/ipv6/sit.c), ip6_tnl_xmit (net/ipv6/ip6_tunnel.c), wg_xmit
 * (drivers/net/wireguard/device.c), iptunnel_xmit, udp_flow_src_port.
 */
import {
  Disposition,
  type Packet,
  Protocol,
  Reason,
  sysctl,
  type TunnelKind,
  type WireguardPeer,
} from '../src/index.ts';
import { canonical, inPrefix, prefixOf } from './addresses.ts';
import type { Arrival, Device, FrameOut, Host, Payload, Reply, Run, Skb, Stop } from './state.ts';
import { endFor, endsIn, forwardingOf, portOf, tunnelOf } from './tunnel-ends.ts';
import { heard, ownsMac, shout } from './wire.ts';

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
const WIREGUARD_PADDING = 16;
const FIRST_LOCAL_PORT = 32768;
const IP6TNL_HOPS = 64;

const KINDS = new Set<string>(Object.keys(HEADERS));
export const isTunnel = ({ link }: Device): boolean => KINDS.has(link.kind);

/** Tunnels that carry frames have neighbours; the others carry packets. */
export const carriesFrames = ({ link }: Device): boolean =>
  link.kind === 'vxlan' || link.kind === 'geneve' || link.kind === 'gretap';

const kindOf = ({ link }: Device) => link.kind as TunnelKind;
const overUdp = (kind: TunnelKind) => kind === 'vxlan' || kind === 'geneve' || kind === 'wireguard';

/** What must be sent for a packet that is to leave by a tunnel. */
export type Wrapped = { host: Host; skb: Skb } | { stop: Stop };

const icmp = (type: number, code: number): Reply => ({ kind: 'icmp', error: { type, code } });

/** The first of the ports that the kernel draws from (inet_get_local_port_range). */
function firstLocalPort(host: Host): number {
  const range = host.netns.sysctls['net.ipv4.ip_local_port_range'];
  const first = Number(
    String(range ?? '')
      .trim()
      .split(/\s+/)[0],
  );
  return Number.isInteger(first) && first > 0 ? first : FIRST_LOCAL_PORT;
}

/** Of several ends that get a copy, the one behind which the frame's destination is. */
function towards(run: Run, device: Device, { target: mac }: FrameOut): string | undefined {
  const all = forwardingOf(device, mac ?? '');
  if (all.length <= 1 || mac === undefined) return all[0];
  const leads = (address: string) =>
    run.world.hosts
      .filter((host) => host.devices.some((d) => d.addresses.some((a) => a.text === address)))
      .flatMap((host) => endFor(run.world, host, device, canonicalLocal(device), address) ?? [])
      .some((end) => heard(run.world, end, 0, shout(device.mac)).some((d) => ownsMac(d, mac)));
  return all.find(leads) ?? all[0];
}

const canonicalLocal = (device: Device): string => {
  const { local } = tunnelOf(device);
  return local === undefined ? '' : canonical(local);
};

/** The peer whose prefixes hold the address, the longest of all (wg_allowedips_lookup_dst). */
function wireguardPeer(device: Device, address: string): WireguardPeer | undefined {
  const fits = (tunnelOf(device).peers ?? []).flatMap((peer) =>
    peer.allowedIps
      .filter((prefix) => inPrefix(prefix, address))
      .map((prefix) => ({ peer, length: prefixOf(prefix).length })),
  );
  return fits.sort((a, b) => b.length - a.length)[0]?.peer;
}

interface Target {
  remote: string;
  port: number;
}

/** Where the outer packet goes; a `Stop` where nowhere. */
function targetOf(run: Run, host: Host, skb: Skb, device: Device, frame: FrameOut): Target | Stop {
  const kind = kindOf(device);
  const { remote } = tunnelOf(device);
  const v4 = skb.packet.family === 4;
  const nobody = (disposition: Disposition, reply?: Reply): Stop => ({
    host,
    disposition,
    reason: Reason.NO_NEIGHBOR,
    skb,
    reply,
  });
  if (kind === 'vxlan') {
    const to = towards(run, device, frame);
    return to === undefined ? nobody(Disposition.DROPPED) : { remote: to, port: portOf(device) };
  }
  if (kind === 'wireguard') {
    const endpoint = wireguardPeer(device, skb.packet.daddr)?.endpoint;
    return endpoint
      ? { remote: canonical(endpoint.address), port: endpoint.port }
      : nobody(Disposition.UNREACHABLE, v4 ? icmp(3, 1) : icmp(1, 3));
  }
  if (remote !== undefined) return { remote: canonical(remote), port: portOf(device) };
  // A tunnel to anywhere goes to the gateway of the inner route.
  const gateway = frame.nexthop;
  const same = gateway.includes(':') === (kind === 'ip6tnl');
  return same && gateway !== skb.packet.daddr ? { remote: gateway, port: 0 } : nobody(Disposition.UNREACHABLE);
}

function protocolOf(kind: TunnelKind, inner: Packet): number {
  if (overUdp(kind)) return Protocol.UDP;
  if (kind === 'gre' || kind === 'gretap') return PROTOCOL_GRE;
  return inner.family === 4 ? PROTOCOL_IPIP : PROTOCOL_IPV6;
}

function lengthOf(device: Device, inner: Packet, tag: number, family: 4 | 6): number {
  const kind = kindOf(device);
  const { id } = tunnelOf(device);
  const body = kind === 'wireguard' ? Math.ceil(inner.length / WIREGUARD_PADDING) * WIREGUARD_PADDING : inner.length;
  const frame = carriesFrames(device) ? ETHERNET + (tag === 0 ? 0 : VLAN_TAG) : 0;
  const key = (kind === 'gre' || kind === 'gretap') && id !== undefined ? GRE_KEY : 0;
  return IP_HEADER[family] + HEADERS[kind] + key + frame + body;
}

const ECN = 3;
const ECN_CE = 3;

/** INET_ECN_encapsulate: the inner packet's ECN field, congestion experienced as ECT(0). */
const withEcn = (tos: number, inner: number): number => (tos & ~ECN) | ((inner & ECN) === ECN_CE ? 2 : inner & ECN);

function outerTtl(device: Device, underlay: Host, inner: Packet, family: 4 | 6): number {
  const { ttl } = tunnelOf(device);
  const kind = kindOf(device);
  if (ttl === 'inherit') return inner.ttl;
  if (ttl) return ttl;
  if (kind === 'ip6tnl') return IP6TNL_HOPS;
  if (!overUdp(kind) && family === 4) return inner.ttl;
  return sysctl(underlay.netns.sysctls, family === 4 ? 'net.ipv4.ip_default_ttl' : 'net.ipv6.conf.all.hop_limit');
}

function outerDf(device: Device, inner: Packet): boolean {
  const { df, pmtudisc } = tunnelOf(device);
  const kind = kindOf(device);
  const innerDf = inner.family === 6 || inner.dontFragment;
  if (kind === 'wireguard' || kind === 'ip6tnl') return false;
  if (kind === 'vxlan' || kind === 'geneve') return df === 'set' || (df === 'inherit' && innerDf);
  return pmtudisc !== false || (inner.family === 4 && inner.dontFragment);
}

/** Packets in packets; the kernel sends no deeper (XMIT_RECURSION_LIMIT). */
const DEEPEST = 8;
const depthOf = ({ payload }: Skb): number => {
  let depth = 0;
  for (let at = payload; at; at = at.payload) depth++;
  return depth;
};

/** The outer packet, made in the tunnel's underlay. Its source may be left to routing. */
export function wrap(run: Run, host: Host, skb: Skb, device: Device, frame: FrameOut): Wrapped {
  const { packet } = skb;
  const tunnel = tunnelOf(device);
  const { underlay } = device;
  if (tunnel.external || !underlay)
    return { stop: { host, disposition: Disposition.UNKNOWN, reason: Reason.UNMODELLED_LINK, skb } };
  const target = targetOf(run, host, skb, device, frame);
  if ('disposition' in target) return { stop: target };
  if (depthOf(skb) >= DEEPEST) return { stop: { host, disposition: Disposition.DROPPED, reason: Reason.LOOP, skb } };
  const family = target.remote.includes(':') ? 6 : 4;
  const kind = kindOf(device);
  const inherited = tunnel.tos === 'inherit' ? packet.tos : (tunnel.tos ?? 0);
  const sameHost = underlay === device.host;
  const outer: Packet = {
    family,
    protocol: protocolOf(kind, packet),
    saddr: canonicalLocal(device),
    daddr: target.remote,
    sport: kind === 'wireguard' ? portOf(device) : overUdp(kind) ? firstLocalPort(underlay) : 0,
    dport: overUdp(kind) ? target.port : 0,
    tcpFlags: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: outerTtl(device, underlay, packet, family),
    tos: withEcn(inherited, packet.tos),
    mark: kind === 'wireguard' ? (tunnel.fwmark ?? 0) : sameHost ? packet.mark : 0,
    length: lengthOf(device, packet, frame.tag, family),
    dontFragment: outerDf(device, packet),
  };
  run.steps.push({ kind: 'encapsulate', netns: underlay.netns, link: device.link, packet: outer });
  const payload: Payload = { device, packet, frame, payload: skb.payload };
  const by = tunnel.dev === undefined ? undefined : underlay.byName.get(tunnel.dev);
  // What holds the lock of the stack's ICMP socket holds it until it is out of the underlay, too.
  const locked = skb.locked && !skb.indev;
  return { host: underlay, skb: { packet: outer, payload, ...(by && { through: by }), ...(locked && { locked }) } };
}

/** A tunnel whose outer packet may not be cut says so itself (tnl_update_pmtu). */
export function tellsMtu(device: Device, inner: Packet, outer: Packet, mtu: number): Reply | undefined {
  const kind = kindOf(device);
  if (overUdp(kind) || kind === 'gretap' || outer.length <= mtu) return undefined;
  if (inner.family === 6) return icmp(2, 0);
  return inner.dontFragment ? icmp(3, 4) : undefined;
}

/** A packet that reached its address is a tunnel's: it comes out, or nobody knows the tunnel. Undefined: it carries nothing. */
export function unwrap(run: Run, host: Host, skb: Skb): Arrival | Stop | undefined {
  const { payload, packet } = skb;
  if (!payload) return undefined;
  const kind = kindOf(payload.device);
  const stop = (disposition: Disposition, reason: Reason, reply?: Reply): Stop => ({
    host,
    disposition,
    reason,
    skb,
    reply,
  });
  const noPort = () => stop(Disposition.REFUSED, Reason.NO_LISTENER, packet.family === 4 ? icmp(3, 3) : icmp(1, 4));
  const end =
    kind === 'wireguard'
      ? wireguardEnd(run, host, payload, packet)
      : endFor(run.world, host, payload.device, packet.saddr, packet.daddr);
  if (end === 'unknown') return stop(Disposition.DROPPED, Reason.NO_SOCKET);
  if (!end) {
    // Somebody has the port open, but not for this network.
    const others = endsIn(run.world, host).some((d) => kindOf(d) === kind && portOf(d) === packet.dport);
    return overUdp(kind) && others ? stop(Disposition.DROPPED, Reason.NO_SOCKET) : noPort();
  }
  const kept = end.host === host ? packet.mark : 0;
  const inner: Packet = { ...payload.packet, mark: kept };
  run.steps.push({ kind: 'decapsulate', netns: host.netns, link: end.link, packet: inner });
  const { target: mac, source: macSource, nexthop, tag } = payload.frame;
  const frames = carriesFrames(end);
  return {
    device: end,
    skb: { packet: inner, payload: payload.payload, ...(frames && { macSource }) },
    nexthop,
    ...(frames && { mac, tag }),
  };
}

/** The WireGuard link that takes the message, if its sender is a peer that may send from the inner source (wg_packet_consume_data_done). */
function wireguardEnd(run: Run, host: Host, payload: Payload, packet: Packet): Device | 'unknown' | undefined {
  const ends = endsIn(run.world, host).filter((d) => kindOf(d) === 'wireguard' && portOf(d) === packet.dport);
  const end = ends[0];
  if (!end) return undefined;
  const key = tunnelOf(payload.device).publicKey;
  const peer = wireguardPeer(end, payload.packet.saddr);
  const isSender = (candidate: WireguardPeer) =>
    key !== undefined && candidate.publicKey !== undefined
      ? candidate.publicKey === key
      : candidate.endpoint === undefined || canonical(candidate.endpoint.address) === packet.saddr;
  return peer && isSender(peer) ? end : 'unknown';
}
