/** By which of a host's devices, and in which VLAN, frames leave that a link sends: down its VLANs, bonds and bridges. */
import type { BridgeVlan, Link, Netns } from '@podwire/engine';

export interface Ground {
  host: Netns;
  port: Link;
  /** VLAN tag on the wire; 0: none. */
  tag: number;
}

const DEFAULT_VLANS: readonly BridgeVlan[] = [{ id: 1, pvid: true, untagged: true }];
/** Links lie on each other no deeper. */
const DEEPEST = 16;

const vlansOf = ({ vlans }: Link) => vlans ?? DEFAULT_VLANS;
const portsOf = (host: Netns, { name }: Link) => host.links.filter(({ master }) => master === name);

/** Out of a bridge that filters: the VLAN that the bridge's own frame is in, and the tag with which each port sends it. */
function throughBridge(host: Netns, bridge: Link, tag: number): { port: Link; tag: number }[] {
  const ports = portsOf(host, bridge);
  if (!bridge.vlanFiltering) return ports.map((port) => ({ port, tag }));
  const vlan = tag === 0 ? vlansOf(bridge).find(({ pvid }) => pvid)?.id : tag;
  return ports.flatMap((port) => {
    const own = vlansOf(port).find(({ id }) => id === vlan);
    return own ? [{ port, tag: own.untagged ? 0 : own.id }] : [];
  });
}

/** All hosts by name, and whether a device of one leads somewhere. */
export interface Terrain {
  hosts: ReadonlyMap<string, Netns>;
  isOpen(host: Netns, device: Link): boolean;
}

export function groundsOf(terrain: Terrain, host: Netns, link: Link, tag = 0, depth = 0): readonly Ground[] {
  if (depth > DEEPEST || link.up === false) return [];
  const on = (at: Netns, next: Link, nextTag: number) => groundsOf(terrain, at, next, nextTag, depth + 1);
  switch (link.kind) {
    case 'bridge': {
      // One stand-in behind a bridge is enough: behind which port it is makes no difference to what it can answer.
      const ways = throughBridge(host, link, tag).map((next) => on(host, next.port, next.tag));
      return ways.find((way) => way.length > 0) ?? [];
    }
    case 'bond':
      return portsOf(host, link).flatMap((port) => on(host, port, tag));
    case 'vrf':
      return [];
    case 'vlan':
    case 'macvlan':
    case 'ipvlan': {
      const { lower, vlanId = 0 } = link;
      const home = lower && terrain.hosts.get(lower.netns);
      const below = home?.links.find(({ name }) => name === lower?.link);
      if (!home || !below || (link.kind === 'vlan' && tag !== 0)) return [];
      return on(home, below, link.kind === 'vlan' ? vlanId : tag);
    }
    default:
      return terrain.isOpen(host, link) ? [{ host, port: link, tag }] : [];
  }
}

/** Links that are ports of others have no packets of their own. */
export function isPort(host: Netns, { master }: Link): boolean {
  const over = master === undefined ? undefined : host.links.find(({ name }) => name === master);
  return over !== undefined && over.kind !== 'vrf';
}
