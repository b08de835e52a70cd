/** `ip route show`: records as `ip -j` prints them, and lines (iproute2's ip/iproute.c:print_route). */
import {
  compareAddresses,
  containsAddress,
  type Family,
  formatAddress,
  type Netns,
  type Nexthop,
  type NexthopObject,
  parsePrefix,
  type Route,
} from '@podwire/engine';
import { routeScope } from './fib.ts';
import { findLink, type Host, hasCarrier, isUp, LOCAL_TABLE, MAIN_TABLE, metricOf, routesIn } from './host.ts';
import { tableName } from './names.ts';
import { extraOfRecord, recordOfExtra } from './route-extra.ts';

export interface NexthopRecord {
  gateway?: string;
  via?: { family: 'inet' | 'inet6'; host: string };
  dev?: string;
  weight?: number;
  /** Whole, as the text has it. */
  encap?: string;
  flags: string[];
}

/** One element of `ip -j route show`; with `-d`, `type`, `table`, `protocol` and `scope` always stand there. */
export interface RouteRecord {
  type?: string;
  dst: string;
  nhid?: number;
  /** `0x10`. */
  tos?: string;
  /** Whole, as the text has it. */
  encap?: string;
  gateway?: string;
  via?: { family: 'inet' | 'inet6'; host: string };
  dev?: string;
  table?: string;
  protocol?: string;
  scope?: string;
  prefsrc?: string;
  metric?: number;
  flags: string[];
  metrics?: { mtu?: number }[];
  flow?: { from?: string; to?: string };
  expires?: number;
  error?: number;
  pref?: 'low' | 'medium' | 'high';
  nexthops?: NexthopRecord[];
  nh_info?: object;
}

export interface RouteListing {
  family: Family;
  /** `all`, or one table; main where absent. */
  table?: number | 'all';
  /** `-d`. */
  details?: boolean;
}

function destinationText(destination: string): string {
  const prefix = parsePrefix(destination);
  if (!prefix) return destination;
  if (prefix.length === 0) return 'default';
  return prefix.length === (prefix.family === 4 ? 32 : 128) ? formatAddress(prefix) : destination;
}

/** Routes of the host's own addresses take no notice of the carrier. */
function nexthopFlags(host: Host, nexthop: Nexthop, own = false): string[] {
  if (own) return [];
  const link = findLink(host.netns, nexthop.dev);
  const flags = nexthop.onlink ? ['onlink'] : [];
  if (link && !isUp(link)) return ['dead', ...flags, 'linkdown'];
  if (link && link.kind !== 'loopback' && !hasCarrier(host, link)) flags.push('linkdown');
  return flags;
}

function gatewayOf({ via }: Nexthop, family: Family): Pick<NexthopRecord, 'gateway' | 'via'> {
  if (via === undefined) return {};
  if (family === 4 && via.includes(':')) return { via: { family: 'inet6', host: via } };
  return { gateway: via };
}

function nexthopRecord(host: Host, family: Family, nexthop: Nexthop): NexthopRecord {
  return {
    ...(nexthop.encap !== undefined && { encap: nexthop.encap }),
    ...gatewayOf(nexthop, family),
    dev: nexthop.dev,
    weight: nexthop.weight ?? 1,
    flags: nexthopFlags(host, nexthop),
  };
}

function objectRecord(host: Host, object: NexthopObject): object {
  const { id, nexthop, scope } = object;
  return {
    id,
    ...(object.group && { group: object.group.map((m) => (m.weight === 1 ? { id: m.id } : m)) }),
    ...(nexthop && { gateway: nexthop.via, dev: nexthop.dev }),
    scope: nexthop ? (scope ?? 'link') : 'global',
    ...(object.blackhole && { blackhole: null }),
    protocol: object.protocol ?? 'unspec',
    flags: nexthop ? nexthopFlags(host, nexthop) : [],
  };
}

function extraFields({ mtu, extra }: Route): Partial<RouteRecord> {
  const { metrics, ...rest } = recordOfExtra(extra);
  const all = { ...(mtu !== undefined && { mtu }), ...metrics?.[0] };
  return { ...(Object.keys(all).length > 0 && { metrics: [all] }), ...rest } as Partial<RouteRecord>;
}

/** As `ip -d -j` prints one route. */
function recordOf(host: Host, route: Route, table: number): RouteRecord {
  const { family, nhid } = route;
  const object = nhid === undefined ? undefined : host.netns.nexthops?.find((o) => o.id === nhid);
  const [first] = route.nexthops;
  const single = route.nexthops.length === 1 && first !== undefined && !object?.group;
  // A route that discards has no device but `lo`, which only IPv6 and nexthop objects show.
  const toLo = route.nexthops.length === 0 && (family === 6 || nhid !== undefined);
  const metric = metricOf(route);
  return {
    type: route.type,
    dst: destinationText(route.destination),
    ...(nhid !== undefined && { nhid }),
    ...(route.tos ? { tos: `0x${route.tos.toString(16).padStart(2, '0')}` } : {}),
    ...(single && {
      ...(first.encap !== undefined && { encap: first.encap }),
      ...gatewayOf(first, family),
      dev: first.dev,
    }),
    ...(toLo && { dev: 'lo' }),
    table: tableName(table),
    protocol: route.protocol ?? 'boot',
    scope: routeScope(route),
    ...(route.prefsrc !== undefined && { prefsrc: route.prefsrc }),
    ...(family === 6 || metric !== 0 ? { metric } : {}),
    flags: single ? nexthopFlags(host, first, route.type === 'local' || route.type === 'anycast') : [],
    ...(family === 6 && { pref: 'medium' as const }),
    ...extraFields(route),
    ...(object && { nh_info: objectRecord(host, object) }),
    ...(!single && route.nexthops.length
      ? { nexthops: route.nexthops.map((n) => nexthopRecord(host, family, n)) }
      : {}),
  };
}

/** What `ip` leaves out without `-d`. */
function plain(record: RouteRecord, all: boolean): RouteRecord {
  const { type, table, protocol, scope, nh_info: _info, ...rest } = record;
  return {
    ...(type !== 'unicast' && { type }),
    ...rest,
    ...(all && table !== 'main' && { table }),
    ...(protocol !== 'boot' && { protocol }),
    ...(scope !== 'global' && { scope }),
  };
}

/** The kernel keeps tables in 256 buckets, the newest first in each. */
function tableIds(netns: Netns): number[] {
  const ids = new Set([...netns.tables.map((table) => table.id), LOCAL_TABLE]);
  return [...ids].reverse().sort((a, b) => (a & 255) - (b & 255));
}

/** IPv4: by address, the longer prefix first. IPv6: a prefix behind all that lie in it. */
function compareRoutes(a: Route, b: Route): number {
  const p = parsePrefix(a.destination);
  const q = parsePrefix(b.destination);
  if (!p || !q) return 0;
  if (a.destination !== b.destination) {
    if (a.family === 6 && p.length !== q.length) {
      if (p.length < q.length ? containsAddress(p, q) : containsAddress(q, p)) return q.length - p.length;
    }
    return compareAddresses(p, q) || q.length - p.length;
  }
  return (b.tos ?? 0) - (a.tos ?? 0) || metricOf(a) - metricOf(b);
}

interface Listed {
  route: Route;
  table: number;
}

function listed(netns: Netns, { family, table = MAIN_TABLE }: RouteListing): Listed[] {
  const ids = table === 'all' ? tableIds(netns) : [table];
  return ids.flatMap((id) =>
    routesIn(netns, id)
      .filter((route) => route.family === family)
      .sort(compareRoutes)
      .map((route) => ({ route, table: id })),
  );
}

function worldOf(netns: Netns, world: readonly Netns[]): Host {
  return { netns, world: new Map([netns, ...world].map((n) => [n.name, n])) };
}

/** `ip -j route show`; `world` holds the other ends of veth pairs, which say whether there is a carrier. */
export function routeRecords(netns: Netns, listing: RouteListing, world: readonly Netns[] = []): RouteRecord[] {
  return shown(netns, listing, world).map(({ record }) => record);
}

function shown(netns: Netns, listing: RouteListing, world: readonly Netns[]): { route: Route; record: RouteRecord }[] {
  const host = worldOf(netns, world);
  return listed(netns, listing).map(({ route, table }) => {
    const record = recordOf(host, route, table);
    return { route, record: listing.details ? record : plain(record, listing.table === 'all') };
  });
}

/** One route as `ip -d -j` prints it. */
export function routeRecord(netns: Netns, route: Route, table: number, world: readonly Netns[] = []): RouteRecord {
  return recordOf(worldOf(netns, world), route, table);
}

function flagsText(flags: readonly string[]): string {
  return flags.map((flag) => `${flag} `).join('');
}

function gatewayText({ gateway, via }: NexthopRecord | RouteRecord): string {
  if (via) return `via ${via.family} ${via.host} `;
  return gateway === undefined ? '' : `via ${gateway} `;
}

function nexthopText(nexthop: NexthopRecord): string {
  const dev = nexthop.dev === undefined ? '' : `dev ${nexthop.dev} `;
  const encap = nexthop.encap === undefined ? '' : `encap ${nexthop.encap} `;
  return `\n\tnexthop ${encap}${gatewayText(nexthop)}${dev}weight ${nexthop.weight ?? 1} ${flagsText(nexthop.flags)}`;
}

function extraText(record: RouteRecord): string {
  const { pref: _, ...rest } = record;
  const extra = extraOfRecord(rest);
  return extra === undefined ? '' : `${extra} `;
}

/** That its MTU is locked the tool's JSON does not say. */
function recordText(record: RouteRecord, locked: boolean): string {
  const word = (name: string, value: string | number | undefined) => (value === undefined ? '' : `${name} ${value} `);
  return (
    (record.type === undefined ? '' : `${record.type} `) +
    `${record.dst} ` +
    word('nhid', record.nhid) +
    word('tos', record.tos) +
    word('encap', record.encap) +
    gatewayText(record) +
    word('dev', record.dev) +
    word('table', record.table) +
    word('proto', record.protocol) +
    word('scope', record.scope) +
    word('src', record.prefsrc) +
    word('metric', record.metric) +
    flagsText(record.flags) +
    word(locked ? 'mtu lock' : 'mtu', record.metrics?.[0]?.mtu) +
    extraText(record) +
    (record.pref === undefined ? '' : `pref ${record.pref}`) +
    (record.nexthops ?? []).map(nexthopText).join('')
  );
}

/** `ip route show`, each line as the tool ends it. */
export function printRoutes(netns: Netns, listing: RouteListing, world: readonly Netns[] = []): string {
  return shown(netns, listing, world)
    .map(({ route, record }) => `${recordText(record, route.mtuLocked === true)}\n`)
    .join('');
}
