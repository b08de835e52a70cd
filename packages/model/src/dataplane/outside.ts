/** The router in front of the nodes, and the world behind it, which owns every address that the cluster does not. */
import type { Address, Family, Link, Netns, Route } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { balancedRoutes } from './balanced.ts';
import type { DataplaneCause } from './cause.ts';
import type { Fabric } from './fabric.ts';
import { type NodeRoutesInput, routesToPodsOf } from './node-routes.ts';
import { MAIN } from './pod-links.ts';

/** No node can have these names: they are not valid names of Kubernetes objects. */
export const GATEWAY = '@gateway';
export const EXTERNAL = '@external';

/** The address that the outside sends from unless a question names another (RFC 5737, RFC 3849). */
export const EXTERNAL_ADDRESS: Record<Family, string> = { 4: '203.0.113.10', 6: '2001:db8:ffff::10' };

const ANY: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };
const FAMILIES = [4, 6] as const;
const LOCAL = 255;

/** The wire between the two; nobody routes these addresses. */
const WIRE: Record<Family, { gateway: string; external: string; length: number }> = {
  4: { gateway: '169.254.254.1', external: '169.254.254.2', length: 32 },
  6: { gateway: 'fe80::1', external: 'fe80::2', length: 64 },
};

const FORWARDING = { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 };

function cause(why: string): DataplaneCause {
  return { kind: 'outside', why };
}

function wireAddresses(link: string, end: 'gateway' | 'external'): Address[] {
  return FAMILIES.map((f) => ({
    link,
    address: `${WIRE[f][end]}/${WIRE[f].length}`,
    scope: 'link',
    cause: cause('the wire between the router and the outside'),
  }));
}

/** To the other end of the wire alone: a route to the whole of it would hide from the outside that its own end is local. IPv6 needs none. */
function wireRoute(link: string, destination: string, prefsrc: string): Route {
  return {
    family: 4,
    type: 'unicast',
    destination: `${destination}/32`,
    scope: 'link',
    prefsrc,
    nexthops: [{ dev: link }],
    cause: cause('the wire between the router and the outside'),
  };
}

function subnetRoutes(fabric: Fabric): { links: Link[]; addresses: Address[]; routes: Route[] } {
  const links: Link[] = [];
  const addresses: Address[] = [];
  const routes: Route[] = [];
  for (const segment of fabric.segments) {
    links.push({
      name: segment.gatewayLink,
      kind: 'device',
      segment: segment.name,
      cause: cause('the segment of the nodes'),
    });
    for (const family of FAMILIES) {
      const subnet = segment.subnets[family];
      if (!subnet) continue;
      addresses.push({
        link: segment.gatewayLink,
        address: `${subnet.gateway}/${subnet.prefix.length}`,
        cause: cause('the address that nodes send to by default'),
      });
      const route: Route = {
        family,
        type: 'unicast',
        destination: subnet.text,
        protocol: 'kernel',
        nexthops: [{ dev: segment.gatewayLink }],
        cause: cause('the subnet of the nodes'),
      };
      routes.push(family === 4 ? { ...route, scope: 'link', prefsrc: subnet.gateway } : { ...route, metric: 256 });
    }
  }
  return { links, addresses, routes };
}

export function gatewayOf(input: NodeRoutesInput): Netns {
  const { cluster, fabric } = input;
  const { links, addresses, routes } = subnetRoutes(fabric);
  const toOutside = FAMILIES.map(
    (family): Route => ({
      family,
      type: 'unicast',
      destination: ANY[family],
      nexthops: [{ dev: 'wan', via: WIRE[family].external }],
      cause: cause('everything else is outside'),
    }),
  );
  // Pod and Service addresses mean nothing outside the nodes; what is missent there gets no answer.
  const unknown = [...cluster.settings.podCIDRs.value, ...cluster.settings.serviceCIDRs.value].map(
    (destination): Route => ({
      family: destination.includes(':') ? 6 : 4,
      type: 'blackhole',
      destination,
      nexthops: [],
      cause: cause('networks inside the cluster are not known outside the nodes'),
    }),
  );
  // Nodes in several subnets only reach each other's pods if the router between them knows the way.
  const toPods =
    fabric.segments.length < 2
      ? []
      : fabric.segments.flatMap((s) => s.nodes.flatMap((n) => routesToPodsOf(input, n, s.gatewayLink, false)));
  return {
    name: GATEWAY,
    links: [
      ...links,
      { name: 'wan', kind: 'veth', peer: { netns: EXTERNAL, link: 'eth0' }, cause: cause('the way out') },
    ],
    addresses: [...addresses, ...wireAddresses('wan', 'gateway')],
    tables: [
      {
        id: MAIN,
        routes: [
          ...routes,
          wireRoute('wan', WIRE[4].external, WIRE[4].gateway),
          ...toPods,
          ...balancedRoutes(cluster, fabric),
          ...unknown,
          ...toOutside,
        ],
      },
    ],
    sysctls: FORWARDING,
    netfilter: [],
  };
}

/**
 * Its main table, which holds the way to the cluster, is asked before the local one, in which every address is its own (AnyIP). Pod and
 * Service networks are private: no route leads there from outside.
 */
export function externalOf(cluster: Cluster, gateway: Netns): Netns {
  const routes: Route[] = [wireRoute('eth0', WIRE[4].gateway, WIRE[4].external)];
  const back = (family: Family, destination: string, why: DataplaneCause): Route => ({
    family,
    type: 'unicast',
    destination,
    prefsrc: EXTERNAL_ADDRESS[family],
    nexthops: [{ dev: 'eth0', via: WIRE[family].gateway }],
    cause: why,
  });
  for (const route of gateway.tables.flatMap((t) => t.routes)) {
    const { family, destination, nexthops, cause: why } = route;
    const isCluster = route.type === 'unicast' && nexthops.every((hop) => hop.dev !== 'wan');
    const isPods = (why as DataplaneCause).kind !== 'outside';
    if (isCluster && !isPods) routes.push(back(family, destination, why as DataplaneCause));
  }
  const private_ = [...cluster.settings.podCIDRs.value, ...cluster.settings.serviceCIDRs.value];
  for (const destination of private_) {
    const family = destination.includes(':') ? 6 : 4;
    // A cluster whose nodes live inside one of these is reached by the more specific route above.
    routes.push({
      family,
      type: 'unreachable',
      destination,
      nexthops: [],
      cause: cause('networks inside the cluster are not known outside'),
    });
  }
  const everything = FAMILIES.map(
    (family): Route => ({
      family,
      type: 'local',
      destination: ANY[family],
      ...(family === 4 && { scope: 'host' }),
      nexthops: [{ dev: 'lo' }],
      cause: cause('the outside answers for every other address'),
    }),
  );
  return {
    name: EXTERNAL,
    links: [{ name: 'eth0', kind: 'veth', peer: { netns: GATEWAY, link: 'wan' }, cause: cause('the way in') }],
    addresses: [
      ...wireAddresses('eth0', 'external'),
      ...FAMILIES.map((f) => ({
        link: 'lo',
        address: `${EXTERNAL_ADDRESS[f]}/${f === 4 ? 32 : 128}`,
        cause: cause('a client somewhere outside'),
      })),
    ],
    tables: [
      { id: MAIN, routes },
      { id: LOCAL, routes: everything },
    ],
    rules: FAMILIES.flatMap((family) => [
      { family, priority: 10, action: { kind: 'lookup' as const, table: MAIN } },
      { family, priority: 100, action: { kind: 'lookup' as const, table: LOCAL } },
    ]),
    sysctls: {},
    netfilter: [],
  };
}
