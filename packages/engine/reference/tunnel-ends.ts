/**
 * Which tunnel ends hear each other: vxlan_vs_find_vni (drivers/net/vxlan/vxlan_core.c), geneve_lookup (drivers/net/geneve.c),
 * ip_tunnel_lookup (net/ipv4/ip_tunnel.c), ip6_tnl_lookup (net/ipv6/ip6_tunnel.c).
 */
import type { Tunnel } from '../src/index.ts';
import { canonical } from './addresses.ts';
import type { Device, Host, World } from './state.ts';

/** Any unknown link-layer address. */
const ANY_MAC = '00:00:00:00:00:00';
/** The kernel's own VXLAN port, and Geneve's (RFC 8926). */
const PORTS = { vxlan: 8472, geneve: 6081 } as const;

export const tunnelOf = (device: Device): Tunnel => device.link.tunnel ?? {};

export const portOf = (device: Device): number =>
  tunnelOf(device).port ??
  (device.link.kind === 'geneve' ? PORTS.geneve : device.link.kind === 'vxlan' ? PORTS.vxlan : 0);

/** A static entry says where frames for `mac` go. */
export const hasEntry = ({ host, name }: Device, mac: string): boolean =>
  (host.netns.fdb ?? []).some((fdb) => fdb.link === name && fdb.dst !== undefined && fdb.mac.toLowerCase() === mac);

/** Where VXLAN sends frames for `mac`: its entry, else those for every other address. */
export function forwardingOf(device: Device, mac: string): string[] {
  const entries = (device.host.netns.fdb ?? []).filter(
    (entry) => entry.link === device.name && entry.dst !== undefined,
  );
  const of = (wanted: string) =>
    entries.filter((entry) => entry.mac.toLowerCase() === wanted).map((entry) => canonical(entry.dst as string));
  const own = mac === ANY_MAC ? [] : of(mac);
  if (own.length > 0) return own.slice(0, 1);
  const { remote } = tunnelOf(device);
  return [...(remote === undefined ? [] : [canonical(remote)]), ...of(ANY_MAC)];
}

const holds = (host: Host, address: string): boolean =>
  host.devices.some((device) => device.addresses.some((a) => a.text === address));

/** The tunnel ends whose outer packets `underlay` takes. */
export const endsIn = (world: World, underlay: Host): Device[] =>
  world.hosts.flatMap((host) => host.devices).filter((device) => device.underlay === underlay && device.up);

/** The end in `underlay` that an outer packet from `saddr` to `daddr`, sent by `from`, is for; the best fit of tunnels by address. */
export function endFor(world: World, underlay: Host, from: Device, saddr: string, daddr: string): Device | undefined {
  const { kind } = from.link;
  const { id } = tunnelOf(from);
  const ends = endsIn(world, underlay).filter((end) => end.link.kind === kind);
  const is = (text: string | undefined, address: string) => text !== undefined && canonical(text) === address;
  if (kind === 'vxlan') return ends.find((end) => tunnelOf(end).id === id && portOf(end) === portOf(from));
  if (kind === 'geneve')
    return ends.find(
      (end) => tunnelOf(end).id === id && portOf(end) === portOf(from) && is(tunnelOf(end).remote, saddr),
    );
  const fits = ends.filter((end) => {
    const { local, remote, id: key } = tunnelOf(end);
    return (local === undefined || is(local, daddr)) && (remote === undefined || is(remote, saddr)) && key === id;
  });
  const exactness = (end: Device) =>
    (tunnelOf(end).remote === undefined ? 0 : 2) + (tunnelOf(end).local === undefined ? 0 : 1);
  return fits.sort((a, b) => exactness(b) - exactness(a))[0];
}

/** The other ends that a broadcast into the tunnel reaches, the way there aside. */
export function tunnelRemotes(world: World, device: Device): Device[] {
  return forwardingOf(device, ANY_MAC).flatMap((address) =>
    world.hosts
      .filter((host) => holds(host, address))
      .flatMap((host) => endFor(world, host, device, sourceOf(world, device, address), address) ?? [])
      .filter((end) => end !== device),
  );
}

/** The address that outer packets will have: the one that is set, else one of the underlay. */
function sourceOf(world: World, device: Device, remote: string): string {
  const { local } = tunnelOf(device);
  if (local !== undefined) return canonical(local);
  const { underlay } = device;
  const back = underlay && world.hosts.find((host) => holds(host, remote));
  const known = back && endsIn(world, back).map((end) => tunnelOf(end).remote);
  return known?.find((address) => address !== undefined && underlay && holds(underlay, canonical(address))) ?? '';
}
