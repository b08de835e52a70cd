/** One network namespace while `ip` commands change it, and the namespaces around it. */
import {
  type Address,
  addressesOf,
  type Family,
  IMPLIED_LOOPBACK,
  type Link,
  localTable,
  type Netns,
  type PolicyRule,
  parsePrefix,
  type Route,
  type RouteTable,
} from '@podwire/engine';
import { IpRefusal } from './refusal.ts';

export interface Host {
  netns: Netns;
  /** The other ends of veth pairs live here. */
  world: ReadonlyMap<string, Netns>;
}

export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;
const DEFAULT_TABLE = 253;

/** All links; `lo` also where none was given. */
export function linksOf(netns: Netns): Link[] {
  return netns.links.some((link) => link.name === 'lo') ? netns.links : [IMPLIED_LOOPBACK, ...netns.links];
}

export function findLink(netns: Netns, name: string): Link | undefined {
  return linksOf(netns).find((link) => link.name === name);
}

export function linkNamed(netns: Netns, name: string): Link {
  const link = findLink(netns, name);
  if (!link) throw new IpRefusal(`Cannot find device "${name}"`);
  return link;
}

export function isUp(link: Link): boolean {
  return link.up !== false;
}

/** A veth has a carrier while both ends are up. */
export function hasCarrier({ world }: Host, link: Link): boolean {
  if (link.carrier !== undefined) return link.carrier;
  if (!isUp(link)) return false;
  if (link.peer) {
    const other = world.get(link.peer.netns);
    const peer = other && findLink(other, link.peer.link);
    return peer === undefined || isUp(peer);
  }
  return true;
}

/** Interface index: as given, else by position (`lo` is 1). */
export function linkIndex(netns: Netns, link: Link): number {
  return link.index ?? linksOf(netns).indexOf(link) + 1;
}

export function familyOf(prefix: string): Family {
  return prefix.includes(':') ? 6 : 4;
}

/** The table, made where it is missing. */
export function tableFor(netns: Netns, id: number): RouteTable {
  const found = netns.tables.find((table) => table.id === id);
  if (found) return found;
  const table: RouteTable = { id, routes: [] };
  netns.tables.push(table);
  return table;
}

function hidingKey(route: Route): string {
  return `${route.family} ${route.destination} ${metricOf(route)} ${route.tos ?? 0}`;
}

/**
 * Routes of a table in look-up order, those of its bases behind its own; `local` with what the kernel makes by itself. A route of a base
 * that an own one hides (same prefix, metric and TOS) is none: it stands there for other namespaces that share the base.
 */
export function routesIn(netns: Netns, id: number): Route[] {
  const top = id === LOCAL_TABLE ? localTable(netns) : netns.tables.find((table) => table.id === id);
  const routes = [...(top?.routes ?? [])];
  for (let table = top?.base; table; table = table.base) {
    const own = new Set(routes.map(hidingKey));
    routes.push(...table.routes.filter((route) => !own.has(hidingKey(route))));
  }
  return routes;
}

/** Metric as the kernel holds it. */
export function metricOf(route: Pick<Route, 'family' | 'metric'>): number {
  return route.metric ?? (route.family === 4 ? 0 : 1024);
}

const DEFAULT_RULES: readonly PolicyRule[] = ([4, 6] as const).flatMap((family) => [
  { family, priority: 0, action: { kind: 'lookup', table: LOCAL_TABLE } } as const,
  { family, priority: 32766, action: { kind: 'lookup', table: MAIN_TABLE } } as const,
  ...(family === 4 ? [{ family, priority: 32767, action: { kind: 'lookup', table: DEFAULT_TABLE } } as const] : []),
]);

/** `ip rule` of one family, in order; the kernel's own where none were given. */
const VRF_RULES: readonly PolicyRule[] = ([4, 6] as const).map((family) => ({
  family,
  priority: 1000,
  l3mdev: true,
  action: { kind: 'lookup', table: 0 },
}));

export function rulesOf(netns: Netns, family: Family): PolicyRule[] {
  // With the first VRF the kernel adds a rule for all of them.
  const made = netns.links.some(({ kind }) => kind === 'vrf') ? [...DEFAULT_RULES, ...VRF_RULES] : DEFAULT_RULES;
  const rules = (netns.rules ?? made).filter((rule) => rule.family === family);
  return netns.rules ? rules : rules.sort((a, b) => a.priority - b.priority);
}

/** Rules of both families, to change. */
export function rulesToChange(netns: Netns): PolicyRule[] {
  netns.rules ??= DEFAULT_RULES.map((rule) => ({ ...rule }));
  return netns.rules;
}

/** Is this an address of the host (on `link`, where given)? */
export function ownAddress(netns: Netns, address: string, link?: string): Address | undefined {
  return addressesOf(netns).find(
    (a) => (link === undefined || a.link === link) && a.address.slice(0, a.address.indexOf('/')) === address,
  );
}

export function isLinkLocal6(address: string): boolean {
  const parsed = parsePrefix(address);
  return parsed?.family === 6 && parsed.words[0] >>> 22 === 0x3fa;
}
