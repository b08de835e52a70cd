/** The way of an outer packet out of its tunnel's underlay: ip_local_out after the tunnel's own look-up (iptunnel_xmit, udp_tunnel_xmit_skb). */
import { Disposition, Hook, type Packet, Reason } from '../src/index.ts';
import { runHook } from './hooks.ts';
import { learnFromTunnel } from './path-mtu.ts';
import { routeOutput } from './route.ts';
import type { Device, FrameOut, Host, Routed, Run, Skb, Stop } from './state.ts';
import { type Next, stopped, transmit } from './transmit.ts';
import { mustBeCut, tooBig, unwrap, wrap } from './tunnel.ts';
import { kindOf, overUdp, tunnelOf } from './tunnel-ends.ts';

/** IP_TUNNEL_RECURSION_LIMIT */
const MOST_NESTED = 5;

/** The way of the outer packet; tunnels of packets go by a mark of their own (ip_tunnel_init_flow, ip6_tnl_xmit). */
function routeOuter(run: Run, underlay: Host, outer: Skb, device: Device): Stop | undefined {
  if (overUdp(kindOf(device))) return routeOutput(run, underlay, outer, 'output');
  const { mark } = outer.packet;
  outer.packet = { ...outer.packet, mark: tunnelOf(device).fwmark ?? 0 };
  const failed = routeOutput(run, underlay, outer, 'output');
  outer.packet = { ...outer.packet, mark };
  return failed && { ...failed, skb: outer };
}

/** A frame that does not fit into an outer packet in one piece makes the way of its packet narrower, if that was routed here (skb_tunnel_check_pmtu). */
function tellRoute(run: Run, host: Host, skb: Skb, device: Device, outer: Packet, mtu: number): void {
  const room = Math.max(0, mtu - (outer.length - skb.packet.length));
  const checks = device.link.kind === 'vxlan' || device.link.kind === 'geneve';
  if (checks && skb.route?.device === device && skb.packet.length > room)
    learnFromTunnel(run, host, device, skb.packet, room);
}

export function encapsulate(run: Run, host: Host, skb: Skb, device: Device, frame: FrameOut): Next {
  const wrapped = wrap(run, host, skb, device, frame);
  if ('stop' in wrapped) return wrapped;
  const { host: underlay, skb: outer } = wrapped;
  const failed = routeOuter(run, underlay, outer, device);
  if (failed) {
    // SIT and ip6tnl tell the sender (dst_link_failure); the others are silent.
    const { kind } = device.link;
    const v4 = skb.packet.family === 4;
    if (kind !== 'ip6tnl' && (kind !== 'sit' || v4)) return { stop: { ...failed, disposition: Disposition.DROPPED } };
    const error = v4 ? { type: 3, code: 1 } : { type: 1, code: 3 };
    return stopped(host, skb, Disposition.UNREACHABLE, failed.reason, { kind: 'icmp', error });
  }
  const route = outer.route as Routed;
  if (route.device === device) return stopped(underlay, outer, Disposition.DROPPED, Reason.LOOP);
  if (route.kind === 'local' && device.link.kind === 'vxlan') {
    // To this very host it is not wrapped at all (encap_bypass_if_local).
    const inner = unwrap(run, underlay, outer);
    if (inner) return 'device' in inner ? { arrival: inner } : { stop: inner };
  }
  tellRoute(run, host, skb, device, outer.packet, route.mtu);
  const reply = tooBig(device, skb.packet, outer.packet, route.mtu);
  if (reply === 'silent') return stopped(underlay, outer, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  if (reply) return stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED, reply);
  // IPv6 has a right to its smallest MTU: then the outer packet is cut (ipip6_tunnel_xmit).
  if (mustBeCut(device, skb.packet, outer.packet, route.mtu)) outer.packet = { ...outer.packet, dontFragment: false };
  if (device.link.kind !== 'wireguard') {
    // Devices that send for each other (iptunnel_xmit, ip6tunnel_xmit); what WireGuard sends a worker of its own does.
    const nested = outer.nested ?? 0;
    if (nested > MOST_NESTED) return stopped(underlay, outer, Disposition.DROPPED, Reason.LOOP);
    outer.nested = nested + 1;
  }
  const stop = runHook(run, underlay, outer, Hook.OUTPUT) ?? runHook(run, underlay, outer, Hook.POSTROUTING);
  if (stop) return { stop };
  const { dontFragment, length } = outer.packet;
  if (dontFragment && length > (outer.route as Routed).mtu)
    return stopped(underlay, outer, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  return transmit(run, underlay, outer);
}
