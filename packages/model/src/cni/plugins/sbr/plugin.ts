/** sbr: what the pod sends from an address leaves by that address's interface (containernetworking/plugins, plugins/meta/sbr/main.go). */
import { containsAddress, parseAddress, parsePrefix, type Route } from '@podwire/engine';
import type { Namespace } from '../../host/namespace.ts';
import { type Call, CniError, type Plugin } from '../../runtime/call.ts';
import { flag, list, number } from '../../runtime/conf.ts';
import type { IPConfig } from '../../runtime/result.ts';
import { ANY, familyOf, fullLength, hostOf, networkText } from '../../shared/address.ts';
import { netlink } from '../../shared/netlink.ts';
import { routeWords } from '../../shared/route.ts';
import { podOf } from '../../shared/veth.ts';

const FIRST_TABLE = 100;
const MAIN = 254;

/** Addresses of the interface. */
function addressesOf({ ifname, prevResult }: Call): IPConfig[] {
  if (!prevResult) throw new CniError('This plugin must be called as chained plugin');
  if (prevResult.ips.length === 0) throw new CniError(`No IP addresses supplied on interface: ${ifname}`);
  return prevResult.ips.filter(({ interface: index }) => {
    const on = index === undefined ? undefined : prevResult.interfaces[index];
    return on === undefined || on.name === ifname;
  });
}

/** No rule leads to it, and no route of the main table's listing is in it. */
function freeTable(taken: ReadonlySet<number>, from: number): number {
  let table = from;
  while (taken.has(table)) table++;
  return table;
}

function tablesOfRules({ netns }: Namespace): Set<number> {
  const tables = (netns.rules ?? []).map(({ action }) => (action.kind === 'lookup' ? action.table : 0));
  return new Set([MAIN, 255, 253, ...tables]);
}

function addRule(pod: Namespace, address: string, table: number, why: string): void {
  netlink(
    () => pod.ip(`rule add from ${fullLength(hostOf(address))} lookup ${table}`),
    (error) => new CniError(`${why}: ${error}`),
  );
}

function gatewaysOf({ conf }: Call): { 4?: string; 6?: string } {
  const given = list<string>(conf, 'gateways');
  if (given.length > 2) throw new CniError('gateways list cannot contain more than 2 entries (one IPv4, one IPv6)');
  const found: { 4?: string; 6?: string } = {};
  for (const gateway of given) {
    if (!parseAddress(gateway)) throw new CniError(`invalid static gateway IP address: ${gateway}`);
    const family = familyOf(gateway);
    if (found[family] !== undefined)
      throw new CniError(`gateways list contains multiple IPv${family} addresses: ${found[family]} and ${gateway}`);
    found[family] = gateway;
  }
  return found;
}

/** Does the route hang on the address: by its source, its gateway, or by neither? */
function belongs(route: Route, address: string): boolean {
  const prefix = parsePrefix(address);
  const inside = (text: string | undefined) => {
    const one = text === undefined ? undefined : parseAddress(text);
    return prefix !== undefined && one !== undefined && prefix.family === one.family && containsAddress(prefix, one);
  };
  const via = route.nexthops[0]?.via;
  return inside(route.prefsrc) || inside(via) || (route.prefsrc === undefined && via === undefined);
}

/** doRoutes: a table for each address, with the interface's own routes in it. */
function splitRoutes(call: Call, pod: Namespace, addresses: readonly IPConfig[]): void {
  const { ifname, conf } = call;
  if (!pod.link(ifname)) throw new CniError(`Cannot find network interface ${ifname}: Link not found`);
  const fixed = gatewaysOf(call);
  const taken = tablesOfRules(pod);
  const routes = (pod.netns.tables.find(({ id }) => id === MAIN)?.routes ?? []).filter(({ nexthops }) =>
    nexthops.some(({ dev }) => dev === ifname),
  );
  let table = freeTable(taken, FIRST_TABLE);
  for (const { address, gateway: given } of addresses) {
    addRule(pod, address, table, 'Failed to add rule');
    const family = familyOf(address);
    const gateway = fixed[family] ?? given;
    if (gateway !== undefined)
      netlink(
        () => pod.ip(`route add ${ANY[family]} via ${gateway} dev ${ifname} table ${table}`),
        (why) => new CniError(`Failed to add default route to ${gateway}: ${why}`),
      );
    for (const route of routes)
      if (belongs(route, address))
        netlink(
          () => pod.ip(`route replace ${routeWords(route)} table ${table}`),
          (why) => new CniError(`Failed to readd route: ${why}`),
        );
    table = freeTable(taken, table + 1);
  }
  if (flag(conf, 'addSourceHints'))
    for (const { address } of addresses)
      pod.ip(
        `route replace ${networkText(address)} dev ${ifname} src ${hostOf(address)}${familyOf(address) === 4 ? ' scope link' : ''}`,
      );
  for (const route of routes)
    if (!flag(conf, 'addSourceHints') || route.scope !== 'link') pod.ip(`route del ${routeWords(route)}`);
}

export const sbr: Plugin = {
  add(call) {
    const addresses = addressesOf(call);
    const pod = podOf(call);
    const table = number(call.conf, 'table');
    if (table === undefined) splitRoutes(call, pod, addresses);
    else for (const { address } of addresses) addRule(pod, address, table, 'failed to add rule');
    return call.prevResult as NonNullable<Call['prevResult']>;
  },

  check: () => undefined,

  del({ conf, ifname, pod }) {
    if (!pod?.link(ifname)) return;
    const table = number(conf, 'table');
    const own = new Set([...pod.addresses(ifname, 4), ...pod.addresses(ifname, 6)].map(hostOf));
    for (const { from, action } of [...(pod.netns.rules ?? [])]) {
      const leads = table === undefined || (action.kind === 'lookup' && action.table === table);
      if (from !== undefined && leads && own.has(hostOf(from)))
        pod.ip(`rule del from ${from}${action.kind === 'lookup' ? ` lookup ${action.table}` : ''}`);
    }
  },
};
