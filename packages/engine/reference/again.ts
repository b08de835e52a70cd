/**
 * Devices that route once more what is sent through them: a VRF in its own table (vrf_process_v4_outbound, vrf_ip_local_out, vrf_local_xmit,
 * drivers/net/vrf.c), an ipvlan of layer 3 in the namespace of the device below (ipvlan_process_v4_outbound, ipvlan_process_v6_outbound,
 * drivers/net/ipvlan/ipvlan_core.c).
 */
import { Disposition, Hook, type Packet, Reason } from '../src/index.ts';
import { runHook } from './hooks.ts';
import { routeOutput } from './route.ts';
import type { Device, Host, Reply, Routed, Run, Skb } from './state.ts';
import { type Next, stopped, transmit } from './transmit.ts';

const tooBig = ({ family, dontFragment }: Packet): Reply | undefined => {
  if (family === 6) return { kind: 'icmp', error: { type: 2, code: 0 } };
  return dontFragment ? { kind: 'icmp', error: { type: 3, code: 4 } } : undefined;
};

/** `skb` as it is in `host` now; `through`: the device that it is to leave by, or the VRF. */
export function sendAgain(run: Run, host: Host, skb: Skb, through: Device): Next {
  Object.assign(skb, { again: true, through, bound: undefined, indev: undefined, outdev: undefined, route: undefined });
  // The frame is gone.
  Object.assign(skb, { macSource: undefined, macTarget: undefined });
  const failed = routeOutput(run, host, skb, 'output');
  // Nobody is told.
  if (failed) return { stop: { ...failed, disposition: Disposition.DROPPED, reply: undefined } };
  const route = skb.route as Routed;
  if (through.link.kind === 'vrf') {
    if (route.kind === 'local' || route.device === through) return { arrival: { device: through, skb } };
  } else if (route.kind === 'multi') return stopped(host, skb, Disposition.DROPPED, Reason.NO_ROUTE);
  const stop = runHook(run, host, skb, Hook.OUTPUT) ?? runHook(run, host, skb, Hook.POSTROUTING);
  if (stop) return { stop };
  const reply = skb.packet.length > (skb.route as Routed).mtu ? tooBig(skb.packet) : undefined;
  if (reply) return stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED, reply);
  return transmit(run, host, skb);
}
