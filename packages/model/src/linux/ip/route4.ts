/** An IPv4 route into its table: net/ipv4/fib_semantics.c:fib_create_info, net/ipv4/fib_trie.c:fib_table_insert, fib_table_delete. */
import { formatPrefix, type Nexthop, networkOf, parsePrefix, type Route, type Scope } from '@podwire/engine';
import { lookupTable, routeScope } from './fib.ts';
import { type Host, LOCAL_TABLE, metricOf, tableFor } from './host.ts';
import { scopeNumber } from './names.ts';
import { objectNexthops } from './nexthop-object.ts';
import { checkNexthop4 } from './nexthop4.ts';
import { kernelError, kernelSays } from './refusal.ts';
import type { RouteRequest } from './route-request.ts';

/** Nearest scope each type may have (`fib_props`). */
const FARTHEST: Readonly<Record<Route['type'], Scope>> = {
  unicast: 'global',
  local: 'host',
  broadcast: 'link',
  anycast: 'link',
  multicast: 'global',
  blackhole: 'global',
  unreachable: 'global',
  prohibit: 'global',
  throw: 'global',
};

const NO_NEXTHOP: readonly Route['type'][] = ['blackhole', 'unreachable', 'prohibit', 'throw'];

function checkDestination(request: RouteRequest): void {
  const prefix = parsePrefix(request.destination);
  if (!prefix || formatPrefix(networkOf(prefix)) !== request.destination) {
    throw kernelSays('Invalid prefix for given prefix length');
  }
}

function checkSource(host: Host, request: RouteRequest): void {
  const { prefsrc, table } = request;
  if (prefsrc === undefined) return;
  if (request.type === 'local' && request.destination === `${prefsrc}/32`) return;
  const isLocal = [table, LOCAL_TABLE].some((id) => {
    const found = lookupTable(host, id, { family: 4, daddr: prefsrc });
    return found && 'route' in found && found.route.type === 'local';
  });
  if (!isLocal) throw kernelSays('Invalid prefsrc address');
}

function hostScope(host: Host, request: RouteRequest): Nexthop[] {
  if (request.multipath) throw kernelSays('Route with host scope can not have multiple nexthops');
  const [nexthop] = request.nexthops;
  if (nexthop?.via !== undefined) throw kernelSays('Route with host scope can not have a gateway');
  if (nexthop?.dev === undefined || !host.netns) throw kernelError('ENODEV');
  return [{ dev: nexthop.dev }];
}

function resolve(host: Host, request: RouteRequest): Nexthop[] {
  if (NO_NEXTHOP.includes(request.type)) {
    const [single] = request.nexthops;
    if (request.multipath || single?.via !== undefined || single?.dev !== undefined) {
      throw kernelSays('Gateway, device and multipath can not be specified for this route type');
    }
    return [];
  }
  if (scopeNumber(request.scope) > scopeNumber('host')) throw kernelSays('Invalid scope');
  if (request.scope === 'host') return hostScope(host, request);
  return request.nexthops.map((nexthop) => checkNexthop4(host, nexthop, request.table, request.scope).nexthop);
}

/** What the kernel keeps of a request; throws what it says otherwise. */
function buildRoute4(host: Host, request: RouteRequest): Route {
  checkDestination(request);
  if (((request.tos ?? 0) & 3) !== 0) throw kernelSays('Invalid dsfield (tos): ECN bits must be 0');
  if (scopeNumber(FARTHEST[request.type]) > scopeNumber(request.scope)) throw kernelSays('Invalid scope');
  const object = request.nhid === undefined ? undefined : objectNexthops(host.netns, request.nhid, 4);
  const nexthops = object ? object.nexthops : resolve(host, request);
  checkSource(host, request);
  return {
    family: 4,
    type: object?.blackhole ? 'blackhole' : request.type,
    destination: request.destination,
    ...(request.metric ? { metric: request.metric } : {}),
    ...(request.tos ? { tos: request.tos } : {}),
    scope: request.scope,
    protocol: request.protocol ?? 'boot',
    ...(request.prefsrc !== undefined && { prefsrc: request.prefsrc }),
    ...(request.mtu !== undefined && { mtu: request.mtu }),
    ...(request.mtuLocked && { mtuLocked: true }),
    ...(request.nhid !== undefined && { nhid: request.nhid }),
    ...(object?.buckets !== undefined && { buckets: object.buckets }),
    nexthops,
  };
}

function sameKey(a: Route, b: Route): boolean {
  return (
    a.family === b.family &&
    a.destination === b.destination &&
    (a.tos ?? 0) === (b.tos ?? 0) &&
    metricOf(a) === metricOf(b)
  );
}

function sameNexthops(a: readonly Nexthop[], b: readonly Nexthop[]): boolean {
  return (
    a.length === b.length &&
    a.every((n, i) => {
      const m = b[i];
      return m && n.dev === m.dev && n.via === m.via && (n.weight ?? 1) === (m.weight ?? 1) && !n.onlink === !m.onlink;
    })
  );
}

/** Two routes share one `fib_info` and type: they are the same. */
function same(a: Route, b: Route): boolean {
  return (
    a.type === b.type &&
    a.protocol === b.protocol &&
    routeScope(a) === routeScope(b) &&
    a.prefsrc === b.prefsrc &&
    a.mtu === b.mtu &&
    a.mtuLocked === b.mtuLocked &&
    a.nhid === b.nhid &&
    sameNexthops(a.nexthops, b.nexthops)
  );
}

export function addRoute4(host: Host, request: RouteRequest): void {
  const route = buildRoute4(host, request);
  const { routes } = tableFor(host.netns, request.table);
  const { verb } = request;
  const group = routes.filter((other) => sameKey(other, route));
  const [first] = group;
  const last = group.at(-1);
  if (!first || !last) {
    if (verb === 'change') throw kernelError('ENOENT');
    routes.push(route);
    return;
  }
  if (verb === 'add') throw kernelError('EEXIST');
  const match = group.find((other) => same(other, route));
  if (verb === 'replace' || verb === 'change') {
    if (match && match !== first) throw kernelError('EEXIST');
    routes[routes.indexOf(first)] = route;
    return;
  }
  if (match) throw kernelError('EEXIST');
  routes.splice(verb === 'append' ? routes.indexOf(last) + 1 : routes.indexOf(first), 0, route);
}

function nexthopFits(request: RouteRequest, route: Route): boolean {
  if (request.nhid !== undefined) return request.nhid === route.nhid;
  if (request.multipath) {
    return (
      request.nexthops.length === route.nexthops.length &&
      request.nexthops.every((n, i) => {
        const kept = route.nexthops[i];
        return (n.dev === undefined || n.dev === kept?.dev) && (n.via === undefined || n.via === kept?.via);
      })
    );
  }
  const [single] = request.nexthops;
  if (single?.dev === undefined && single?.via === undefined) return true;
  return route.nexthops.some(
    (n) => (single.dev === undefined || n.dev === single.dev) && (single.via === undefined || n.via === single.via),
  );
}

/** The first route that fits all that was said. */
export function deleteRoute4(host: Host, request: RouteRequest): void {
  checkDestination(request);
  const { routes } = tableFor(host.netns, request.table);
  const at = routes.findIndex(
    (route) =>
      route.family === 4 &&
      route.destination === request.destination &&
      (route.tos ?? 0) === (request.tos ?? 0) &&
      (!request.metric || metricOf(route) === request.metric) &&
      (!request.typeGiven || route.type === request.type) &&
      (!request.scopeGiven || routeScope(route) === request.scope) &&
      (request.prefsrc === undefined || route.prefsrc === request.prefsrc) &&
      (request.protocol === undefined || route.protocol === request.protocol) &&
      nexthopFits(request, route),
  );
  if (at < 0) throw kernelError('ESRCH');
  routes.splice(at, 1);
}
