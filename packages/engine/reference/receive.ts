/** A packet comes in: ip_rcv, ip_rcv_finish, ip_local_deliver (net/ipv4/ip_input.c), ip6_rcv_core (net/ipv6/ip6_input.c). */
import { Disposition, Hook, type Packet, Reason } from '../src/index.ts';
import { balanceIn } from './balance-link.ts';
import { unbalanceSocket } from './balance-socket.ts';
import { bridgeInput } from './bridge.ts';
import { deliver, demux } from './deliver.ts';
import { runIngress } from './device-hooks.ts';
import { vrfOf } from './fib.ts';
import { forward } from './forward.ts';
import { gather } from './fragment.ts';
import { runHook } from './hooks.ts';
import { hear } from './question.ts';
import { martian6, routeInput } from './route.ts';
import { sendOn } from './send.ts';
import type { Arrival, Device, Host, Run, Skb } from './state.ts';
import { forwardTo, type Next, stopped } from './transmit.ts';
import { unwrap } from './tunnel.ts';
import { bondHears, hasAddress, ownsMac, topOf, vlanOf } from './wire.ts';

/** More than a TTL allows, bridges on the way included. */
const MAX_ENTERS = 1024;

function withoutOwner(packet: Packet): Packet {
  const { owner: _left, ...rest } = packet;
  return rest;
}

export function receive(run: Run, arrival: Arrival): Next {
  const { device, skb, mac, nexthop, tag = 0, prerouted = false } = arrival;
  const { host } = device;
  // Its socket stays behind, on the way through lo too (skb_orphan); on a wire it has no owner any more.
  skb.socket = undefined;
  skb.outdev = undefined;
  if (skb.packet.owner && device.link.kind !== 'loopback') skb.packet = withoutOwner(skb.packet);
  run.steps.push({ kind: 'enter', netns: host.netns, link: device.link, packet: skb.packet });
  const drop = (reason: Reason) => stopped(host, skb, Disposition.DROPPED, reason);
  if (++run.enters > MAX_ENTERS) return drop(Reason.LOOP);
  if (!device.up) return drop(Reason.LINK_DOWN);
  // A frame that bears no address is for the host that it comes to.
  if (device.link.kind !== 'loopback') skb.macTarget = mac ?? topOf(device).mac;
  skb.forwards = 0;
  Object.assign(skb, { again: false, nested: 0, lost: undefined });
  const balanced = balanceIn(run, device, skb);
  if (balanced) return balanced;
  const below = runIngress(run, device, skb);
  if (below) return 'stop' in below ? below : forwardTo(run, skb, device, below.device, tag);
  if (device.link.kind === 'loopback') {
    skb.indev = device;
    return input(run, host, skb, device, false);
  }
  if (device.master?.link.kind === 'bond' && !bondHears(device.master, device)) return drop(Reason.OTHER_HOST);
  const upper = upperOf(arrival);
  if (upper) return climb(run, host, skb, upper);
  if (device.master?.link.kind === 'bridge') {
    const frame = { target: mac, tag, nexthop: nexthop ?? '' };
    const result = bridgeInput(run, device, skb, frame);
    if (!('up' in result)) return result;
    // The bridge is a device of its own for what goes up (br_netif_receive_skb).
    const above = runIngress(run, result.up, skb);
    if (above) return 'stop' in above ? above : forwardTo(run, skb, result.up, above.device, result.tag);
    const { up: bridge, ...raised } = result;
    const onBridge = upperOf({ ...arrival, ...raised, device: bridge });
    if (onBridge) return climb(run, host, skb, onBridge);
    return result.tag === 0 ? input(run, host, skb, result.up, result.prerouted) : drop(Reason.OTHER_HOST);
  }
  if (tag !== 0) return drop(Reason.OTHER_HOST);
  if (mac !== undefined && !ownsMac(device, mac)) return drop(Reason.OTHER_HOST);
  skb.indev = device;
  return input(run, host, skb, device, prerouted);
}

/** An ipvlan of mode l3s takes packets in the middle of the stack below (ipvlan_l3_rcv, ipvlan_nf_input): not modelled. */
function climb(run: Run, host: Host, skb: Skb, upper: Arrival): Next {
  const { kind, mode } = upper.device.link;
  if (kind === 'ipvlan' && mode === 'l3s') return stopped(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_LINK);
  return receive(run, upper);
}

/**
 * The device above that takes the frame before this one's stack does: a VLAN by its tag, a bond, a macvlan by its address, an ipvlan by
 * the address of the packet (vlan_do_receive, bond_handle_frame, macvlan_handle_frame, ipvlan_handle_frame).
 */
function upperOf(arrival: Arrival): Arrival | undefined {
  const { device, skb, mac, tag = 0 } = arrival;
  const { master, uppers } = device;
  const on = (to: Device | undefined, rest: Partial<Arrival> = {}) => to && { ...arrival, device: to, ...rest };
  if (tag !== 0) {
    const vlan = vlanOf(device, tag);
    if (vlan) return on(vlan, { tag: 0 });
  }
  if (master?.link.kind === 'bond') return on(master);
  if (tag !== 0) return undefined;
  const macvlans = uppers.filter(({ link }) => link.kind === 'macvlan');
  const through = macvlans.find(({ link }) => link.mode === 'passthru');
  // It takes every frame, whomever it is for.
  if (through) return on(through, { mac: undefined });
  const own = macvlans.find((child) => child.mac === mac);
  if (own) return on(own);
  const ipvlans = uppers.filter(({ link }) => link.kind === 'ipvlan');
  return mac === undefined || mac === device.mac
    ? on(ipvlans.find((child) => hasAddress(child, skb.packet.daddr)))
    : undefined;
}

/** The stack above the link layer. */
function input(run: Run, host: Host, skb: Skb, device: Device, prerouted: boolean): Next {
  const weird = martian6(skb.packet, device);
  if (weird !== undefined) return stopped(host, skb, Disposition.DROPPED, weird);
  if (skb.question) return hear(run, host, skb, device, prerouted);
  const vrf = vrfOf(device);
  const isPort = vrf !== undefined && vrf !== device;
  // A bridge's ports spare it, unless it is a port of a VRF itself (ip_sabotage_in).
  if (!prerouted || isPort) {
    const stop = runHook(run, host, skb, Hook.PREROUTING);
    if (stop) return { stop };
    // A VRF takes what came by its ports, and its hooks run for the VRF too (vrf_l3_rcv).
    if (isPort) {
      skb.indev = vrf;
      skb.vrfPort = device;
      const again = runHook(run, host, skb, Hook.PREROUTING);
      return again ? { stop: again } : input(run, host, skb, vrf, true);
    }
  }
  skb.demuxed = skb.route ? undefined : demux(host, skb);
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
  // IPv4 puts pieces together before INPUT (ip_local_deliver), IPv6 behind it, as what a header asks for (ipv6_frag_rcv).
  const waits = skb.packet.family === 4 ? gather(run, host, skb) : undefined;
  const failed = waits ?? runHook(run, host, skb, Hook.INPUT);
  if (!failed && skb.sentOn) return sendOn(run, host, skb);
  const stop = failed ?? gather(run, host, skb);
  if (stop) return { stop };
  const inner = unwrap(run, host, skb);
  if (inner) return 'device' in inner ? { arrival: inner } : { stop: inner };
  const end = deliver(run, host, skb);
  if (end.reason === Reason.SOCKET) unbalanceSocket(run, host, skb);
  return { stop: end };
}
