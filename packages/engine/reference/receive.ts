/** A packet comes in: ip_rcv, ip_rcv_finish, ip_local_deliver (net/ipv4/ip_input.c), ip6_rcv_core (net/ipv6/ip6_input.c). */
import { Disposition, Hook, Reason } from '../src/index.ts';
import { bridgeInput } from './bridge.ts';
import { deliver } from './deliver.ts';
import { runIngress } from './device-hooks.ts';
import { forward } from './forward.ts';
import { runHook } from './hooks.ts';
import { martian6, routeInput } from './route.ts';
import type { Arrival, Device, Host, Run, Skb } from './state.ts';
import { forwardTo, type Next, stopped } from './transmit.ts';
import { ownsMac } from './wire.ts';

/** More than a TTL allows, bridges on the way included. */
const MAX_ENTERS = 1024;

export function receive(run: Run, { device, skb, mac, nexthop }: Arrival): Next {
  const { host } = device;
  run.steps.push({ kind: 'enter', netns: host.netns, link: device.link, packet: skb.packet });
  const drop = (reason: Reason) => stopped(host, skb, Disposition.DROPPED, reason);
  if (++run.enters > MAX_ENTERS) return drop(Reason.LOOP);
  if (!device.up) return drop(Reason.LINK_DOWN);
  if (mac !== undefined) skb.macTarget = mac;
  const below = runIngress(run, device, skb);
  if (below) return 'stop' in below ? below : forwardTo(run, host, skb, below.device);
  if (device.link.kind === 'loopback') {
    skb.indev = device;
    skb.outdev = undefined;
    return input(run, host, skb, device, false);
  }
  if (device.master) {
    const result = bridgeInput(run, device, skb, mac, nexthop ?? '');
    if (!('up' in result)) return result;
    // The bridge is a device of its own for what goes up (br_netif_receive_skb).
    const above = runIngress(run, result.up, skb);
    if (above) return 'stop' in above ? above : forwardTo(run, host, skb, above.device);
    return input(run, host, skb, result.up, result.prerouted);
  }
  if (mac !== undefined && !ownsMac(device, mac)) return drop(Reason.OTHER_HOST);
  skb.indev = device;
  return input(run, host, skb, device, false);
}

/** The stack above the link layer. */
function input(run: Run, host: Host, skb: Skb, device: Device, prerouted: boolean): Next {
  const weird = martian6(skb.packet, device);
  if (weird !== undefined) return stopped(host, skb, Disposition.DROPPED, weird);
  if (!prerouted) {
    const { daddr } = skb.packet;
    const stop = runHook(run, host, skb, Hook.PREROUTING);
    if (stop) return { stop };
    // What comes back by `lo` still has its route, unless nat sends it elsewhere.
    if (skb.packet.daddr !== daddr) skb.route = undefined;
  }
  if (!skb.route) {
    const stop = routeInput(run, host, skb, device);
    if (stop) return { stop };
  }
  if (skb.route?.kind === 'unicast') {
    // A unicast route through `lo` leads nowhere (dst_discard).
    if (device.link.kind === 'loopback' && skb.route.device === device)
      return stopped(host, skb, Disposition.DROPPED, Reason.MARTIAN_DESTINATION);
    return forward(run, host, skb);
  }
  const stop = runHook(run, host, skb, Hook.INPUT);
  return { stop: stop ?? deliver(run, host, skb) };
}
