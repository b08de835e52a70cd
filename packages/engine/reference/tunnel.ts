/**
 * Into and out of tunnels: vxlan_xmit_one, vxlan_rcv (drivers/net/vxlan/vxlan_core.c), geneve_xmit_skb (drivers/net/geneve.c), ip_tunnel_xmit,
 * ip_tunnel_rcv (net/ipv4/ip_tunnel.c), ipip6_tunnel_xmit (net/ipv6/sit.c), ip6_tnl_xmit (net/ipv6/ip6_tunnel.c), wg_xmit
 * (drivers/net/wireguard/device.c).
 */
import { ChoiceKind, Disposition, type Packet, Reason, type TunnelKind, type WireguardPeer } from '../src/index.ts';
import { canonical, inPrefix, prefixOf } from './addresses.ts';
import { choose } from './choice.ts';
import { outerPacket } from './outer.ts';
import type { Arrival, Device, FrameOut, Host, Payload, Reply, Run, Skb, Stop } from './state.ts';
import {
  carriesFrames,
  endFor,
  endsAt,
  endsIn,
  forwardingOf,
  hasTunnel,
  kindOf,
  overUdp,
  portOf,
  tunnelOf,
} from './tunnel-ends.ts';
import { heard, ownsMac, shout } from './wire.ts';

/** What must be sent for a packet that is to leave by a tunnel. */
export type Wrapped = { host: Host; skb: Skb } | { stop: Stop };

const icmp = (type: number, code: number, mtu?: number): Reply => ({
  kind: 'icmp',
  error: { type, code, ...(mtu !== undefined && { mtu }) },
});

/** Of several ends that get a copy, the one behind which the frame's destination is. */
function towards(run: Run, device: Device, { target: mac }: FrameOut): string | undefined {
  const all = forwardingOf(device, mac ?? '');
  if (all.length <= 1 || mac === undefined) return all[0];
  const leads = (address: string) =>
    endsAt(run.world, device, address).some((end) =>
      heard(run.world, end, 0, shout(device.mac)).some((d) => ownsMac(d, mac)),
    );
  return all.find(leads) ?? all[0];
}

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
  const { remote, local } = tunnelOf(device);
  const v4 = skb.packet.family === 4;
  const unreachable = v4 ? icmp(3, 1) : icmp(1, 3);
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
      : nobody(Disposition.UNREACHABLE, unreachable);
  }
  // It sends from an address of its own alone (ip6_tnl_xmit_ctl).
  if (kind === 'ip6tnl' && local === undefined)
    return { host, skb, disposition: Disposition.UNREACHABLE, reason: Reason.NO_SOURCE_ADDRESS, reply: unreachable };
  if (remote !== undefined) return { remote: canonical(remote), port: portOf(device) };
  if (carriesFrames(device)) return nobody(Disposition.DROPPED);
  // GRE goes by neighbours, SIT by addresses within addresses.
  if (kind !== 'ipip' && kind !== 'ip6tnl')
    return { host, skb, disposition: Disposition.UNKNOWN, reason: Reason.UNMODELLED_LINK };
  // A tunnel to anywhere goes to the gateway of the inner route, or to the very destination.
  const to = [frame.nexthop, skb.packet.daddr].find((address) => address.includes(':') === (kind === 'ip6tnl'));
  return to === undefined ? nobody(Disposition.UNREACHABLE, unreachable) : { remote: to, port: 0 };
}

/** Which families a tunnel of packets carries (ipip_tunnel_xmit, ipxip6_tnl_xmit, sit_tunnel_xmit). */
function carries(device: Device, { family }: Packet): boolean {
  const { mode } = tunnelOf(device);
  const only: Partial<Record<TunnelKind, 4 | 6>> = { ipip: 4, sit: 6 };
  switch (mode) {
    case undefined:
      return (only[kindOf(device)] ?? family) === family;
    case 'any':
      return kindOf(device) !== 'ipip' || family === 4;
    case 'ipip':
    case 'ipip6':
      return family === 4;
    case 'ip6ip':
    case 'ip6ip6':
      return family === 6;
    default:
      return false;
  }
}

/** Packets in packets; the kernel sends no deeper (XMIT_RECURSION_LIMIT). */
const DEEPEST = 8;
/** The smallest MTUs there are (IPV4_MIN_MTU, IPV6_MIN_MTU). */
const LEAST = { 4: 68, 6: 1280 } as const;
const depthOf = ({ payload }: Skb): number => {
  let depth = 0;
  for (let at = payload; at; at = at.payload) depth++;
  return depth;
};

/** A hash of the inner flow that nobody knows: one of the ports that the rules tell apart, the same for a flow within a script (udp_flow_src_port). */
function sourcePort(run: Run, host: Host, { packet }: Skb, device: Device, underlay: Host): number {
  const kind = kindOf(device);
  if (kind === 'wireguard') return portOf(device);
  if (!overUdp(kind)) return 0;
  const { world } = run;
  const classes = world.sourcePorts.of(kind, underlay.netns.sysctls);
  if (classes.length === 1) return classes[0]?.first ?? 0;
  const { saddr, daddr, protocol, sport, dport } = packet;
  const flow = ['port', host.order, device.index, saddr, daddr, protocol, sport, dport].join(' ');
  const weights = classes.map(({ count }) => count);
  const choice = { kind: ChoiceKind.NUMBER, alternatives: classes.length, weights, netns: host.netns.name };
  const taken = world.paths.get(flow) ?? choose(run, choice);
  world.paths.set(flow, taken);
  return classes[taken]?.first ?? 0;
}

/** The outer packet, made in the tunnel's underlay. Its source may be left to routing. */
export function wrap(run: Run, host: Host, skb: Skb, device: Device, frame: FrameOut): Wrapped {
  const { packet } = skb;
  const tunnel = tunnelOf(device);
  const { underlay } = device;
  const drop = (reason: Reason) => ({ stop: { host, disposition: Disposition.DROPPED, reason, skb } });
  if (!underlay) throw new Error(`tunnel ${device.name} has no namespace for its outer packets`);
  if (!carries(device, packet)) return drop(Reason.NOT_CARRIED);
  const target = targetOf(run, host, skb, device, frame);
  if ('disposition' in target) return { stop: target };
  if (depthOf(skb) >= DEEPEST) return drop(Reason.LOOP);
  const sport = sourcePort(run, host, skb, device, underlay);
  const outer = outerPacket(device, underlay, skb, { ...target, tag: frame.tag, sport });
  run.steps.push({ kind: 'encapsulate', netns: underlay.netns, link: device.link, packet: outer });
  const payload: Payload = { device, packet, frame, payload: skb.payload, datagram: skb.datagram };
  const by = tunnel.dev === undefined ? undefined : underlay.byName.get(tunnel.dev);
  // What holds the lock of the stack's ICMP socket holds it until it is out of the underlay, too.
  const locked = skb.indev ? undefined : skb.locked;
  // Its socket goes along as far as it is one of the same namespace.
  const socket = underlay === device.host ? skb.socket : undefined;
  return {
    host: underlay,
    skb: {
      packet: outer,
      payload,
      socket,
      nested: kindOf(device) === 'wireguard' ? 0 : (skb.nested ?? 0),
      ...(by && { through: by }),
      ...(locked && { locked }),
      ...(underlay === host && skb.ipvs && { ipvs: true }),
      ...(underlay === host && skb.lost && { lost: skb.lost }),
    },
  };
}

/** A tunnel that has no room for the packet: said to its sender, or (`silent`) to nobody (tnl_update_pmtu, ipip6_tunnel_xmit, ip6_tnl_xmit). */
export function tooBig(device: Device, inner: Packet, outer: Packet, mtu: number): Reply | 'silent' | undefined {
  const kind = kindOf(device);
  const v4 = inner.family === 4;
  if (overUdp(kind) || outer.length <= mtu) return undefined;
  const room = mtu - (outer.length - inner.length);
  const size = kind === 'ip6tnl' || kind === 'sit' ? Math.max(room, v4 ? LEAST[4] : LEAST[6]) : Math.max(1, room);
  const told = v4 ? icmp(3, 4, size) : icmp(2, 0, size);
  if (kind === 'ip6tnl') return inner.length > Math.max(room, v4 ? LEAST[4] : LEAST[6]) ? told : undefined;
  if (tunnelOf(device).pmtudisc === false) return undefined;
  if (kind === 'sit' && !v4) return inner.length > Math.max(room, LEAST[6]) ? told : undefined;
  if (v4 ? !inner.dontFragment : room < LEAST[6]) return undefined;
  // Devices of frames know nothing of the packet's route any more, and so cannot answer.
  return kind === 'gretap' ? 'silent' : told;
}

/** SIT over a way with less room than IPv6 may count on. */
export const mustBeCut = (device: Device, inner: Packet, outer: Packet, mtu: number): boolean =>
  kindOf(device) === 'sit' && inner.family === 6 && mtu - (outer.length - inner.length) < LEAST[6];

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
      : endFor(run.world, host, payload.device, {
          isFrom: (address) => address === packet.saddr,
          daddr: packet.daddr,
          port: packet.dport,
        });
  if (end === 'unknown') return stop(Disposition.DROPPED, Reason.NO_SOCKET);
  if (!end) {
    // Somebody has the port open, but not for this network.
    const others = hasTunnel(run.world, host, packet.dport, packet.daddr);
    return overUdp(kind) && others ? stop(Disposition.DROPPED, Reason.NO_SOCKET) : noPort();
  }
  const kept = end.host === host && kind !== 'wireguard' ? packet.mark : 0;
  const inner: Packet = { ...payload.packet, mark: kept };
  run.steps.push({ kind: 'decapsulate', netns: host.netns, link: end.link, packet: inner });
  const { target: mac, source: macSource, nexthop, tag } = payload.frame;
  const frames = carriesFrames(end);
  // Its own frames come back in a circle (vxlan_set_mac, geneve_rx).
  if ((kind === 'vxlan' || kind === 'geneve') && (macSource ?? payload.device.mac) === end.mac) {
    const back: Skb = { packet: inner, payload: payload.payload, datagram: payload.datagram };
    return { host, disposition: Disposition.DROPPED, reason: Reason.LOOP, skb: back };
  }
  return {
    device: end,
    skb: { packet: inner, payload: payload.payload, datagram: payload.datagram, ...(frames && { macSource }) },
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
