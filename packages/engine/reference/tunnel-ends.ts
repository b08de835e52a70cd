/**
 * Which tunnel ends hear each other: vxlan_vs_find_vni (drivers/net/vxlan/vxlan_core.c), geneve_lookup (drivers/net/geneve.c),
 * ip_tunnel_lookup, ip_tunnel_key_match (net/ipv4/ip_tunnel.c), ip6_tnl_lookup (net/ipv6/ip6_tunnel.c).
 */
import type { Tunnel, TunnelKind } from '../src/index.ts';
import { canonical } from './addresses.ts';
import type { Device, Host, World } from './state.ts';

/** Any unknown link-layer address. */
const ANY_MAC = '00:00:00:00:00:00';
/** The kernel's own VXLAN port, and Geneve's (RFC 8926). */
const PORTS = { vxlan: 8472, geneve: 6081 } as const;

const KINDS = new Set<string>(['vxlan', 'geneve', 'gretap', 'gre', 'ipip', 'sit', 'ip6tnl', 'wireguard']);

/** It says of its packets what nobody can follow. */
export const isUnfollowed = ({ link }: Device): boolean => link.tunnel?.unmodelled !== undefined;

/** Its packets go into other packets. */
export const isTunnel = (device: Device): boolean =>
  KINDS.has(device.link.kind) && !isUnfollowed(device) && device.link.segment === undefined;

export const kindOf = ({ link }: Device): TunnelKind => link.kind as TunnelKind;

/** Tunnels that carry frames have neighbours; the others carry packets. */
export const carriesFrames = ({ link }: Device): boolean =>
  link.kind === 'vxlan' || link.kind === 'geneve' || link.kind === 'gretap';

export const overUdp = (kind: TunnelKind): boolean => kind === 'vxlan' || kind === 'geneve' || kind === 'wireguard';

export const tunnelOf = (device: Device): Tunnel => device.link.tunnel ?? {};

export const portOf = (device: Device): number =>
  tunnelOf(device).port ??
  (device.link.kind === 'geneve' ? PORTS.geneve : device.link.kind === 'vxlan' ? PORTS.vxlan : 0);

/** A static entry says where frames for `mac` go. */
export const hasEntry = ({ host, name }: Device, mac: string): boolean =>
  (host.netns.fdb ?? []).some((fdb) => fdb.link === name && fdb.dst !== undefined && fdb.mac.toLowerCase() === mac);

/** Where frames for `mac` go. VXLAN: its entry, else those for every other address; other tunnels to their other end. */
export function forwardingOf(device: Device, mac: string): string[] {
  const { remote } = tunnelOf(device);
  const fixed = remote === undefined ? [] : [canonical(remote)];
  if (device.link.kind !== 'vxlan') return fixed;
  const entries = (device.host.netns.fdb ?? []).filter(
    (entry) => entry.link === device.name && entry.dst !== undefined,
  );
  const of = (wanted: string) =>
    entries.filter((entry) => entry.mac.toLowerCase() === wanted).map((entry) => canonical(entry.dst as string));
  const own = mac === ANY_MAC ? [] : of(mac);
  if (own.length > 0) return own.slice(0, 1);
  return [...fixed, ...of(ANY_MAC)];
}

const holds = (host: Host, address: string): boolean =>
  host.devices.some((device) => device.addresses.some((a) => a.text === address));

/** The tunnel ends whose outer packets `underlay` takes. */
export const endsIn = (world: World, underlay: Host): Device[] =>
  world.hosts.flatMap((host) => host.devices).filter((device) => device.underlay === underlay && device.up);

const hasKeys = ({ link }: Device): boolean => link.kind === 'gre' || link.kind === 'gretap';

/** The keys that it sends and takes packets with; undefined: packets without one. */
export const keyOut = (device: Device): number | undefined => (hasKeys(device) ? tunnelOf(device).id : undefined);

function keyIn(device: Device): number | undefined {
  const { ikey } = tunnelOf(device);
  if (ikey === undefined || !hasKeys(device)) return keyOut(device);
  return ikey === 'none' ? undefined : ikey;
}

/** Whether its socket is of the family of the address: VXLAN has one socket, of IPv6 where one of its ends is (vxlan_sock_add). */
function opens(device: Device, address: string): boolean {
  if (device.link.kind !== 'vxlan') return true;
  const { local, remote } = tunnelOf(device);
  return [local, remote].some((own) => own?.includes(':')) === address.includes(':');
}

/** Does a tunnel over UDP listen there, for packets of the address's family? */
export const hasTunnel = (world: World, underlay: Host, port: number, address: string): boolean =>
  endsIn(world, underlay).some((end) => overUdp(kindOf(end)) && portOf(end) === port && opens(end, address));

/** An outer packet, as the other end looks at it. */
export interface Outer {
  /** Whether it comes from this address. */
  isFrom: (address: string) => boolean;
  daddr: string;
  /** UDP destination port. */
  port: number;
}

/** The end in `underlay` that an outer packet sent by `from` is for; the best fit of tunnels by address. */
export function endFor(world: World, underlay: Host, from: Device, { isFrom, daddr, port }: Outer): Device | undefined {
  const { kind } = from.link;
  const { id } = tunnelOf(from);
  const ends = endsIn(world, underlay).filter((end) => end.link.kind === kind);
  const comesFrom = (address: string | undefined) => address !== undefined && isFrom(canonical(address));
  if (kind === 'vxlan')
    return ends.find((end) => (tunnelOf(end).id ?? 0) === (id ?? 0) && portOf(end) === port && opens(end, daddr));
  if (kind === 'geneve')
    return ends.find(
      (end) => (tunnelOf(end).id ?? 0) === (id ?? 0) && portOf(end) === port && comesFrom(tunnelOf(end).remote),
    );
  const fits = ends.filter((end) => {
    const { local, remote } = tunnelOf(end);
    const isTo = local === undefined || canonical(local) === daddr;
    return isTo && (remote === undefined || comesFrom(remote)) && keyIn(end) === keyOut(from);
  });
  const exactness = (end: Device) => {
    const { remote, local } = tunnelOf(end);
    const [first, second] = kind === 'ip6tnl' ? [local, remote] : [remote, local];
    return (first === undefined ? 0 : 2) + (second === undefined ? 0 : 1);
  };
  return fits.sort((a, b) => exactness(b) - exactness(a))[0];
}

/** The ends that hear what a tunnel sends to an address, whichever way it goes there. */
export function endsAt(world: World, device: Device, address: string): Device[] {
  const { local } = tunnelOf(device);
  const { underlay } = device;
  const isFrom = (from: string) =>
    local === undefined ? underlay !== undefined && holds(underlay, from) : canonical(local) === from;
  return world.hosts
    .filter((host) => holds(host, address))
    .flatMap((host) => endFor(world, host, device, { isFrom, daddr: address, port: portOf(device) }) ?? []);
}

/** The other ends that a broadcast into the tunnel reaches, the way there aside. */
export function tunnelRemotes(world: World, device: Device): Device[] {
  return forwardingOf(device, ANY_MAC).flatMap((address) =>
    endsAt(world, device, address).filter((end) => end !== device),
  );
}
