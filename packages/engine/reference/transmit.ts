/** Out of a device: ip_finish_output2 (net/ipv4/ip_output.c), neighbours, and the wire to whoever is next. */
import { ChoiceKind, Disposition, Hook, Reason } from '../src/index.ts';
import { sendAgain } from './again.ts';
import { balanceOut } from './balance-link.ts';
import { admits, inVlan, tagOut } from './bridge-vlan.ts';
import { choose } from './choice.ts';
import { runBridge, runEgress } from './device-hooks.ts';
import { encapsulate } from './encapsulate.ts';
import { cut, pieceSize } from './fragment.ts';
import { resolve } from './neighbor.ts';
import { nexthopOf } from './route.ts';
import type { Arrival, Device, Frame, FrameOut, Host, Question, Routed, Run, Skb, Stop } from './state.ts';
import { carriesFrames, hasEntry, isTunnel, isUnfollowed } from './tunnel-ends.ts';
import { above, activePort, hasAddress, landing, ownsMac, sent, shout, wireEnds } from './wire.ts';

export type Next = { arrival: Arrival } | { stop: Stop } | { pieces: (() => Next)[] };

/** How much more than its MTU a device takes: room for a VLAN tag (is_skb_forwardable). */
export const VLAN_HEADER = 4;

export const stopped = (
  host: Host,
  skb: Skb,
  disposition: Disposition,
  reason: Reason,
  reply?: Stop['reply'],
): { stop: Stop } => ({ stop: { host, disposition, reason, skb, reply } });

/** It does not fit, and may not be cut here: whoever sent it is told how much does. */
export const tooLong = (host: Host, skb: Skb, mtu: number): { stop: Stop } =>
  stopped(host, skb, Disposition.UNREACHABLE, Reason.FRAGMENTATION_NEEDED, {
    kind: 'icmp',
    error: skb.packet.family === 4 ? { type: 3, code: 4, mtu } : { type: 2, code: 0, mtu },
  });

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
  const { route, packet } = skb;
  if (!route) throw new Error('a packet without a route cannot leave');
  // lwtunnel_output, lwtunnel_xmit (net/core/lwtunnel.c)
  if (route.leg?.encap !== undefined && route.kind === 'unicast')
    return stopped(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_ROUTE);
  // Rewritten to another destination it may have less room than when it was made (ip_fragment, ip6_fragment).
  const isOthers = packet.family === 6 && skb.indev !== undefined && skb.widest === undefined;
  const isLate = packet.family === 6 && (skb.widest ?? 0) > route.mtu;
  if (!skb.ignoresDf && packet.length > route.mtu && (packet.dontFragment || isOthers || isLate))
    return tooLong(host, skb, route.mtu);
  const size = pieceSize(skb, route.mtu);
  return size === undefined ? out(run, host, skb) : cut(run, host, skb, size, (piece) => out(run, host, piece));
}

/** A packet, or a piece of one, as the device takes it. */
function out(run: Run, host: Host, skb: Skb): Next {
  const { device, ...route } = skb.route as Routed;
  const nexthop = nexthopOf(skb);
  if (device.link.kind === 'loopback') return leave(run, skb, device) ?? { arrival: { device, skb } };
  const frame: Frame = { source: device.mac, target: undefined };
  if (route.kind === 'multi') {
    const left = leave(run, skb, device, frame);
    if (left) return left;
    pushTransmit(run, device, nexthop);
    return stopped(host, skb, Disposition.UNREACHABLE, Reason.NO_NEIGHBOR);
  }
  if (device.link.kind === 'dummy') {
    const left = leave(run, skb, device, frame);
    if (left) return left;
    pushTransmit(run, device, nexthop);
    return stopped(host, skb, Disposition.DROPPED, Reason.NO_NEIGHBOR);
  }
  if (!hasNeighbors(device))
    return frameOut(run, skb, device, { source: device.mac, target: undefined, tag: 0, nexthop });
  const neighbor = resolve(run, device, nexthop, skb.packet);
  if (!neighbor) return noNeighbor(run, host, skb, device, nexthop);
  return frameOut(run, skb, device, { source: device.mac, target: neighbor.mac, tag: 0, nexthop });
}

/** Kinds on which nobody is asked for an address: NOARP, and those that end where nobody can be seen. */
const WITHOUT_NEIGHBORS = new Set(['tun', 'tap', 'vrf', 'team', 'ifb', 'nlmon']);
const routesAgain = ({ link }: Device) => link.kind === 'ipvlan' && link.mode !== 'l2';
const hasNeighbors = (device: Device): boolean => {
  if (isTunnel(device)) return carriesFrames(device);
  return !routesAgain(device) && !isUnfollowed(device) && !WITHOUT_NEIGHBORS.has(device.link.kind);
};

/** What the stack sends through a bridge: out of one port. */
function throughBridge(run: Run, skb: Skb, bridge: Device, frame: FrameOut): Next {
  const { host } = bridge;
  const vid = inVlan(bridge, undefined, frame.tag);
  const port =
    vid === undefined || frame.target === undefined
      ? undefined
      : portTowards(run, bridge, frame.target, vid, isForMany(skb));
  if (!port || vid === undefined) {
    pushTransmit(run, bridge, frame.nexthop);
    return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  }
  run.steps.push({ kind: 'bridge', netns: host.netns, bridge: bridge.link, to: port.link });
  const stop =
    runBridge(run, host, skb, Hook.OUTPUT, { out: port, frame }) ??
    runBridge(run, host, skb, Hook.POSTROUTING, { out: port, frame });
  if (stop) return { stop };
  if (Math.min(skb.packet.length, skb.route?.mtu ?? bridge.mtu) > port.mtu + VLAN_HEADER)
    return stopped(host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  return frameOut(run, skb, port, { ...frame, tag: tagOut(bridge, port, vid) });
}

/** EGRESS of a device: dropped there, sent out of another one, or (undefined) on its way. */
function leave(run: Run, skb: Skb, device: Device, frame?: Frame, tag = 0): Next | undefined {
  const below = runEgress(run, device, skb, frame);
  if (!below) {
    balanceOut(run, device, skb);
    return undefined;
  }
  return 'stop' in below ? below : forwardTo(run, skb, device, below.device, tag);
}

/** What frames on `lo` bear (arp_constructor). */
const NOBODY = '00:00:00:00:00:00';

/** `fwd to`: the frame as it is on one device, out of another of this namespace (nf_fwd_netdev_egress). */
export function forwardTo(run: Run, skb: Skb, from: Device, device: Device, tag: number): Next {
  const { macTarget, macSource: source = device.mac, packet } = skb;
  const target = from.link.kind === 'loopback' ? NOBODY : macTarget;
  return frameOut(run, skb, device, { source, target, tag, nexthop: packet.daddr });
}

/** The host says so, to itself where it made the packet (arp_error_report, ndisc_error_report). */
export function noNeighbor(run: Run, host: Host, skb: Skb, device: Device, nexthop: string): { stop: Stop } {
  pushTransmit(run, device, nexthop);
  // What is about this very neighbour is thrown away with all that waited for it (neigh_invalidate).
  if (skb.lost?.device === device && skb.lost.address === nexthop)
    return stopped(host, skb, Disposition.DROPPED, Reason.NO_NEIGHBOR);
  const { stop } = stopped(
    host,
    skb,
    Disposition.UNREACHABLE,
    Reason.NO_NEIGHBOR,
    unreachable(skb.packet.family === 4),
  );
  return { stop: { ...stop, lost: { device, address: nexthop } } };
}

/** Static entries are for frames that are for one: others go everywhere, also where they are led to here. */
export const isForMany = ({ question }: Skb): boolean => question?.group !== undefined;

/** Where a bridge sends a frame of a VLAN: a static entry, else the first port behind which the address is. */
export function portTowards(run: Run, bridge: Device, mac: string, vid = 0, isForMany = false): Device | undefined {
  const entry = isForMany
    ? undefined
    : bridge.host.netns.fdb?.find(
        (fdb) =>
          fdb.mac.toLowerCase() === mac &&
          fdb.dst === undefined &&
          (!bridge.link.vlanFiltering || fdb.vlan === undefined || fdb.vlan === vid) &&
          bridge.ports.some((port) => port.name === fdb.link),
      );
  if (entry) return bridge.host.byName.get(entry.link);
  const leads = (port: Device) => {
    const call = shout('');
    return sent(run.world, port, tagOut(bridge, port, vid), call).some(
      (device) => device !== bridge && ownsMac(device, mac),
    );
  };
  const usable = bridge.ports.filter((port) => port.up && admits(bridge, port, vid));
  // A tunnel's own entry leads there, whoever is behind it.
  const tunnel = isForMany
    ? undefined
    : usable.find((port) => port.link.kind === 'vxlan' && isTunnel(port) && hasEntry(port, mac));
  return tunnel ?? usable.find(leads);
}

/** One end of a segment takes the frame; the other end of a wire gets it, wanted or not. */
function takerOf(run: Run, skb: Skb, out: Device, { target: mac, tag }: FrameOut): Device | undefined {
  const ends = wireEnds(run.world, out);
  if (out.link.peer) return ends[0];
  if (mac === undefined) return undefined;
  const live = ends.filter((end) => end.up);
  const owns = (end: Device) => above(end, tag).some((device) => ownsMac(device, mac));
  // A bridge that would send the frame back where it came from does not take it.
  const leadsTo = (end: Device) => {
    const from = landing(end, tag);
    const bridge = from?.device.master;
    if (!from || bridge?.link.kind !== 'bridge' || !bridge.up) return false;
    const vid = inVlan(bridge, from.device, from.tag);
    const port = vid === undefined ? undefined : portTowards(run, bridge, mac, vid, isForMany(skb));
    return port !== undefined && port !== from.device;
  };
  return live.find(owns) ?? live.find(leadsTo);
}

/** XMIT_RECURSION_LIMIT */
const MOST_NESTED = 8;

/** A frame leaves by a device: over its wire, by the device it stands on, or into a tunnel. */
export function frameOut(run: Run, skb: Skb, out: Device, frame: FrameOut): Next {
  const { host, link, lower } = out;
  const left = leave(run, skb, out, frame, frame.tag);
  if (left) return left;
  if (!out.up) return stopped(host, skb, Disposition.DROPPED, Reason.LINK_DOWN);
  // A device may be sending it for another one that is (__dev_queue_xmit).
  const nested = skb.nested ?? 0;
  if (nested > MOST_NESTED) return stopped(host, skb, Disposition.DROPPED, Reason.LOOP);
  skb.nested = nested + 1;
  const unknown = (reason: Reason) => {
    pushTransmit(run, out, frame.nexthop);
    return stopped(host, skb, Disposition.UNKNOWN, reason);
  };
  if (isTunnel(out))
    return skb.question ? pastTunnel(skb, skb.question, frame) : encapsulate(run, host, skb, out, frame);
  if (isUnfollowed(out)) return unknown(Reason.UNMODELLED_LINK);
  switch (link.kind) {
    case 'bridge':
      return throughBridge(run, skb, out, frame);
    case 'tun':
    case 'tap':
      return unknown(Reason.TUN);
    case 'loopback':
      return { arrival: { device: out, skb } };
    case 'dummy':
      pushTransmit(run, out, frame.nexthop);
      return stopped(host, skb, Disposition.DROPPED, Reason.NO_NEIGHBOR);
    case 'vrf':
      pushTransmit(run, out, frame.nexthop);
      return sendAgain(run, host, skb, out);
    case 'team':
    case 'ifb':
    case 'nlmon':
      return unknown(Reason.UNMODELLED_LINK);
    case 'bond':
      return throughBond(run, skb, out, frame);
    case 'vlan':
      // A tag within a tag is not modelled.
      return lower && frame.tag === 0
        ? handDown(run, skb, out, lower, { ...frame, tag: link.vlanId ?? 0 })
        : unknown(Reason.UNMODELLED_LINK);
    case 'macvlan':
    case 'ipvlan':
      return lower ? overLower(run, skb, out, lower, frame) : unknown(Reason.UNMODELLED_LINK);
    default:
      return overWire(run, skb, out, frame);
  }
}

/** Questions pass a tunnel without their outer packet, straight to whom they are for. */
function pastTunnel(skb: Skb, question: Question, frame: FrameOut): Next {
  return { arrival: { device: question.towards, ...crossed(skb, { ...frame, tag: 0 }, false) } };
}

function handDown(run: Run, skb: Skb, out: Device, to: Device, frame: FrameOut): Next {
  pushTransmit(run, out, frame.nexthop, to);
  return frameOut(run, skb, to, frame);
}

/** bond_start_xmit: one port in active-backup mode; any that is up in the others, which is a choice. */
function throughBond(run: Run, skb: Skb, bond: Device, frame: FrameOut): Next {
  const usable = bond.ports.filter((port) => port.up && port.carrier);
  const first = activePort(bond);
  if (!first) {
    pushTransmit(run, bond, frame.nexthop);
    return stopped(bond.host, skb, Disposition.DROPPED, Reason.LINK_DOWN);
  }
  // Questions go by one of them, as broadcasts are followed.
  const isSingle = (bond.link.mode ?? 'balance-rr') === 'active-backup' || usable.length === 1;
  const single = isSingle || skb.question !== undefined;
  const choice = { kind: ChoiceKind.UNMODELLED, alternatives: usable.length, netns: bond.host.netns.name };
  const port = single ? first : usable[choose(run, { ...choice, text: `bond ${bond.name}: which port` })];
  return handDown(run, skb, bond, port ?? first, frame);
}

/** macvlan_queue_xmit, ipvlan_queue_xmit: straight to another device of the same lower link, or over its wire. */
function overLower(run: Run, skb: Skb, out: Device, lower: Device, frame: FrameOut): Next {
  const near = nearOf(skb, out, lower, frame);
  if (!near) {
    if (!routesAgain(out)) return handDown(run, skb, out, lower, frame);
    pushTransmit(run, out, frame.nexthop, lower);
    const { nested = 0 } = skb;
    // It is still the stack's own, on its way out.
    const locked = skb.indev ? undefined : skb.locked;
    const over = { ...crossed(skb, frame, out.host === lower.host).skb, nested };
    return sendAgain(run, lower.host, { ...over, ...(locked && { locked }) }, lower);
  }
  // A macvlan's frame comes in by the lower link, for all to hear who listen there.
  const taker = out.link.kind === 'macvlan' ? lower : near;
  pushTransmit(run, out, frame.nexthop, taker);
  // It goes by the lower link, which must be up and take the size (dev_forward_skb, is_skb_forwardable).
  if (!lower.up) return stopped(lower.host, skb, Disposition.DROPPED, Reason.LINK_DOWN);
  if (Math.min(skb.packet.length, out.mtu) > lower.mtu + VLAN_HEADER)
    return stopped(lower.host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  return { arrival: { device: taker, ...crossed(skb, frame, out.host === taker.host) } };
}

/** Whom a frame reaches without the wire. ipvlan devices have one link-layer address: what is for none of them is for the link below. */
function nearOf({ packet }: Skb, out: Device, lower: Device, { target }: FrameOut): Device | undefined {
  const { kind, mode } = out.link;
  const siblings = lower.uppers.filter((d) => d !== out && d.link.kind === kind);
  if (kind === 'macvlan')
    return mode === 'bridge' ? siblings.find((d) => d.mac === target && d.link.mode === 'bridge') : undefined;
  const sibling = siblings.find((d) => hasAddress(d, packet.daddr));
  if (mode !== 'l2') return sibling;
  return target === lower.mac ? (sibling ?? lower) : undefined;
}

/** What goes along with a frame to another device's input; a mark only within one namespace. */
const crossed = (
  { packet, payload, question, arp, datagram, ipvs }: Skb,
  { target: mac, source: macSource, nexthop, tag }: FrameOut,
  keepsMark: boolean,
) => ({
  skb: {
    packet: keepsMark ? packet : { ...packet, mark: 0 },
    macSource,
    ...(payload && { payload }),
    ...(question && { question }),
    ...(arp && { arp }),
    ...(datagram !== undefined && { datagram }),
    ...(keepsMark && ipvs && { ipvs }),
  },
  mac,
  nexthop,
  tag,
});

function overWire(run: Run, skb: Skb, out: Device, frame: FrameOut): Next {
  const { host } = out;
  const taker = takerOf(run, skb, out, frame);
  pushTransmit(run, out, frame.nexthop, taker);
  if (!taker) return stopped(host, skb, Disposition.DROPPED, Reason.OTHER_HOST);
  // A tag has room of its own.
  if (out.link.kind === 'veth' && Math.min(skb.packet.length, out.mtu) > taker.mtu + VLAN_HEADER)
    return stopped(host, skb, Disposition.DROPPED, Reason.FRAGMENTATION_NEEDED);
  // Marks belong to a network namespace; a veth pair within one keeps them.
  return { arrival: { device: taker, ...crossed(skb, frame, taker.host === host && out.link.kind === 'veth') } };
}
