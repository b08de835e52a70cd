/** The way of an outer packet out of its tunnel's underlay: ip_local_out after the tunnel's own look-up (iptunnel_xmit, udp_tunnel_xmit_skb). */
import { Disposition, Hook, Reason } from '../src/index.ts';
import { runHook } from './hooks.ts';
import { routeOutput } from './route.ts';
import type { Device, FrameOut, Host, Routed, Run, Skb } from './state.ts';
import { type Next, stopped, transmit } from './transmit.ts';
import { carriesFrames, tellsMtu, unwrap, wrap } from './tunnel.ts';

export function encapsulate(run: Run, host: Host, skb: Skb, device: Device, frame: FrameOut): Next {
  const wrapped = wrap(run, host, skb, device, frame);
  if ('stop' in wrapped) return wrapped;
  const { host: underlay, skb: outer } = wrapped;
  const failed = routeOutput(run, underlay, outer, 'output');
  if (failed) {
    // Tunnels of packets tell the sender (dst_link_failure); those of frames are silent.
    if (carriesFrames(device)) return { stop: { ...failed, disposition: Disposition.DROPPED } };
    const v4 = skb.packet.family === 4;
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
  const reply = tellsMtu(device, skb.packet, outer.packet, route.mtu);
  if (reply) return stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED, reply);
  const stop = runHook(run, underlay, outer, Hook.OUTPUT) ?? runHook(run, underlay, outer, Hook.POSTROUTING);
  if (stop) return { stop };
  const { dontFragment, length } = outer.packet;
  if (dontFragment && length > (outer.route as Routed).mtu)
    return stopped(underlay, outer, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  return transmit(run, underlay, outer);
}
