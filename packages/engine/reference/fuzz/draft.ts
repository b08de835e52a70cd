/** A namespace in the making. */
import type { Address, Family, FdbEntry, Link, Neighbor, Route } from '../../src/index.ts';

type Sysctls = Record<string, number>;

export interface Draft {
  name: string;
  links: Link[];
  addresses: Address[];
  routes: Route[];
  /** Those of its VRF. */
  vrfRoutes: Route[];
  sysctls: Sysctls;
  neighbors: Neighbor[];
  fdb: FdbEntry[];
}

export const draft = (name: string): Draft => ({
  name,
  links: [],
  addresses: [],
  routes: [],
  vrfRoutes: [],
  sysctls: {},
  neighbors: [],
  fdb: [],
});

export function address(to: Draft, link: string, text: string): void {
  to.addresses.push({ link, address: text });
  const family: Family = text.includes(':') ? 6 : 4;
  const [ip, length] = text.split('/') as [string, string];
  if (length === '32' || length === '128') return;
  to.routes.push({
    family,
    type: 'unicast',
    destination: text,
    protocol: 'kernel',
    ...(family === 4 ? { prefsrc: ip } : { metric: 256 }),
    nexthops: [{ dev: link }],
  });
}

export function way(to: Draft, destination: string, dev: string, via?: string): void {
  const family: Family = destination.includes(':') ? 6 : 4;
  to.routes.push({ family, type: 'unicast', destination, nexthops: [{ dev, ...(via === undefined ? {} : { via }) }] });
}
