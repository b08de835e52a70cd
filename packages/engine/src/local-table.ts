/**
 * The `local` table (255) as the kernel fills it from a namespace's addresses: fib_add_ifaddr (net/ipv4/fib_frontend.c), and
 * addrconf_f6i_alloc, addrconf_join_anycast, addrconf_add_mroute (net/ipv6/addrconf.c). Both machines and the printers use it.
 */
import { formatAddress, formatPrefix, type IpAddress, maskOf, networkOf, parsePrefix, type Words } from './address.ts';
import type { Address, Link, Netns, Route, RouteTable } from './network.ts';
import { confOf } from './sysctl.ts';

const LOCAL_TABLE = 255;

/** The loopback device that every network namespace has, where `links` names none. */
export const IMPLIED_LOOPBACK: Link = { name: 'lo', kind: 'loopback' };

/** What the kernel gives `lo` when it comes up. */
export const IMPLIED_ADDRESSES: readonly [Address, Address] = [
  { link: 'lo', address: '127.0.0.1/8', scope: 'host' },
  { link: 'lo', address: '::1/128', scope: 'host' },
];

/** The addresses of a namespace, with those the kernel gives `lo`. */
export function addressesOf(netns: Netns): Address[] {
  const [implied4, implied6] = IMPLIED_ADDRESSES;
  const all: Address[] = [];
  if (!netns.addresses.some((a) => a.link === 'lo' && a.address.startsWith('127.'))) all.push(implied4);
  if (!netns.addresses.some((a) => a.link === 'lo' && a.address.startsWith('::1/'))) all.push(implied6);
  for (const address of netns.addresses) all.push(address);
  return all;
}

/** Own address, and the one that stands for the subnet (the remote one of a point-to-point address). */
interface Parsed {
  address: Address;
  own: IpAddress;
  subnet: IpAddress;
  length: number;
}

function parse(address: Address): Parsed | undefined {
  const own = parsePrefix(address.address);
  if (!own) return undefined;
  const peer = address.peer === undefined ? undefined : parsePrefix(address.peer);
  const length = peer ? (address.peer?.includes('/') ? peer.length : own.length) : own.length;
  return { address, own, subnet: peer ?? own, length };
}

const sameSubnet = (a: Parsed, b: Parsed) =>
  a.address.link === b.address.link &&
  a.length === b.length &&
  formatPrefix(networkOf({ ...a.subnet, length: a.length })) ===
    formatPrefix(networkOf({ ...b.subnet, length: b.length }));

/** The address that came first in the subnet of a secondary one, else the address itself (inet_insert_ifa, net/ipv4/devinet.c). */
function primaryOf(parsed: Parsed, before: readonly Parsed[]): Parsed {
  if (parsed.address.secondary === false) return parsed;
  return before.find((other) => other.own.family === 4 && sameSubnet(other, parsed)) ?? parsed;
}

/** True for an IPv4 address that is not the first of its subnet on its link; `addresses` in the order `ip addr` shows them. */
export function isSecondary(address: Address, addresses: readonly Address[]): boolean {
  if (address.secondary !== undefined) return address.secondary;
  const parsed = parse(address);
  if (parsed?.own.family !== 4) return false;
  const before = addresses.slice(0, addresses.indexOf(address)).flatMap((a) => parse(a) ?? []);
  return primaryOf(parsed, before) !== parsed;
}

const lastOf = (network: IpAddress, length: number): IpAddress => {
  const mask = maskOf(network.family, length);
  return { family: network.family, words: network.words.map((w, i) => (w | ~(mask[i] as number)) >>> 0) as Words };
};

function routes4(parsed: Parsed, primary: Parsed, link: Link): Route[] {
  const { own, subnet, length, address } = parsed;
  const prefsrc = formatAddress(primary.own);
  const nexthops = [{ dev: link.name }];
  const local = (destination: string): Route => ({
    family: 4,
    type: 'local',
    destination,
    protocol: 'kernel',
    scope: 'host',
    prefsrc,
    nexthops,
  });
  const broadcast = (at: IpAddress): Route => ({
    family: 4,
    type: 'broadcast',
    destination: `${formatAddress(at)}/32`,
    protocol: 'kernel',
    scope: 'link',
    prefsrc,
    nexthops,
  });
  const made = [local(`${formatAddress(own)}/32`)];
  // The address itself stands on a link that is down, too; what belongs to its subnet does not.
  if (link.up === false) return made;
  const given = address.broadcast === undefined ? undefined : parsePrefix(address.broadcast);
  if (given && given.words[3] !== 0xffffffff) made.push(broadcast(given));
  const network = networkOf({ ...subnet, length });
  const zeroNet = network.words[3] === 0;
  const ownSubnet = formatAddress(network) !== formatAddress(own) || length < 32;
  if (zeroNet || primary !== parsed || !ownSubnet) return made;
  if (link.kind === 'loopback') made.push(local(formatPrefix(network)));
  // The lowest address of a subnet is an ordinary one since Linux 5.14.
  if (length < 31) {
    const last = lastOf(network, length);
    if (!given || formatAddress(given) !== formatAddress(last)) made.push(broadcast(last));
  }
  return made;
}

/** A link that goes down loses its IPv6 addresses: those that stand on a link that is down were added there, with their routes. */
function routes6(parsed: Parsed, link: Link, forwarding: boolean): Route[] {
  const nexthops = [{ dev: link.name }];
  const route = (type: 'local' | 'anycast', destination: string): Route => ({
    family: 6,
    type,
    destination,
    protocol: 'kernel',
    metric: 0,
    nexthops,
  });
  const made = [route('local', `${formatAddress(parsed.own)}/128`)];
  // Subnet-router anycast (RFC 4291, 2.6.1) is joined by routers, not on links of two addresses (RFC 6164).
  const length = parsed.address.peer === undefined ? parsed.length : 128;
  if (forwarding && length < 127)
    made.push(route('anycast', `${formatAddress(networkOf({ ...parsed.own, length }))}/128`));
  return made;
}

/** What makes a route a second one. IPv6 does not look at its type: an own address that is also the subnet's anycast address stays local. */
const keyOf = (route: Route) =>
  [
    route.family,
    route.family === 4 ? route.type : '',
    route.destination,
    route.metric ?? 0,
    route.nexthops.map((n) => n.dev).join(','),
  ].join(' ');

/** The routes the kernel makes by itself, in the order of the addresses; multicast last. */
export function localRoutes(netns: Netns): Route[] {
  const links = new Map(netns.links.map((link) => [link.name, link]));
  if (!links.has('lo')) links.set('lo', IMPLIED_LOOPBACK);
  const made = new Map<string, Route>();
  const before: Parsed[] = [];
  for (const address of addressesOf(netns)) {
    const parsed = parse(address);
    const link = links.get(address.link);
    if (!parsed || !link) continue;
    const routes =
      parsed.own.family === 4
        ? routes4(parsed, primaryOf(parsed, before), link)
        : routes6(parsed, link, confOf(netns.sysctls, 6, link.name, 'forwarding') !== 0);
    for (const route of routes) if (!made.has(keyOf(route))) made.set(keyOf(route), route);
    before.push(parsed);
  }
  for (const link of links.values()) {
    if (link.kind === 'loopback' || link.up === false || confOf(netns.sysctls, 6, link.name, 'disable_ipv6') !== 0)
      continue;
    const route: Route = {
      family: 6,
      type: 'multicast',
      destination: 'ff00::/8',
      protocol: 'kernel',
      metric: 256,
      nexthops: [{ dev: link.name }],
    };
    if (!made.has(keyOf(route))) made.set(keyOf(route), route);
  }
  return [...made.values()];
}

/** The table that the kernel's own routes of each link stand in, where that is a VRF's (`l3mdev_fib_table`). */
function tablesByLink({ links }: Netns): ReadonlyMap<string, number> {
  const vrfs = new Map(links.flatMap(({ kind, name, table }) => (kind === 'vrf' && table ? [[name, table]] : [])));
  if (vrfs.size === 0) return vrfs;
  return new Map(
    links.flatMap(({ name, master }) => {
      const table = vrfs.get(name) ?? vrfs.get(master ?? '');
      return table === undefined ? [] : [[name, table]];
    }),
  );
}

/** One table whole: what `tables` gives for it first, then what of `made` was not given. */
function whole(netns: Netns, id: number, made: readonly Route[]): RouteTable {
  const given = netns.tables.filter((table) => table.id === id);
  const known = new Set(given.flatMap((table) => [...table.routes, ...(table.base?.routes ?? [])]).map(keyOf));
  const routes = [...given.flatMap((table) => table.routes), ...made.filter((route) => !known.has(keyOf(route)))];
  const base = given.find((table) => table.base)?.base;
  return base ? { id, base, routes } : { id, routes };
}

/** The tables that the kernel fills by itself, with what `tables` gives for them: 255 first, then those of VRFs. */
export function kernelTables(netns: Netns): RouteTable[] {
  const byLink = tablesByLink(netns);
  const made = localRoutes(netns);
  const tableOf = ({ nexthops }: Route) => byLink.get(nexthops[0]?.dev ?? '') ?? LOCAL_TABLE;
  return [...new Set([LOCAL_TABLE, ...byLink.values()])].map((id) =>
    whole(
      netns,
      id,
      made.filter((route) => tableOf(route) === id),
    ),
  );
}

/** Table 255 whole. */
export const localTable = (netns: Netns): RouteTable => kernelTables(netns)[0] as RouteTable;
