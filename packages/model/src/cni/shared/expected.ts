/** CHECK: is what ADD gave still in the pod (pkg/ip/utils_linux.go). */
import type { Route } from '@podwire/engine';
import type { Namespace } from '../host/namespace.ts';
import { CniError } from '../runtime/call.ts';
import type { Interface, Result, RouteConfig } from '../runtime/result.ts';
import { ANY, familyOf, networkText } from './address.ts';
import { shownNet } from './configure.ts';

/** Routes of the main table, which is all that listing them without a table shows. */
function mainRoutes({ netns }: Namespace): readonly Route[] {
  return netns.tables.find(({ id }) => id === 254)?.routes ?? [];
}

function checkAddresses(pod: Namespace, ifname: string, { ips }: Result): void {
  for (const { address, gateway } of ips) {
    const family = familyOf(address);
    if (!pod.addresses(ifname, family).includes(address))
      throw new CniError(`Failed to match addr ${address} on interface ${ifname}`);
    const network = networkText(address);
    if (!mainRoutes(pod).some((route) => route.family === family && route.destination === network))
      throw new CniError(`Failed to find Gateway ${gateway ?? '<nil>'} for interface ${ifname}`);
  }
}

/** `%v` of a `*types.Route`, which prints itself. */
function shownRoute({ dst, gw, mtu = 0, advmss = 0, priority = 0, table, scope }: RouteConfig): string {
  return `{Dst:${shownNet(dst).replace(/^\{(\S+) (\S+)\}$/, '{IP:$1 Mask:$2}')} GW:${gw ?? '<nil>'} MTU:${mtu} AdvMSS:${advmss} Priority:${priority} Table:${table ?? '<nil>'} Scope:${scope ?? '<nil>'}}`;
}

function checkRoutes(pod: Namespace, { routes }: Result): void {
  for (const route of routes) {
    const family = familyOf(route.dst);
    const found = mainRoutes(pod).some(
      (one) =>
        one.family === family &&
        one.destination === networkText(route.dst) &&
        // Of a default route the gateway is not looked at.
        (route.dst === ANY[family] || route.gw === undefined || one.nexthops.some(({ via }) => via === route.gw)),
    );
    if (!found) throw new CniError(`Expected Route ${shownRoute(route)} not found in routing table`);
  }
}

export function checkExpected(pod: Namespace, ifname: string, result: Result): void {
  checkAddresses(pod, ifname, result);
  checkRoutes(pod, result);
}

/** The pod's own interface in what ADD gave. */
export function containerInterface(result: Result, ifname: string, netnsPath: string): Interface {
  const found = result.interfaces.findLast(({ name, sandbox }) => name === ifname && sandbox === netnsPath);
  if (!found) throw new CniError(`Sandbox in prevResult  doesn't match configured netns: ${netnsPath}`);
  return found;
}
