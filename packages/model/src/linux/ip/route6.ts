/** An IPv6 route into its table: net/ipv6/route.c:ip6_route_add, ip6_route_multipath_add, net/ipv6/ip6_fib.c:fib6_add_rt2node. */
import { formatPrefix, type Nexthop, networkOf, parsePrefix, type Route } from '@podwire/engine';
import { findLink, type Host, isLinkLocal6, metricOf, ownAddress, tableFor } from './host.ts';
import { objectNexthops } from './nexthop-object.ts';
import { checkNexthop6 } from './nexthop6.ts';
import { kernelError, kernelSays } from './refusal.ts';
import type { NexthopRequest, RouteRequest } from './route-request.ts';

const REJECTS: readonly Route['type'][] = ['blackhole', 'unreachable', 'prohibit', 'throw'];

function destinationOf(request: RouteRequest): string {
  const prefix = parsePrefix(request.destination);
  if (!prefix) throw kernelError('EINVAL');
  return formatPrefix(networkOf(prefix));
}

/** Routes through `lo` would loop: they become reject routes, unless they are local. */
function loops(host: Host, request: RouteRequest, nexthop: NexthopRequest): boolean {
  if (nexthop.dev === undefined || request.type === 'local' || request.type === 'anycast') return false;
  return findLink(host.netns, nexthop.dev)?.kind === 'loopback' && !request.destination.startsWith('::1/');
}

/** One nexthop's route, as the kernel builds it. */
function build(host: Host, request: RouteRequest, nexthop: NexthopRequest): Route {
  const object = request.nhid === undefined ? undefined : objectNexthops(host.netns, request.nhid, 6);
  const reject = REJECTS.includes(request.type);
  let type = object?.blackhole ? 'blackhole' : request.type;
  let nexthops: Nexthop[];
  if (object) nexthops = object.nexthops;
  else if (reject) nexthops = [];
  else if (loops(host, request, nexthop)) {
    nexthops = [];
    type = 'unreachable';
  } else nexthops = [checkNexthop6(host, nexthop, request.table)];
  const { prefsrc } = request;
  if (prefsrc !== undefined) {
    const dev = nexthops[0]?.dev;
    if (!ownAddress(host.netns, prefsrc, isLinkLocal6(prefsrc) ? dev : undefined)) {
      throw kernelSays('Invalid source address');
    }
  }
  return {
    family: 6,
    type,
    destination: destinationOf(request),
    metric: request.metric ? request.metric : 1024,
    scope: 'global',
    protocol: request.protocol ?? 'boot',
    ...(prefsrc !== undefined && { prefsrc }),
    ...(request.mtu !== undefined && { mtu: request.mtu }),
    ...(request.mtuLocked && { mtuLocked: true }),
    ...(request.nhid !== undefined && { nhid: request.nhid }),
    ...(object?.buckets !== undefined && { buckets: object.buckets }),
    nexthops,
  };
}

/** Only routes with a gateway share their prefix and metric with others (rt6_qualify_for_ecmp). */
function canShare(route: Route): boolean {
  return route.nhid === undefined && route.nexthops[0]?.via !== undefined;
}

function sameNexthop(a: Route, b: Route): boolean {
  if (a.nhid !== undefined || b.nhid !== undefined) return a.nhid === b.nhid;
  if (a.nexthops.length === 0 || b.nexthops.length === 0) return a.nexthops.length === b.nexthops.length;
  return a.nexthops.some((n) => b.nexthops.some((m) => n.dev === m.dev && n.via === m.via));
}

interface Flags {
  exclusive: boolean;
  replace: boolean;
  create: boolean;
}

function insert(routes: Route[], route: Route, { exclusive, replace, create }: Flags): void {
  const group = routes.filter(
    (other) => other.family === 6 && other.destination === route.destination && metricOf(other) === metricOf(route),
  );
  if (group.length && exclusive) throw kernelError('EEXIST');
  if (replace) {
    const target = group.find((other) => canShare(other) === canShare(route)) ?? group[0];
    if (target) {
      routes[routes.indexOf(target)] = route;
      return;
    }
    if (!create) throw kernelError('ENOENT');
  }
  if (group.some((other) => sameNexthop(other, route))) throw kernelError('EEXIST');
  const sibling = canShare(route) ? group.find(canShare) : undefined;
  if (sibling) {
    const { protocol } = route;
    const own = protocol !== undefined && protocol !== sibling.protocol ? { protocol } : {};
    const added = route.nexthops.map((nexthop) => ({ ...nexthop, ...own }));
    routes[routes.indexOf(sibling)] = { ...sibling, nexthops: [...sibling.nexthops, ...added] };
    return;
  }
  const last = group.at(-1);
  routes.splice(last ? routes.indexOf(last) + 1 : routes.length, 0, route);
}

export function addRoute6(host: Host, request: RouteRequest): void {
  // Looked at before any nexthop is resolved (rtm_to_fib6_multipath_config).
  if (request.multipath && request.nexthops.some((nexthop) => nexthop.via === undefined)) {
    throw kernelSays('Device only routes can not be added for IPv6 using the multipath API');
  }
  const made: Route[] = [];
  for (const nexthop of request.nexthops) {
    const route = build(host, request, nexthop);
    if (request.multipath && made.some((other) => sameNexthop(other, route))) throw kernelError('EEXIST');
    made.push(route);
  }
  const table = tableFor(host.netns, request.table);
  const before = [...table.routes];
  const replace = request.verb === 'replace' || request.verb === 'change';
  const flags = { exclusive: request.verb === 'add', replace, create: request.verb !== 'change' };
  try {
    made.forEach((route, at) => {
      insert(table.routes, route, at === 0 ? flags : { exclusive: false, replace: false, create: true });
    });
  } catch (error) {
    // What was added of a multipath route goes with the nexthop that fails.
    table.routes.splice(0, table.routes.length, ...before);
    throw error;
  }
}

/** The first route that fits all that was said; of a route with several nexthops, the one nexthop. */
export function deleteRoute6(host: Host, request: RouteRequest): void {
  const { routes } = tableFor(host.netns, request.table);
  const destination = destinationOf(request);
  const [asked] = request.nexthops;
  const fits = (n: Nexthop) =>
    (asked?.dev === undefined || asked.dev === n.dev) && (asked?.via === undefined || asked.via === n.via);
  const any = asked?.dev === undefined && asked?.via === undefined;
  const at = routes.findIndex(
    (route) =>
      route.family === 6 &&
      route.destination === destination &&
      (!request.metric || metricOf(route) === request.metric) &&
      (request.protocol === undefined || route.protocol === request.protocol) &&
      (request.nhid === undefined || route.nhid === request.nhid) &&
      (any || request.multipath || route.nexthops.some(fits)),
  );
  const route = routes[at];
  if (!route) throw kernelError('ESRCH');
  const rest = any || request.multipath ? [] : route.nexthops.filter((n) => !fits(n));
  if (rest.length) routes[at] = { ...route, nexthops: rest };
  else routes.splice(at, 1);
}
