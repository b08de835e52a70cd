/** VLAN devices, bonds and VLANs of bridges: what `/proc` and `bridge vlan` add to the links that `ip` listed. */
import type { BridgeVlan, Link } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import type { PortVlan } from '../bridge/index.ts';
import type { CollectedNetns } from './collected.ts';

const LAST_VLAN = 4094;

/** `/proc/net/vlan/config` and `/proc/net/bonding/*`, for links of which `ip` said no more than that they are there. */
export function withProc(read: CollectedNetns, named: Map<string, Link>, netns: string): void {
  for (const { name, id, lower } of read.vlanDevices) {
    const link = named.get(name);
    if (!link || (link.kind !== 'device' && link.kind !== 'veth')) continue;
    const { peer: _, ...rest } = link;
    named.set(name, { ...rest, kind: 'vlan', vlanId: id, ...(named.has(lower) && { lower: { netns, link: lower } }) });
  }
  for (const { name, mode, active, ports } of read.bonds.values()) {
    const link = named.get(name);
    if (!link || (link.kind !== 'device' && link.kind !== 'bond')) continue;
    named.set(name, {
      ...(mode !== undefined && { mode }),
      ...(active !== undefined && { active }),
      ...link,
      kind: 'bond',
    });
    for (const port of ports) {
      const own = named.get(port);
      if (own && own.master === undefined) named.set(port, { ...own, master: name });
    }
  }
}

function* each({ vid, end = vid, pvid, untagged }: PortVlan): Iterable<BridgeVlan> {
  for (let id = Math.max(1, vid); id <= Math.min(end, LAST_VLAN); id++)
    yield { id, ...(pvid && { pvid }), ...(untagged && { untagged }) };
}

/** Puts the VLANs of ports, and of bridges towards their stack, where the bridge filters. */
export function withVlans(read: CollectedNetns, named: Map<string, Link>): Problem[] {
  const filtering = [...named.values()].filter(({ vlanFiltering }) => vlanFiltering);
  if (filtering.length === 0) return saysNothing(read, named);
  if (read.vlans.length === 0)
    return filtering.map(({ name }) => ({
      severity: 'warning',
      code: 'vlan-filtering',
      message: `${name} filters VLANs, and "bridge vlan" is not in the dump: all its ports are taken to be in VLAN 1`,
    }));
  const byLink = new Map<string, BridgeVlan[]>();
  for (const one of read.vlans) byLink.set(one.link, [...(byLink.get(one.link) ?? []), ...each(one)]);
  for (const bridge of filtering)
    for (const link of [...named.values()])
      if (link.name === bridge.name || link.master === bridge.name)
        named.set(link.name, { ...link, vlans: byLink.get(link.name) ?? [] });
  return [];
}

/** Ports have VLANs, and nobody says whether their bridge looks at them. */
function saysNothing(read: CollectedNetns, named: ReadonlyMap<string, Link>): Problem[] {
  const unsure = [...named.values()].some(({ kind, name }) => kind === 'bridge' && !read.kinds.has(name));
  if (!unsure || !read.vlans.some(({ vid }) => vid !== 1)) return [];
  const message =
    'bridge ports have VLANs, and the dump does not say whether the bridge filters them: it is taken not to; give "ip -d link"';
  return [{ severity: 'warning', code: 'vlan-filtering', message }];
}

/** The VLANs of a namespace's ports and bridges as `bridge vlan show` lists them. */
export function portVlans(links: readonly Link[]): PortVlan[] {
  return links.flatMap(({ name, vlans }) =>
    (vlans ?? []).map(({ id, pvid, untagged }) => ({
      link: name,
      vid: id,
      ...(pvid && { pvid }),
      ...(untagged && { untagged }),
    })),
  );
}
