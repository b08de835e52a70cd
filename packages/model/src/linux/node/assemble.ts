/** From the parts read of one network namespace to one `Netns`, with what had to be left out or assumed. */
import {
  addressesOf,
  type Family,
  type IpvsService,
  type Link,
  type Netns,
  type Route,
  type RouteTable,
} from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import { type ListedFdbEntry, staticEntries } from '../bridge/index.ts';
import { bucketsOf } from '../ip/index.ts';
import { settleV6only } from '../sockets/words.ts';
import type { CollectedNetns } from './collected.ts';
import type { DumpKind } from './kinds.ts';
import { joinFilters } from './netfilter.ts';
import { withProc, withVlans } from './stacks.ts';

export interface Assembled {
  netns: Netns;
  problems: Problem[];
  /** Links that are something the machine takes for a plain device, by name. */
  kinds: ReadonlyMap<string, string>;
  /** Links that another one than a bridge commands: they carry that one's frames and none of their own. */
  enslaved: ReadonlySet<string>;
  /** Forwarding entries that bridges learnt: who was behind which port. */
  learnt: readonly ListedFdbEntry[];
  /** What was dumped of it: the rest of the namespace is not empty, but unknown. */
  shown: ReadonlySet<DumpKind>;
  /** Routes as dumped, also by links that the dump does not show. */
  routes: readonly { table: number; route: Route }[];
  /** `hairpin_mode` of bridge ports, in no order. */
  hairpin: readonly boolean[];
  /** Tables that iptables-legacy and iptables-nft both have rules in: `ip filter`. */
  mixed: readonly string[];
  /** Virtual services that the dump names without their servers; they do not stand in `netns`. */
  namedIpvs: readonly IpvsService[];
  /** Command lines of programs that packets depend on. */
  processes: readonly string[];
  /** Text of /etc/resolv.conf. */
  resolvConf?: string;
}

const LOCAL = 255;

function problem(code: string, message: string, severity: Problem['severity'] = 'warning'): Problem {
  return { severity, code, message };
}

/** The first of each key. */
function distinct<T>(items: readonly T[], key: (item: T) => string): T[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const id = key(item);
    return !seen.has(id) && seen.add(id) !== undefined;
  });
}

class Assembly {
  readonly problems: Problem[] = [];
  readonly enslaved = new Set<string>();
  readonly #read: CollectedNetns;
  readonly #name: string;

  constructor(read: CollectedNetns, name: string) {
    this.#read = read;
    this.#name = name;
  }

  /** Kinds whose packets the machine does not change as Linux does. */
  #warnOfKind(link: Link, kind: string): void {
    const why: Readonly<Record<string, string>> = {
      vrf: 'is a VRF whose table the dump does not say: its links are treated as if they were in none; give "ip -d link"',
      tunnel: 'is a tunnel: what it sends counts as sent, its outer packets are not walked',
      wireguard: 'is a tunnel whose peers were not dumped: what it sends counts as sent; give "wg show"',
    };
    const unmodelled = link.tunnel?.unmodelled ?? this.#read.strange.get(link.name);
    if (unmodelled !== undefined)
      this.problems.push(
        problem(
          'link-kind',
          `${link.name} (${kind}) says "${unmodelled}": where its packets go is not modelled`,
          'info',
        ),
      );
    if (link.tunnel || link.kind === kind) return;
    if (['vlan', 'bond', 'ifb', 'tun', 'loopback'].includes(kind)) return;
    const text =
      why[kind] ?? (/gre|ipip|sit|tnl|geneve|vti|xfrm/.test(kind) ? why.tunnel : 'is treated as a plain device');
    this.problems.push(problem('link-kind', `${link.name} (${kind}) ${text}`, 'info'));
  }

  links(): Link[] {
    const { links, older, kinds, ports, bridges } = this.#read;
    const named = new Map(links);
    if (named.size === 0) for (const link of older.links) if (!named.has(link.name)) named.set(link.name, link);
    for (const name of bridges) named.set(name, { ...(named.get(name) ?? { name }), kind: 'bridge' });
    for (const port of ports) {
      const link = named.get(port.name);
      if (!link) continue;
      named.set(port.name, {
        ...link,
        master: port.master,
        ...(port.hairpin && { hairpin: true }),
        ...(port.isolated && { isolated: true }),
      });
    }
    withProc(this.#read, named, this.#name);
    // A bridge of a listing without details shows by its ports alone.
    for (const { master } of named.values()) {
      const link = master === undefined ? undefined : named.get(master);
      if (link?.kind === 'device' && !kinds.has(link.name)) named.set(link.name, { ...link, kind: 'bridge' });
    }
    for (const link of named.values()) named.set(link.name, this.#withTunnel(link));
    this.problems.push(...withVlans(this.#read, named));
    for (const link of named.values()) this.#warnOfKind(link, kinds.get(link.name) ?? link.kind);
    return [...named.values()].map((link) => this.#settled(link, named));
  }

  /** What `wg` and `ip tunnel` know of a link. A WireGuard link without peers is a device that leads somewhere. */
  #withTunnel(link: Link): Link {
    const { wireguard, tunnels } = this.#read;
    const peers = wireguard.get(link.name);
    if (peers) return { ...link, kind: 'wireguard', tunnel: { ...link.tunnel, ...peers.tunnel } };
    if (link.kind === 'wireguard') return { ...link, kind: 'device' };
    const shown = tunnels.get(link.name);
    return shown && link.kind === 'device' ? { ...link, kind: shown.kind, tunnel: shown.tunnel } : link;
  }

  #settled(link: Link, all: ReadonlyMap<string, Link>): Link {
    const { master, peer, lower, ...rest } = link;
    const over = master === undefined ? undefined : all.get(master);
    const holds = over?.kind === 'bridge' || over?.kind === 'bond' || over?.kind === 'vrf';
    const below = lower && all.get(lower.link);
    const other = peer && all.get(peer.link);
    const isPair = other?.peer?.link === link.name && other.name !== link.name;
    if (master !== undefined && !holds) {
      const kind = this.#read.kinds.get(master) ?? 'no bridge';
      // The ports of a team carry its frames; those of a VRF are links of their own.
      if (kind !== 'vrf') this.enslaved.add(link.name);
      if (!over || kind === 'no bridge') {
        this.problems.push(problem('link-master', `${link.name}: its master ${master} is no bridge that was dumped`));
      }
    }
    return {
      ...rest,
      ...(holds && over && { master: over.name }),
      ...(below && lower && { lower }),
      ...(isPair && peer && { peer }),
    };
  }

  addresses(links: readonly Link[]): Netns['addresses'] {
    const { addresses, older } = this.#read;
    const known = new Set(links.map((link) => link.name));
    const found = addresses.length > 0 ? addresses : older.addresses;
    const own = found.filter(({ link, address }) => {
      if (known.has(link)) return true;
      this.problems.push(problem('address-link', `${address}: there is no link ${link}`));
      return false;
    });
    return distinct(own, (a) => `${a.link} ${a.address} ${a.peer ?? ''}`);
  }

  #familyRoutes(family: Family): { table: number; route: Route }[] {
    const { routes, olderRoutes } = this.#read;
    const isOf = (entry: { route: Route }) => entry.route.family === family;
    return routes.some(isOf) ? routes.filter(isOf) : olderRoutes.filter(isOf);
  }

  /** The better listing of each family. */
  routes(): { table: number; route: Route }[] {
    return ([4, 6] as const).flatMap((family) => this.#familyRoutes(family));
  }

  tables(links: readonly Link[]): RouteTable[] {
    const known = new Set(['lo', ...links.map((link) => link.name)]);
    const tables = new Map<number, RouteTable>();
    const strange = new Set<string>();
    const all = this.routes();
    const key = ({ table, route }: { table: number; route: Route }) =>
      JSON.stringify([
        table,
        route.family,
        route.type,
        route.destination,
        route.metric ?? 0,
        route.tos ?? 0,
        route.nexthops,
      ]);
    for (const { table: id, route } of distinct(all, key)) {
      const missing = route.nexthops.find((hop) => !known.has(hop.dev));
      if (missing) {
        strange.add(missing.dev);
        continue;
      }
      const table = tables.get(id) ?? { id, routes: [] };
      const group = route.nhid === undefined ? undefined : this.#read.nexthops.get(route.nhid);
      const buckets = group && bucketsOf(group);
      table.routes.push(buckets === undefined ? route : { ...route, buckets });
      tables.set(id, table);
    }
    for (const dev of strange) {
      this.problems.push(problem('route-link', `routes by ${dev} are left out: there is no such link in the dump`));
    }
    return [...tables.values()].sort((a, b) => Number(b.id === LOCAL) - Number(a.id === LOCAL) || a.id - b.id);
  }

  rules(hasVrf: boolean): Pick<Netns, 'rules'> {
    const { rules } = this.#read;
    if (rules.size === 0) return {};
    // A family whose rules were not dumped has the kernel's own.
    const own = (family: Family): NonNullable<Netns['rules']> =>
      rules.get(family) ?? [
        { family, priority: 0, action: { kind: 'lookup', table: LOCAL } },
        { family, priority: 32766, action: { kind: 'lookup', table: 254 } },
        ...(family === 4 ? [{ family, priority: 32767, action: { kind: 'lookup', table: 253 } } as const] : []),
        ...(hasVrf ? [{ family, priority: 1000, l3mdev: true, action: { kind: 'lookup', table: 0 } } as const] : []),
      ];
    return { rules: [...own(4), ...own(6)] };
  }

  sysctls(): Record<string, string | number> {
    const { sysctls } = this.#read;
    if (sysctls.size > 0) return Object.fromEntries(sysctls);
    this.problems.push(
      problem(
        'no-sysctl',
        `${this.#name}: no sysctl in the dump: forwarding is taken to be on, all else as a fresh kernel has it`,
      ),
    );
    return { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 };
  }

  conntrack(): Pick<Netns, 'conntrack'> {
    const { conntrack } = this.#read;
    if (conntrack.length === 0) return {};
    const key = (e: (typeof conntrack)[number]) => JSON.stringify([e.protocol, e.zone, e.original]);
    return { conntrack: distinct(conntrack, key) };
  }
}

function warnOfMissing(netns: Netns, problems: Problem[]): void {
  if (netns.links.length === 0) {
    problems.push(problem('no-links', `${netns.name}: no links in the dump: give "ip -d addr"`, 'error'));
  }
  for (const family of [4, 6] as const) {
    const has = addressesOf(netns).some((a) => a.address.includes(':') === (family === 6) && a.link !== 'lo');
    const routes = netns.tables.some((t) => t.routes.some((r) => r.family === family && t.id !== LOCAL));
    if (has && !routes) problems.push(problem('no-routes', `${netns.name}: no IPv${family} routes in the dump`));
  }
}

const serviceKey = ({ protocol, address, port, fwmark, ipv6 }: IpvsService) =>
  `${protocol} ${address} ${port} ${fwmark} ${ipv6 === true}`;

export function assemble(read: CollectedNetns, name: string): Assembled {
  const assembly = new Assembly(read, name);
  const links = assembly.links();
  const known = new Set(['lo', ...links.map((link) => link.name)]);
  const vxlans = new Set(links.filter((link) => link.kind === 'vxlan').map((link) => link.name));
  const fdb = staticEntries(read.fdb, (link) => vxlans.has(link)).filter(({ link }) => known.has(link));
  const neighbors = distinct(read.neighbors, (n) => `${n.link} ${n.address} ${n.proxy === true}`);
  const netfilter = joinFilters(read);
  const listeners = read.listeners && settleV6only(read.listeners.list);
  const netns: Netns = {
    name,
    links,
    addresses: assembly.addresses(links),
    tables: assembly.tables(links),
    ...assembly.rules(links.some(({ kind }) => kind === 'vrf')),
    ...(read.nexthops.size > 0 && { nexthops: [...read.nexthops.values()].sort((a, b) => a.id - b.id) }),
    neighbors: neighbors.filter(({ link }) => known.has(link)),
    fdb: distinct(fdb, (e) => `${e.mac} ${e.link} ${e.dst ?? ''}`),
    sysctls: assembly.sysctls(),
    netfilter: netfilter.tables,
    ...(read.sets.size > 0 && { sets: [...read.sets.values()] }),
    ...(read.ipvs.length > 0 && { ipvs: distinct(read.ipvs, serviceKey) }),
    ...(listeners && {
      listeners: distinct(listeners, (l) => `${l.protocol} ${l.address} ${l.port} ${l.device ?? ''}`),
    }),
    ...assembly.conntrack(),
  };
  const problems = [...assembly.problems, ...netfilter.problems];
  warnOfMissing(netns, problems);
  const learnt = read.fdb.filter(({ state, self }) => state === undefined && self !== true);
  return {
    netns,
    problems,
    kinds: read.kinds,
    enslaved: assembly.enslaved,
    learnt,
    shown: read.kindsSeen,
    routes: assembly.routes(),
    hairpin: read.hairpin,
    mixed: netfilter.mixed,
    namedIpvs: read.namedIpvs,
    processes: read.processes,
    ...(read.resolvConf !== undefined && { resolvConf: read.resolvConf }),
  };
}
