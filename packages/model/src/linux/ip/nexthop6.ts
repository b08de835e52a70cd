/** Is a nexthop of an IPv6 route good? net/ipv6/route.c:fib6_nh_init, ip6_validate_gw and what they call. */
import { confOf, type Nexthop, parseAddress } from '@podwire/engine';
import { type LookupResult, lookup, lookupTable } from './fib.ts';
import { findLink, type Host, isLinkLocal6, isUp, MAIN_TABLE, ownAddress } from './host.ts';
import { IpRefusal, kernelError, kernelSays } from './refusal.ts';
import type { NexthopRequest } from './route-request.ts';

/** The gateway is an own address: any of the host, but a link-local one only on its link. */
function isOwn(host: Host, via: string, dev: string): boolean {
  return ownAddress(host.netns, via, isLinkLocal6(via) ? dev : undefined) !== undefined;
}

/** Directly connected by what was found? Then through which device. */
function connected(found: LookupResult): string | undefined {
  return found && 'route' in found && found.nexthop.via === undefined ? found.nexthop.dev : undefined;
}

/** Device towards the gateway. */
function checkRoute(host: Host, via: string, dev: string | undefined, table: number): string {
  const flow = { family: 6 as const, daddr: via, oif: dev };
  const inTable = table === 0 ? undefined : connected(lookupTable(host, table, flow));
  const device =
    inTable !== undefined && (dev === undefined || dev === inTable) ? inTable : connected(lookup(host, flow));
  if (device === undefined || (dev !== undefined && dev !== device)) throw kernelError('EHOSTUNREACH');
  return device;
}

function checkOnLink(host: Host, via: string, dev: string | undefined): void {
  const found = lookupTable(host, MAIN_TABLE, { family: 6, daddr: via });
  if (!found || 'error' in found || found.route.destination === '::/0') return;
  if (found.route.type !== 'unicast' || found.nexthop.dev !== dev) {
    throw kernelSays('Nexthop has invalid gateway or device mismatch');
  }
}

function isUnicast(address: string): boolean {
  const words = parseAddress(address)?.words;
  return words !== undefined && words[0] >>> 24 !== 0xff && address !== '::' && address !== '::1';
}

function checkGateway(host: Host, request: NexthopRequest, via: string, table: number): string {
  let { dev } = request;
  const before = dev !== undefined;
  if (dev !== undefined && isOwn(host, via, dev)) throw kernelSays('Gateway can not be a local address');
  if (!isLinkLocal6(via)) {
    if (!isUnicast(via)) throw kernelSays('Invalid gateway address');
    if (request.onlink) checkOnLink(host, via, dev);
    else dev = checkRoute(host, via, dev, table);
  }
  if (dev === undefined) throw kernelSays('Egress device not specified');
  if (findLink(host.netns, dev)?.kind === 'loopback') {
    throw kernelSays('Egress device can not be loopback device for this route');
  }
  if (!before && isOwn(host, via, dev)) throw kernelSays('Gateway can not be a local address');
  return dev;
}

/** The nexthop as it is kept, its device filled in; throws what the kernel says. */
export function checkNexthop6(host: Host, request: NexthopRequest, table: number): Nexthop {
  if (request.dev !== undefined && !findLink(host.netns, request.dev)) {
    throw new IpRefusal(`Cannot find device "${request.dev}"`);
  }
  if (request.onlink) {
    const link = request.dev === undefined ? undefined : findLink(host.netns, request.dev);
    if (!link) throw kernelSays('Nexthop device required for onlink', 'ENODEV');
    if (!isUp(link)) throw kernelSays('Nexthop device is not up', 'ENETDOWN');
  }
  const { via, weight, onlink } = request;
  const dev = via === undefined ? request.dev : checkGateway(host, request, via, table);
  const link = dev === undefined ? undefined : findLink(host.netns, dev);
  if (!link) throw kernelError('ENODEV');
  if (confOf(host.netns.sysctls, 6, link.name, 'disable_ipv6') !== 0) {
    throw kernelSays('IPv6 is disabled on nexthop device', 'EACCES');
  }
  if (!isUp(link)) throw kernelSays('Nexthop device is not up', 'ENETDOWN');
  return {
    dev: link.name,
    ...(via !== undefined && { via }),
    ...(weight !== 1 && { weight }),
    ...(onlink && { onlink: true }),
  };
}
