/**
 * Layer 2: who is on the same wire, segment, bridge, VLAN or tunnel, and who of them has a link-layer address. A broadcast is followed
 * down a host's stacked devices, over wires, and up the other hosts' (netif_receive_skb, br_flood, macvlan_broadcast, vxlan_xmit).
 */
import { canonical } from './addresses.ts';
import { admits, inVlan, tagOut } from './bridge-vlan.ts';
import type { Device, World } from './state.ts';
import { carriesFrames, isTunnel, tunnelRemotes } from './tunnel-ends.ts';

/** The devices at the other end of a device's own wire: its peer, or all others of its segment. */
export function wireEnds(world: World, device: Device): Device[] {
  const { peer, segment } = device.link;
  if (peer) {
    const other = world.byName.get(peer.netns)?.byName.get(peer.link);
    return other ? [other] : [];
  }
  if (segment === undefined) return [];
  return world.hosts
    .flatMap((host) => host.devices)
    .filter((other) => other !== device && other.link.segment === segment);
}

/** A frame may pass between two ports of a bridge unless both are isolated. */
export const mayPass = (from: Device, to: Device): boolean => !(from.link.isolated && to.link.isolated);

/** A broadcast: its sender's link-layer address, and where it was so far. */
export interface Shout {
  source: string;
  been: Set<string>;
}

export const shout = (source: string): Shout => ({ source, been: new Set() });

const place = (way: 'in' | 'out', { host, index }: Device, tag: number) => `${way} ${host.order} ${index} ${tag}`;

function isNew({ been }: Shout, way: 'in' | 'out', device: Device, tag: number): boolean {
  const key = place(way, device, tag);
  if (been.has(key)) return false;
  been.add(key);
  return true;
}

/** The port of a bond that sends, and whose frames count: the one named, else the first that is up. */
export const activePort = ({ link, ports }: Device): Device | undefined =>
  ports.find((port) => port.name === link.active && port.up && port.carrier) ??
  ports.find((port) => port.up && port.carrier);

/** Frames that come by a port in reserve are dropped (bond_should_deliver_exact_match). */
export const bondHears = (bond: Device, port: Device): boolean =>
  bond.link.mode !== 'active-backup' || activePort(bond) === port;

/**
 * The devices with a stack of their own that a broadcast out of `device` reaches: a bridge in place of its ports, in the order in which
 * they would answer.
 */
export function reachable(world: World, device: Device): Device[] {
  const call = shout(device.mac);
  isNew(call, 'in', device, 0);
  return sent(world, device, 0, call);
}

/** Out of a device. */
export function sent(world: World, device: Device, tag: number, call: Shout): Device[] {
  if (!device.up || !isNew(call, 'out', device, tag)) return [];
  const { kind, mode, vlanId } = device.link;
  const { lower } = device;
  if (kind === 'bridge') return flooded(world, device, undefined, tag, call);
  if (kind === 'bond') {
    const port = activePort(device);
    return port ? sent(world, port, tag, call) : [];
  }
  if (kind === 'vlan') return lower && tag === 0 ? sent(world, lower, vlanId ?? 0, call) : [];
  if (kind === 'macvlan' && lower) {
    // Between bridge-mode devices of one lower link directly; then over its wire.
    const near = lower.uppers.filter((d) => d !== device && d.link.kind === kind && d.link.mode === 'bridge');
    const siblings = mode === 'bridge' && lower.up ? near.flatMap((d) => heard(world, d, tag, call)) : [];
    return [...siblings, ...sent(world, lower, tag, call)];
  }
  if (kind === 'ipvlan' && lower) {
    const near = mode === 'l2' ? lower.uppers.filter((d) => d !== device && d.link.kind === kind) : [];
    return [
      ...near.flatMap((d) => heard(world, d, tag, call)),
      ...(mode === 'l2' ? sent(world, lower, tag, call) : []),
    ];
  }
  if (isTunnel(device) && carriesFrames(device))
    return tunnelRemotes(world, device).flatMap((end) => heard(world, end, tag, call));
  return wireEnds(world, device).flatMap((end) => heard(world, end, tag, call));
}

/** In by a device. */
export function heard(world: World, device: Device, tag: number, call: Shout): Device[] {
  if (!device.up || !isNew(call, 'in', device, tag)) return [];
  const vlan = tag === 0 ? undefined : vlanOf(device, tag);
  if (vlan) return heard(world, vlan, 0, call);
  const { master } = device;
  if (master?.link.kind === 'bridge') return flooded(world, master, device, tag, call);
  if (master?.link.kind === 'bond') return bondHears(master, device) ? heard(world, master, tag, call) : [];
  const { children, own } = listeners(device, call.source);
  return [...(own && tag === 0 ? [device] : []), ...children.flatMap((child) => heard(world, child, tag, call))];
}

export const vlanOf = (device: Device, tag: number): Device | undefined =>
  device.uppers.find(({ link }) => link.kind === 'vlan' && link.vlanId === tag);

/** Which macvlan and ipvlan devices on a link hear a broadcast that came by it, and whether the link itself does (macvlan_process_broadcast). */
function listeners(device: Device, source: string): { children: Device[]; own: boolean } {
  // An ipvlan of layer 3 asks nobody and answers nobody (IFF_NOARP).
  const children = device.uppers.filter(
    ({ link }) => link.kind === 'macvlan' || (link.kind === 'ipvlan' && link.mode === 'l2'),
  );
  const from = children.find(({ mac, link }) => link.kind === 'macvlan' && mac === source);
  const mode = from?.link.mode ?? (from ? 'vepa' : undefined);
  if (mode === undefined) return { children, own: true };
  if (mode !== 'vepa' && mode !== 'bridge') return { children: from ? [from] : [], own: false };
  const others = children.filter((child) => child !== from);
  const modes = mode === 'vepa' ? ['vepa', 'bridge'] : ['vepa'];
  return { children: others.filter(({ link }) => modes.includes(link.mode ?? 'vepa')), own: true };
}

/** Inside a bridge: to its stack (unless from there) and out of its other ports. */
function flooded(world: World, bridge: Device, from: Device | undefined, tag: number, call: Shout): Device[] {
  if (!bridge.up) return [];
  const vid = inVlan(bridge, from, tag);
  if (vid === undefined) return [];
  const found: Device[] = [];
  if (from && admits(bridge, bridge, vid)) found.push(...heard(world, bridge, tagOut(bridge, bridge, vid), call));
  for (const port of bridge.ports)
    if (port !== from && (!from || mayPass(from, port)) && admits(bridge, port, vid))
      found.push(...sent(world, port, tagOut(bridge, port, vid), call));
  return found;
}

/** Where a frame that comes in by a device is looked at: above VLAN devices by their tag, and bonds that listen to it. */
export function landing(device: Device, tag: number): { device: Device; tag: number } | undefined {
  const vlan = tag === 0 ? undefined : vlanOf(device, tag);
  if (vlan) return landing(vlan, 0);
  const { master } = device;
  if (master?.link.kind === 'bond') return bondHears(master, device) ? landing(master, tag) : undefined;
  return { device, tag };
}

/** The devices on this very host that a frame which comes in by `device` may be for. */
export function above(device: Device, tag: number): Device[] {
  const landed = landing(device, tag)?.device;
  if (!landed) return [];
  const { master, uppers } = landed;
  if (master?.link.kind === 'bridge') return [master, ...master.uppers];
  return [landed, ...uppers.filter(({ link }) => link.kind !== 'vlan')];
}

/** Whom frames without an address are for: the bridge or bond at the top. */
export function topOf(device: Device): Device {
  const { master } = device;
  return master && master.link.kind !== 'vrf' ? topOf(master) : device;
}

/** Frames for any of a bridge's ports are for the bridge. */
export const ownsMac = (device: Device, mac: string): boolean =>
  device.mac === mac || (device.link.kind !== 'vrf' && device.ports.some((port) => port.mac === mac));

export const hasAddress = (device: Device, address: string): boolean =>
  device.addresses.some((a) => a.text === canonical(address));
