/** Is a nexthop of an IPv4 route good? net/ipv4/fib_semantics.c:fib_check_nh and what it calls. */
import type { Nexthop, Scope } from '@podwire/engine';
import { lookup, lookupTable, routeScope } from './fib.ts';
import { findLink, type Host, isUp, LOCAL_TABLE, MAIN_TABLE } from './host.ts';
import { scopeNumber } from './names.ts';
import { checkNexthop6 } from './nexthop6.ts';
import { IpRefusal, kernelError, kernelSays } from './refusal.ts';
import type { NexthopRequest } from './route-request.ts';

export interface Checked {
  nexthop: Nexthop;
  /** How far away it is. */
  scope: Scope;
}

function toNexthop(dev: string, { via, weight, onlink }: NexthopRequest, scope: Scope): Checked {
  return {
    nexthop: {
      dev,
      ...(via !== undefined && { via }),
      ...(weight !== 1 && { weight }),
      ...(onlink && { onlink: true }),
    },
    scope,
  };
}

function withoutGateway(host: Host, request: NexthopRequest): Checked {
  if (request.onlink) {
    throw kernelSays('Invalid flags for nexthop - PERVASIVE and ONLINK can not be set');
  }
  const link = request.dev === undefined ? undefined : findLink(host.netns, request.dev);
  if (!link) throw kernelError('ENODEV');
  if (!isUp(link)) throw kernelSays('Device for nexthop is not up', 'ENETDOWN');
  return toNexthop(link.name, request, 'host');
}

/** Type of an address by the local table. */
function isUnicast(host: Host, address: string): boolean {
  const found = lookupTable(host, LOCAL_TABLE, { family: 4, daddr: address });
  return found === undefined;
}

function onLink(host: Host, request: NexthopRequest, via: string, scope: Scope): Checked {
  if (scopeNumber(scope) >= scopeNumber('link')) throw kernelSays('Nexthop has invalid scope');
  const link = request.dev === undefined ? undefined : findLink(host.netns, request.dev);
  if (!link) throw kernelSays('Nexthop device required for onlink', 'ENODEV');
  if (!isUp(link)) throw kernelSays('Nexthop device is not up', 'ENETDOWN');
  if (!isUnicast(host, via)) throw kernelSays('Nexthop has invalid gateway');
  return toNexthop(link.name, request, 'link');
}

/** The gateway must be found one scope nearer than the route that uses it. */
function throughGateway(host: Host, request: NexthopRequest, via: string, table: number, scope: Scope): Checked {
  const nearer = scopeNumber(scope) + 1;
  const wanted: Scope = nearer <= scopeNumber('link') ? 'link' : nearer <= scopeNumber('host') ? 'host' : 'nowhere';
  const flow = { family: 4 as const, daddr: via, oif: request.dev, scope: wanted };
  let found = table === MAIN_TABLE || table === 0 ? undefined : lookupTable(host, table, flow);
  if (!found || 'error' in found) found = lookup(host, flow);
  if (!found) throw kernelSays('Nexthop has invalid gateway', 'ENETUNREACH');
  if ('error' in found) throw kernelSays('Nexthop has invalid gateway', found.error);
  if (found.route.type !== 'unicast' && found.route.type !== 'local') throw kernelSays('Nexthop has invalid gateway');
  const link = findLink(host.netns, found.nexthop.dev);
  if (!link) throw kernelSays('No egress device for nexthop gateway');
  if (!isUp(link)) throw kernelError('ENETDOWN');
  return toNexthop(link.name, request, routeScope(found.route));
}

/** The nexthop as it is kept, its device filled in; throws what the kernel says. `table` 0: none is preferred. */
export function checkNexthop4(host: Host, request: NexthopRequest, table: number, scope: Scope): Checked {
  const { via } = request;
  if (request.dev !== undefined && !findLink(host.netns, request.dev)) {
    throw new IpRefusal(`Cannot find device "${request.dev}"`);
  }
  if (via === undefined) return withoutGateway(host, request);
  if (via.includes(':')) return { nexthop: checkNexthop6(host, request, table), scope: 'link' };
  return request.onlink ? onLink(host, request, via, scope) : throughGateway(host, request, via, table, scope);
}
