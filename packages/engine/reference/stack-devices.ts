/** Ties devices to those they stand on, and tunnels to the hosts that route their outer packets. */
import type { Device, Host } from './state.ts';
import { isTunnel } from './tunnel-ends.ts';

/** Kinds with the link-layer address of the link below, where they have none of their own. */
function inherits({ kind, mode }: Device['link']): boolean {
  return kind === 'vlan' || kind === 'ipvlan' || (kind === 'macvlan' && mode === 'passthru');
}

export function stackDevices(hosts: readonly Host[], byName: ReadonlyMap<string, Host>): void {
  const devices = hosts.flatMap((host) => host.devices);
  for (const device of devices) {
    const { lower, tunnel } = device.link;
    const below = lower && byName.get(lower.netns)?.byName.get(lower.link);
    if (below) {
      device.lower = below;
      below.uppers.push(device);
    }
    if (isTunnel(device)) {
      const underlay = tunnel?.underlay === undefined ? device.host : byName.get(tunnel.underlay);
      if (underlay) device.underlay = underlay;
    }
  }
  for (const device of devices) {
    const { link, ports } = device;
    if (link.kind === 'bond' && link.mac === undefined) device.mac = ports[0]?.mac ?? device.mac;
  }
  // Those below first: a VLAN of a bond of a device.
  const settled = new Set<Device>();
  const settle = (device: Device): void => {
    if (settled.has(device)) return;
    settled.add(device);
    const { lower, link, ports } = device;
    if (link.kind === 'bond' && link.carrier === undefined) {
      ports.forEach(settle);
      device.carrier &&= ports.some((port) => port.up && port.carrier);
    }
    if (!lower) return;
    settle(lower);
    if (inherits(link) && link.mac === undefined) device.mac = lower.mac;
    if (link.mtu === undefined) device.mtu = lower.mtu;
    if (link.carrier === undefined) device.carrier &&= lower.up && lower.carrier;
  };
  devices.forEach(settle);
}
