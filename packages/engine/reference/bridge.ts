/**
 * A frame that comes in by a bridge port: br_handle_frame_finish (net/bridge/br_input.c), br_nf_pre_routing, br_nf_forward_ip,
 * br_nf_post_routing (net/bridge/br_netfilter_hooks.c), should_deliver (net/bridge/br_forward.c).
 */
import { Disposition, Hook, Reason, sysctl } from '../src/index.ts';
import { admits, inVlan, tagOut } from './bridge-vlan.ts';
import { runArp, runBridge } from './device-hooks.ts';
import { cut } from './fragment.ts';
import { runHook } from './hooks.ts';
import { resolve } from './neighbor.ts';
import { nexthopOf, routeInput } from './route.ts';
import { sendOn } from './send.ts';
import type { Device, FrameOut, Host, Run, Skb, Stop } from './state.ts';
import { frameOut, isForMany, type Next, noNeighbor, portTowards, stopped, VLAN_HEADER } from './transmit.ts';
import { mayPass, ownsMac } from './wire.ts';

/** `up`: the stack above the bridge gets the packet, with the tag and the address that the frame has by now. */
export type Bridged = Next | { up: Device; prerouted: boolean; tag: number; mac: string };

/** Before these priorities bridge netfilter runs (br_nf_ops); it is there before any chain, so that those of its own priority run first. */
const BRIDGE_NETFILTER = 1;
const BRIDGE_NETFILTER_FORWARD = 0;
const MINIMUM_MTU6 = 1280;

const callsIptables = (host: Host, family: 4 | 6): boolean =>
  sysctl(
    host.netns.sysctls,
    family === 4 ? 'net.bridge.bridge-nf-call-iptables' : 'net.bridge.bridge-nf-call-ip6tables',
  ) !== 0;

const callsArptables = ({ netns }: Host): boolean => sysctl(netns.sysctls, 'net.bridge.bridge-nf-call-arptables') !== 0;

export function bridgeInput(run: Run, port: Device, skb: Skb, frame: Omit<FrameOut, 'source'>): Bridged {
  const { host } = port;
  const bridge = port.master as Device;
  if (!bridge.up) return stopped(host, skb, Disposition.DROPPED, Reason.LINK_DOWN);
  // Frames with a tag pass bridge netfilter untouched, unless asked for (bridge-nf-filter-vlan-tagged).
  const filtered = frame.tag === 0 && !skb.arp && callsIptables(host, skb.packet.family);
  let mac = frame.target ?? bridge.mac;
  let towards = frame.nexthop;
  // Chains of the bridge itself: bridge netfilter stands at priority 0.
  const early = runBridge(run, host, skb, Hook.PREROUTING, { in: port }, undefined, BRIDGE_NETFILTER);
  if (early) return { stop: early };
  mac = skb.macTarget ?? mac;
  skb.indev = bridge;
  if (filtered) {
    skb.bridge = { physin: port };
    const { daddr } = skb.packet;
    const stop = runHook(run, host, skb, Hook.PREROUTING);
    if (stop) return { stop };
    if (skb.packet.daddr !== daddr) {
      const redirected = redirect(run, host, bridge, port, skb);
      if ('stop' in redirected) return redirected;
      ({ mac, nexthop: towards } = redirected);
      skb.macTarget = mac;
    }
  }
  const late = runBridge(run, host, skb, Hook.PREROUTING, { in: port }, BRIDGE_NETFILTER);
  if (late) return { stop: late };
  mac = skb.macTarget ?? mac;
  const vid = inVlan(bridge, port, frame.tag);
  if (vid === undefined) return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  if (ownsMac(bridge, mac) || bridge.uppers.some((upper) => upper.link.kind === 'macvlan' && upper.mac === mac)) {
    if (!admits(bridge, bridge, vid)) return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
    pushBridge(run, bridge, port);
    const up = runBridge(run, host, skb, Hook.INPUT, { in: port });
    if (up) return { stop: up };
    // The stack above knows no more that it came in pieces (ip_rcv_core).
    delete skb.widest;
    return { up: bridge, prerouted: filtered, tag: tagOut(bridge, bridge, vid), mac: skb.macTarget ?? mac };
  }
  const to = portTowards(run, bridge, mac, vid, isForMany(skb));
  if (!to) return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  pushBridge(run, bridge, port, to);
  const frameOn = { source: skb.macSource ?? bridge.mac, target: mac, tag: tagOut(bridge, to, vid), nexthop: towards };
  const isFiltered = filtered && frameOn.tag === 0;
  const stop = passThrough(run, host, bridge, port, to, skb, isFiltered, frameOn);
  if (stop) return { stop };
  if (skb.sentOn) return sendOn(run, host, skb);
  const size = roomIn(skb, to, isFiltered);
  if (size === 0) return stopped(host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  const send = (piece: Skb) => frameOut(run, piece, to, frameOn);
  return size === undefined ? send(skb) : cut(run, host, skb, size, send);
}

function pushBridge(run: Run, bridge: Device, from: Device, to?: Device): void {
  run.steps.push({
    kind: 'bridge',
    netns: bridge.host.netns,
    bridge: bridge.link,
    from: from.link,
    ...(to ? { to: to.link } : {}),
  });
}

/** PREROUTING changed the destination: by the same bridge to another neighbour, or up (br_nf_pre_routing_finish). */
function redirect(
  run: Run,
  host: Host,
  bridge: Device,
  port: Device,
  skb: Skb,
): { mac: string; nexthop: string } | { stop: Stop } {
  const stop = routeInput(run, host, skb, bridge);
  if (stop) {
    // IPv6 frees the packet; IPv4 lets the stack above say that there is no way, but frees martians.
    if (skb.packet.family === 6) return { stop: { ...stop, reply: undefined } };
    const martian = [Reason.MARTIAN_SOURCE, Reason.MARTIAN_DESTINATION, Reason.RP_FILTER].includes(stop.reason);
    const silent = stop.reason === Reason.MARTIAN_DESTINATION && run.steps.at(-1)?.kind === 'route';
    if (!martian || silent) pushBridge(run, bridge, port);
    return { stop };
  }
  const { route } = skb;
  if (route?.kind !== 'unicast' || route.device !== bridge) return { mac: bridge.mac, nexthop: '' };
  const nexthop = nexthopOf(skb);
  const neighbor = resolve(run, bridge, nexthop, skb.packet);
  if (neighbor) return { mac: neighbor.mac, nexthop };
  const { stop: lost } = noNeighbor(run, host, skb, bridge, nexthop);
  // Of a frame that was for another (PACKET_OTHERHOST) nobody is told (icmp_send, icmp6_send).
  const isOwn = skb.macTarget === bridge.mac || skb.macTarget === port.mac;
  return { stop: isOwn ? lost : { ...lost, reply: undefined } };
}

/** No chain is told the input interface there (br_nf_post_routing). */
function postrouting(run: Run, host: Host, skb: Skb): Stop | undefined {
  const { indev } = skb;
  skb.indev = undefined;
  const stop = runHook(run, host, skb, Hook.POSTROUTING);
  skb.indev = indev;
  return stop;
}

/** From port to port; with bridge-nf through FORWARD and POSTROUTING, but not what leaves with a tag (br_nf_forward). */
function passThrough(
  run: Run,
  host: Host,
  bridge: Device,
  from: Device,
  to: Device,
  skb: Skb,
  filtered: boolean,
  frame: FrameOut,
): Stop | undefined {
  const drop = (reason: Reason): Stop => ({ host, disposition: Disposition.DROPPED, reason, skb });
  if (to === from && !from.link.hairpin) return drop(Reason.BRIDGE_HAIRPIN_OFF);
  if (!mayPass(from, to)) return drop(Reason.BRIDGE_ISOLATED);
  if (!to.up) return drop(Reason.LINK_DOWN);
  const ports = { in: from, out: to };
  const early = runBridge(run, host, skb, Hook.FORWARD, ports, undefined, BRIDGE_NETFILTER_FORWARD);
  if (early) return early;
  if (filtered) {
    skb.outdev = bridge;
    skb.bridge = { physin: from, physout: to };
    const stop = runHook(run, host, skb, Hook.FORWARD);
    if (stop || skb.sentOn) return stop;
  }
  const asked = skb.arp && callsArptables(host) ? runArp(run, host, skb, Hook.FORWARD, from, to) : undefined;
  if (asked) return asked;
  const late = runBridge(run, host, skb, Hook.FORWARD, ports, BRIDGE_NETFILTER_FORWARD);
  if (late) return late;
  frame.source = skb.macSource ?? frame.source;
  frame.target = skb.macTarget ?? frame.target;
  const last = runBridge(run, host, skb, Hook.POSTROUTING, { out: to, frame });
  if (last) return last;
  return filtered ? postrouting(run, host, skb) : undefined;
}

/**
 * A bridge drops what its port cannot send (0). Bridge netfilter cuts IPv4 where that is allowed, and what it put together itself, into pieces
 * of the size that is returned (br_nf_dev_queue_xmit). Undefined: it fits.
 */
function roomIn(
  { packet: { family, length, dontFragment }, widest }: Skb,
  port: Device,
  filtered: boolean,
): number | undefined {
  if (!filtered) return length > port.mtu + VLAN_HEADER ? 0 : undefined;
  const mtu = Math.min(port.mtu, widest ?? port.mtu);
  if (length <= mtu) return undefined;
  if (widest !== undefined && (widest > port.mtu || (family === 6 && widest < MINIMUM_MTU6))) return 0;
  return dontFragment || (family === 6 && widest === undefined) ? 0 : mtu;
}
