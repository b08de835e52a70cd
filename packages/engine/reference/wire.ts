/** Layer 2: who is on the same wire, segment or bridge, and who of them has a link-layer address. */
import type { Device, World } from './state.ts';

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

/**
 * The devices with a stack of their own that a broadcast out of `device` reaches: a bridge in place of its ports, in the order in which
 * they would answer.
 */
export function reachable(world: World, device: Device, seen = new Set<Device>()): Device[] {
  seen.add(device);
  const outs = device.link.kind === 'bridge' ? device.ports : [device];
  return outs.filter((out) => out.up).flatMap((out) => beyond(world, out, seen));
}

/** As `reachable`, out of one device's own wire. */
export function beyond(world: World, out: Device, seen = new Set<Device>()): Device[] {
  seen.add(out);
  const found: Device[] = [];
  for (const end of wireEnds(world, out)) {
    if (seen.has(end) || !end.up) continue;
    seen.add(end);
    const bridge = end.master;
    if (!bridge) {
      found.push(end);
      continue;
    }
    if (!bridge.up) continue;
    if (!seen.has(bridge)) {
      seen.add(bridge);
      found.push(bridge);
    }
    for (const port of bridge.ports)
      if (!seen.has(port) && port.up && mayPass(end, port)) found.push(...beyond(world, port, seen));
  }
  return found;
}

/** Frames for any of a bridge's ports are for the bridge. */
export const ownsMac = (device: Device, mac: string): boolean =>
  device.mac === mac || device.ports.some((port) => port.mac === mac);
