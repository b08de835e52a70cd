/** Out of a device: ip_finish_output2 (net/ipv4/ip_output.c), neighbours, and the wire to whoever is next. */
import { Disposition, Hook, Reason } from '../src/index.ts';
import { runBridge, runEgress } from './device-hooks.ts';
import { resolve } from './neighbor.ts';
import type { Arrival, Device, Frame, Host, Run, Skb, Stop } from './state.ts';
import { beyond, ownsMac, wireEnds } from './wire.ts';

export type Next = { arrival: Arrival } | { stop: Stop };

/** How much more than its MTU a device takes: room for a VLAN tag (is_skb_forwardable). */
export const VLAN_HEADER = 4;

export const stopped = (
  host: Host,
  skb: Skb,
  disposition: Disposition,
  reason: Reason,
  reply?: Stop['reply'],
): { stop: Stop } => ({ stop: { host, disposition, reason, skb, reply } });

const unreachable = (v4: boolean): Stop['reply'] => ({
  kind: 'icmp',
  error: v4 ? { type: 3, code: 1 } : { type: 1, code: 3 },
});

function pushTransmit(run: Run, out: Device, nexthop: string, to?: Device): void {
  run.steps.push({
    kind: 'transmit',
    netns: out.host.netns,
    link: out.link,
    nexthop,
    ...(to ? { to: { netns: to.host.netns, link: to.link } } : {}),
  });
}

/** The routed packet leaves: by `lo` back in, or to the neighbour of its next hop. */
export function transmit(run: Run, host: Host, skb: Skb): Next {
  const { route } = skb;
  if (!route) throw new Error('a packet without a route cannot leave');
  const { device, nexthop } = route;
  if (device.link.kind === 'loopback') return leave(run, host, skb, device) ?? { arrival: { device, skb } };
  const frame: Frame = { source: device.mac, target: undefined };
  if (route.kind === 'multi') {
    const left = leave(run, host, skb, device, frame);
    if (left) return left;
    pushTransmit(run, device, nexthop);
    return stopped(host, skb, Disposition.UNREACHABLE, Reason.NO_NEIGHBOR);
  }
  if (device.link.kind === 'dummy') {
    const left = leave(run, host, skb, device, frame);
    if (left) return left;
    pushTransmit(run, device, nexthop);
    return stopped(host, skb, Disposition.DROPPED, Reason.NO_NEIGHBOR);
  }
  const neighbor = resolve(run, device, nexthop, skb.packet);
  if (!neighbor) return noNeighbor(run, host, skb, device, nexthop);
  const { mac } = neighbor;
  if (device.link.kind !== 'bridge') return overWire(run, host, skb, device, mac, device.mac, nexthop);
  frame.target = mac;
  const left = leave(run, host, skb, device, frame);
  if (left) return left;
  const port = portTowards(run, device, mac);
  if (!port) {
    pushTransmit(run, device, nexthop);
    return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  }
  run.steps.push({ kind: 'bridge', netns: host.netns, bridge: device.link, to: port.link });
  const stop =
    runBridge(run, host, skb, Hook.OUTPUT, { out: port, frame }) ??
    runBridge(run, host, skb, Hook.POSTROUTING, { out: port, frame });
  if (stop) return { stop };
  if (Math.min(skb.packet.length, route.mtu) > port.mtu + VLAN_HEADER)
    return stopped(host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  return overWire(run, host, skb, port, mac, device.mac, nexthop);
}

/** EGRESS of a device: dropped there, sent out of another one, or (undefined) on its way. */
function leave(run: Run, host: Host, skb: Skb, device: Device, frame?: Frame): Next | undefined {
  const below = runEgress(run, device, skb, frame);
  if (!below) return undefined;
  return 'stop' in below ? below : forwardTo(run, host, skb, below.device);
}

/** `fwd to`: the frame as it is, out of a device of this namespace (nf_fwd_netdev_egress). */
export function forwardTo(run: Run, host: Host, skb: Skb, device: Device): Next {
  return overWire(run, host, skb, device, skb.macTarget, skb.macSource ?? device.mac, skb.packet.daddr);
}

/** The host says so, to itself where it made the packet (arp_error_report, ndisc_error_report). */
export function noNeighbor(run: Run, host: Host, skb: Skb, device: Device, nexthop: string): { stop: Stop } {
  pushTransmit(run, device, nexthop);
  return stopped(host, skb, Disposition.UNREACHABLE, Reason.NO_NEIGHBOR, unreachable(skb.packet.family === 4));
}

/** Where a bridge sends a frame: a static entry, else the first port behind which the address is. */
export function portTowards(run: Run, bridge: Device, mac: string): Device | undefined {
  const entry = bridge.host.netns.fdb?.find(
    (fdb) => fdb.mac.toLowerCase() === mac && bridge.ports.some((port) => port.name === fdb.link),
  );
  if (entry) return bridge.host.byName.get(entry.link);
  return bridge.ports.find(
    (port) => port.up && beyond(run.world, port, new Set([bridge])).some((device) => ownsMac(device, mac)),
  );
}

/** One end of a segment takes the frame; the other end of a wire gets it, wanted or not. */
function takerOf(run: Run, out: Device, mac: string | undefined): Device | undefined {
  const ends = wireEnds(run.world, out);
  if (out.link.peer) return ends[0];
  if (mac === undefined) return undefined;
  const live = ends.filter((end) => end.up);
  const owns = (end: Device) => ownsMac(end.master ?? end, mac);
  // A bridge that would send the frame back where it came from does not take it.
  const leadsTo = (end: Device) => {
    const port = end.master?.up === true ? portTowards(run, end.master, mac) : undefined;
    return port !== undefined && port !== end;
  };
  return live.find(owns) ?? live.find(leadsTo);
}

export function overWire(
  run: Run,
  host: Host,
  skb: Skb,
  out: Device,
  mac: string | undefined,
  macSource: string,
  nexthop: string,
): Next {
  const left = leave(run, host, skb, out, { source: macSource, target: mac });
  if (left) return left;
  if (!out.up) return stopped(host, skb, Disposition.DROPPED, Reason.LINK_DOWN);
  const taker = takerOf(run, out, mac);
  pushTransmit(run, out, nexthop, taker);
  if (!taker) return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  if (out.link.kind === 'veth' && Math.min(skb.packet.length, out.mtu) > taker.mtu + VLAN_HEADER)
    return stopped(host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  // Marks belong to a network namespace; a veth pair within one keeps them.
  const keepsMark = taker.host === host && out.link.kind === 'veth';
  const packet = keepsMark ? skb.packet : { ...skb.packet, mark: 0 };
  return { arrival: { device: taker, skb: { packet, macSource }, mac, nexthop } };
}
