/** Routes the kernel makes in the main table for addresses: fib_add_ifaddr (net/ipv4/fib_frontend.c), addrconf_prefix_route (net/ipv6/addrconf.c). */
import {
  type Address,
  formatPrefix,
  isSecondary,
  type Link,
  networkOf,
  parsePrefix,
  type Route,
} from '@podwire/engine';
import { findLink, type Host, isUp, MAIN_TABLE, metricOf, tableFor } from './host.ts';

function subnetOf(address: Address): string | undefined {
  const own = parsePrefix(address.address);
  if (!own) return undefined;
  const peer = address.peer === undefined ? undefined : parsePrefix(address.peer);
  if (!peer) return formatPrefix(networkOf(own));
  return formatPrefix(networkOf(address.peer?.includes('/') ? peer : { ...peer, length: own.length }));
}

function hostOf(address: Address): string {
  return address.address.slice(0, address.address.indexOf('/'));
}

/** The connected route of an address; undefined where the kernel makes none in the main table. */
function connectedRoute(host: Host, address: Address, link: Link): Route | undefined {
  const destination = subnetOf(address);
  if (destination === undefined || address.noprefixroute || !isUp(link)) return undefined;
  if (!destination.includes(':')) {
    if (link.kind === 'loopback' || destination.startsWith('0.0.0.0/')) return undefined;
    if (isSecondary(address, host.netns.addresses) || destination === `${hostOf(address)}/32`) return undefined;
    return {
      family: 4,
      type: 'unicast',
      destination,
      ...(address.metric ? { metric: address.metric } : {}),
      scope: 'link',
      protocol: 'kernel',
      prefsrc: hostOf(address),
      nexthops: [{ dev: link.name }],
    };
  }
  return {
    family: 6,
    type: 'unicast',
    destination,
    metric: address.metric ? address.metric : 256,
    scope: 'global',
    protocol: 'kernel',
    nexthops: [{ dev: link.name }],
  };
}

function sameRoute(a: Route, b: Route): boolean {
  return (
    a.family === b.family &&
    a.destination === b.destination &&
    metricOf(a) === metricOf(b) &&
    a.protocol === b.protocol &&
    a.prefsrc === b.prefsrc &&
    a.nexthops[0]?.dev === b.nexthops[0]?.dev &&
    a.nexthops[0]?.via === undefined
  );
}

/** Behind others of its prefix and metric; a second time it changes nothing. */
export function addConnected(host: Host, address: Address): void {
  const link = findLink(host.netns, address.link);
  const route = link && connectedRoute(host, address, link);
  if (!route) return;
  const { routes } = tableFor(host.netns, MAIN_TABLE);
  if (routes.some((other) => sameRoute(other, route))) return;
  const alike = (other: Route) =>
    other.family === route.family && other.destination === route.destination && metricOf(other) === metricOf(route);
  const at = routes.findLastIndex(alike);
  routes.splice(at < 0 ? routes.length : at + 1, 0, route);
}

/** Takes the address's route away unless another address of the link wants it; call after the address is gone. */
export function dropConnected(host: Host, address: Address): void {
  const link = findLink(host.netns, address.link);
  const route = link && connectedRoute({ ...host, netns: { ...host.netns, addresses: [address] } }, address, link);
  if (!route) return;
  const table = tableFor(host.netns, MAIN_TABLE);
  const wanted = host.netns.addresses.some((other) => {
    const theirs = other.link === address.link ? connectedRoute(host, other, link) : undefined;
    return theirs && sameRoute(theirs, route);
  });
  if (!wanted) table.routes = table.routes.filter((other) => !sameRoute(other, route));
}

/** Routes whose every nexthop is on a link that is down or gone (fib_sync_down_dev, fib6_ifdown). */
export function dropDeadRoutes(host: Host): void {
  const alive = (dev: string) => {
    const link = findLink(host.netns, dev);
    return link !== undefined && isUp(link);
  };
  for (const table of host.netns.tables) {
    table.routes = table.routes.filter((route) => !route.nexthops.length || route.nexthops.some((n) => alive(n.dev)));
  }
}
