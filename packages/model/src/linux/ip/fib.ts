/** Look-ups that the kernel makes while it checks a new route: net/ipv4/fib_semantics.c:fib_check_nh, net/ipv6/route.c:ip6_route_check_nh. */

import type { Scope } from '@podwire/engine';
import {
  containsAddress,
  type Family,
  type Nexthop,
  type PolicyRule,
  parseAddress,
  parsePrefix,
  type Route,
} from '@podwire/engine';
import { findLink, type Host, isUp, metricOf, routesIn, rulesOf } from './host.ts';
import { scopeNumber } from './names.ts';

interface Found {
  route: Route;
  nexthop: Nexthop;
}

export type LookupResult = Found | { error: string } | undefined;

const ROUTE_ERRORS: Partial<Record<Route['type'], string>> = {
  blackhole: 'EINVAL',
  unreachable: 'EHOSTUNREACH',
  prohibit: 'EACCES',
  throw: 'EAGAIN',
};

/** The scope a route has where none was given. */
export function routeScope(route: Route): Scope {
  if (route.scope !== undefined) return route.scope;
  if (route.family === 6) return 'global';
  if (route.type === 'local') return 'host';
  if (route.type === 'broadcast' || route.type === 'multicast' || route.type === 'anycast') return 'link';
  return route.type === 'unicast' && route.nexthops.every((n) => n.via === undefined) ? 'link' : 'global';
}

export interface Flow {
  family: Family;
  daddr: string;
  oif?: string | undefined;
  /** Routes must reach no farther than this (IPv4). */
  scope?: Scope;
}

/** First fitting route of one table with a nexthop that may be used. */
export function lookupTable(host: Host, id: number, flow: Flow): LookupResult {
  const address = parseAddress(flow.daddr);
  if (!address) return undefined;
  const fitting = routesIn(host.netns, id).filter((route) => {
    const prefix = parsePrefix(route.destination);
    return prefix && route.family === flow.family && containsAddress(prefix, address) && !route.tos;
  });
  const lengthOf = (route: Route) => parsePrefix(route.destination)?.length ?? 0;
  fitting.sort((a, b) => lengthOf(b) - lengthOf(a) || metricOf(a) - metricOf(b));
  for (const route of fitting) {
    if (flow.scope && flow.family === 4 && scopeNumber(routeScope(route)) < scopeNumber(flow.scope)) continue;
    const error = ROUTE_ERRORS[route.type];
    if (error) return { error };
    const nexthop = route.nexthops.find((n) => {
      const link = findLink(host.netns, n.dev);
      return link && (isUp(link) || route.type === 'local') && (flow.oif === undefined || flow.oif === n.dev);
    });
    if (nexthop) return { route, nexthop };
  }
  return undefined;
}

/** A look-up without source, mark, protocol and ports, as if made here. */
function ruleFits(rule: PolicyRule, flow: Flow): boolean {
  const to = rule.to === undefined ? undefined : parsePrefix(rule.to);
  const from = rule.from === undefined ? undefined : parsePrefix(rule.from);
  const address = parseAddress(flow.daddr);
  const fits =
    (rule.iif === undefined || rule.iif === 'lo') &&
    (rule.oif === undefined || rule.oif === flow.oif) &&
    (rule.fwmark === undefined || (rule.fwmark.value & rule.fwmark.mask) === 0) &&
    (to === undefined || (address !== undefined && containsAddress(to, address))) &&
    (from === undefined || from.length === 0 || from.words.every((word) => word === 0)) &&
    !rule.tos &&
    !rule.ipproto &&
    rule.sport === undefined &&
    rule.dport === undefined;
  return fits !== (rule.not === true);
}

/** All policy rules in order. Undefined: nothing found. */
export function lookup(host: Host, flow: Flow): LookupResult {
  const rules = rulesOf(host.netns, flow.family);
  let from = 0;
  for (const rule of rules) {
    if (rule.priority < from || !ruleFits(rule, flow)) continue;
    const { action } = rule;
    switch (action.kind) {
      case 'nop':
        break;
      case 'goto':
        if (rules.some((r) => r.priority === action.priority)) from = action.priority;
        break;
      case 'lookup': {
        const found = lookupTable(host, action.table, flow);
        if (!found || ('error' in found && found.error === 'EAGAIN')) break;
        const suppress = rule.suppressPrefixLength;
        const length = 'route' in found ? (parsePrefix(found.route.destination)?.length ?? 0) : 0;
        if (suppress !== undefined && 'route' in found && length <= suppress) break;
        return found;
      }
      case 'unreachable':
        return { error: 'ENETUNREACH' };
      case 'prohibit':
        return { error: 'EACCES' };
      case 'blackhole':
        return { error: 'EINVAL' };
    }
  }
  return undefined;
}
