/** What an address manager gave becomes addresses and routes (pkg/ipam/ipam_linux.go:ConfigureIface, pkg/ip/ipforward_linux.go). */
import { sysctl } from '@podwire/engine';
import type { Host } from '../host/host.ts';
import type { Namespace } from '../host/namespace.ts';
import { CniError } from '../runtime/call.ts';
import type { Result, RouteConfig } from '../runtime/result.ts';
import { familyOf, hostOf, prefixOf } from './address.ts';
import { netlink } from './netlink.ts';

/** Go prints a net.IPNet that is no pointer by its fields: `{10.0.0.0 ff000000}`. */
export function shownNet(cidr: string): string {
  const { family, length } = prefixOf(cidr);
  const digits = family === 4 ? 8 : 32;
  const ones = 'f'.repeat(length >> 2) + (length % 4 ? ('ec8'[3 - (length % 4)] ?? '') : '');
  return `{${hostOf(cidr)} ${ones.padEnd(digits, '0')}}`;
}

const SCOPES: Readonly<Record<number, string>> = {
  0: 'universe',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};
const SCOPE_WORDS: Readonly<Record<number, string>> = {
  0: 'global',
  200: 'site',
  253: 'link',
  254: 'host',
  255: 'nowhere',
};

/** netlink.RouteAddEcmp: NLM_F_CREATE alone. */
function addRoute(pod: Namespace, ifname: string, route: RouteConfig, gateway: string | undefined): void {
  const { dst, priority = 0, table = 0, scope = 0 } = route;
  const words = [
    `route prepend ${dst} dev ${ifname}`,
    // The kernel takes the address that is none for no gateway.
    gateway === undefined || gateway === '0.0.0.0' || gateway === '::' ? '' : `via ${gateway}`,
    priority > 0 ? `metric ${priority}` : '',
    table > 0 ? `table ${table}` : '',
    familyOf(dst) === 4 ? `scope ${SCOPE_WORDS[scope] ?? scope}` : '',
  ];
  netlink(
    () => pod.ip(words.filter((word) => word !== '').join(' ')),
    (why) =>
      new CniError(
        `failed to add route '${shownNet(dst)} via ${gateway ?? '<nil>'} dev ${ifname} metric ${priority} (Scope: ${SCOPES[scope] ?? scope}, Table: ${table})': ${why}`,
      ),
  );
}

export function configureInterface(pod: Namespace, ifname: string, result: Result): void {
  if (result.interfaces.length === 0) throw new CniError('no interfaces to configure');
  if (!pod.link(ifname)) throw new CniError(`failed to lookup "${ifname}": Link not found`);
  const gateways: { 4?: string; 6?: string } = {};
  let hasIpv6 = false;
  for (const { interface: index, address, gateway } of result.ips) {
    if (index === undefined) continue;
    if (!hasIpv6 && familyOf(address) === 6) {
      hasIpv6 = true;
      for (const name of ['lo', ifname])
        if (sysctl(pod.netns.sysctls, `net.ipv6.conf.${name}.disable_ipv6`) !== 0)
          pod.sysctl(`net/ipv6/conf/${name}/disable_ipv6`, 0);
      pod.sysctl(`net/ipv6/conf/${ifname}/keep_addr_on_down`, 1);
    }
    netlink(
      () => pod.ip(`addr add ${address} dev ${ifname}${broadcastOf(address)}`),
      (why) => new CniError(`failed to add IP addr ${address} to "${ifname}": ${why}`),
    );
    if (gateway !== undefined) gateways[familyOf(gateway)] ??= gateway;
  }
  pod.ip(`link set ${ifname} up`);
  for (const route of result.routes) addRoute(pod, ifname, route, route.gw ?? gateways[familyOf(route.dst)]);
}

/** The netlink library gives IPv4 addresses of larger subnets a broadcast address (addr_linux.go:addrHandle). */
export function broadcastOf(address: string): string {
  const { family, length } = prefixOf(address);
  return family === 4 && length < 31 ? ' broadcast +' : '';
}

/** Only what is not so yet is written: writing it again would set every interface anew. */
export function enableForwarding({ own }: Host, addresses: readonly string[]): void {
  const families = new Set(addresses.map(familyOf));
  if (families.has(4) && sysctl(own.netns.sysctls, 'net.ipv4.ip_forward') !== 1) own.sysctl('net/ipv4/ip_forward', 1);
  if (families.has(6) && sysctl(own.netns.sysctls, 'net.ipv6.conf.all.forwarding') !== 1)
    own.sysctl('net/ipv6/conf/all/forwarding', 1);
}

export function dnsSet(dns: Readonly<Record<string, unknown>>): boolean {
  return ['nameservers', 'search', 'options'].some((field) => dns[field] !== undefined) || (dns.domain ?? '') !== '';
}
