/** What a plugin gives back, and how each version of the specification writes it (github.com/containernetworking/cni, pkg/types). */
export interface Interface {
  name: string;
  mac?: string;
  mtu?: number;
  /** Path of the namespace that it is in; absent for the host's. */
  sandbox?: string;
}

export interface IPConfig {
  /** Index into `interfaces`. */
  interface?: number;
  /** With prefix length. */
  address: string;
  gateway?: string;
}

export interface RouteConfig {
  dst: string;
  gw?: string;
  mtu?: number;
  advmss?: number;
  priority?: number;
  table?: number;
  scope?: number;
}

export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

export interface Result {
  interfaces: Interface[];
  ips: IPConfig[];
  routes: RouteConfig[];
  dns: Dns;
}

export const emptyResult = (): Result => ({ interfaces: [], ips: [], routes: [], dns: {} });

/** Versions that the plugins of containernetworking/plugins understand. */
export const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;

const familyWord = (address: string) => (address.includes(':') ? '6' : '4');

/** 0.1.0 and 0.2.0: one address of each family. */
function oldest(version: string, { ips, routes, dns }: Result): Record<string, unknown> {
  const of = (word: '4' | '6') => {
    const one = ips.find(({ address }) => familyWord(address) === word);
    const own = routes.filter(({ dst }) => familyWord(dst) === word).map(({ dst, gw }) => ({ dst, ...(gw && { gw }) }));
    return (
      one && { ip: one.address, ...(one.gateway && { gateway: one.gateway }), ...(own.length > 0 && { routes: own }) }
    );
  };
  const [ip4, ip6] = [of('4'), of('6')];
  return { cniVersion: version, ...(ip4 && { ip4 }), ...(ip6 && { ip6 }), dns };
}

/** As the plugin prints it, in the configuration's version. */
export function printedResult(version: string, result: Result): Record<string, unknown> {
  const at = VERSIONS.indexOf(version as (typeof VERSIONS)[number]);
  if (at >= 0 && at < 2) return oldest(version, result);
  const [is10, is11] = [at >= 5, at >= 6];
  const { interfaces, ips, routes, dns } = result;
  const writtenRoutes = routes.map(({ dst, gw, ...rest }) => ({
    dst,
    ...(gw !== undefined && { gw }),
    ...(is11 && rest),
  }));
  const hasDns = Object.values(dns).some((value) => value !== undefined && value.length > 0);
  return {
    cniVersion: version,
    ...(interfaces.length > 0 && {
      interfaces: interfaces.map(({ mtu, ...one }) => ({ ...one, ...(is11 && mtu !== undefined && { mtu }) })),
    }),
    ...(ips.length > 0 && { ips: ips.map((one) => (is10 ? one : { version: familyWord(one.address), ...one })) }),
    ...(routes.length > 0 && { routes: writtenRoutes }),
    ...((hasDns || !is10) && { dns }),
  };
}
