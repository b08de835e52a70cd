/** Addresses that the network in front of the nodes leads to them: of load balancers, and externalIPs. */
import { type Family, type Nexthop, parseAddress, type Route } from '@podwire/engine';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { canonical, width } from '../net/cidr.ts';
import type { Node, Service } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { DataplaneCause } from './cause.ts';
import type { Fabric, FabricNode } from './fabric.ts';

const EXCLUDED = 'node.kubernetes.io/exclude-from-external-load-balancers';

function isEligible(node: Node): boolean {
  return node.metadata.labels?.[EXCLUDED] === undefined;
}

/** Nodes with a ready endpoint of the Service: those whose health check node port answers 200. */
function healthyNodes(cluster: Cluster, key: string): Set<string> {
  const names = new Set<string>();
  for (const { object } of cluster.endpointSlices.get(key) ?? []) {
    for (const endpoint of object.endpoints)
      if (endpoint.nodeName && endpoint.conditions?.ready !== false) names.add(endpoint.nodeName);
  }
  return names;
}

/** Makes next hops to sets of nodes; the set of all is shared, because most Services use it. */
class Nexthops {
  readonly #known = new Map<string, Nexthop[]>();
  readonly #nodes: readonly FabricNode[];

  constructor(nodes: readonly FabricNode[]) {
    this.#nodes = nodes;
  }

  to(family: Family, names: ReadonlySet<string> | undefined): Nexthop[] {
    const key = `${family} ${names ? [...names].sort().join(' ') : '*'}`;
    const known = this.#known.get(key);
    if (known) return known;
    const made = this.#nodes.flatMap((node) => {
      const via = node.addresses[family];
      return via === undefined || (names && !names.has(node.name)) ? [] : [{ dev: node.segment.gatewayLink, via }];
    });
    this.#known.set(key, made);
    return made;
  }
}

interface Front {
  address: string;
  family: Family;
  path: (string | number)[];
  why: string;
  notModelled?: string;
}

function frontsOf(service: Service, isNodeIP: (address: string) => boolean): Front[] {
  const fronts: Front[] = [];
  const add = (text: string | undefined, path: (string | number)[], why: string, notModelled?: string): void => {
    const address = canonical(text);
    const family = address === undefined ? undefined : parseAddress(address)?.family;
    if (address === undefined || family === undefined || isNodeIP(address)) return;
    fronts.push({ address, family, path, why, ...(notModelled !== undefined && { notModelled }) });
  };
  for (const [i, ip] of (service.spec.externalIPs ?? []).entries())
    add(ip, ['spec', 'externalIPs', i], 'the network leads this external IP to the nodes');
  for (const [i, ingress] of (service.status?.loadBalancer?.ingress ?? []).entries()) {
    const proxied =
      ingress.ipMode === 'Proxy' ? 'load balancer that opens connections of its own (ipMode Proxy)' : undefined;
    add(
      ingress.ip,
      ['status', 'loadBalancer', 'ingress', i, 'ip'],
      'the load balancer sends to any of its nodes',
      proxied,
    );
  }
  return fronts;
}

/** Routes of the gateway to these addresses, one for each; several nodes are a choice. */
export function balancedRoutes(cluster: Cluster, fabric: Fabric): Route[] {
  const nodes = [...fabric.nodes.values()];
  const eligible = nodes.filter((n) => isEligible(n.placed.object));
  const nexthops = new Nexthops(eligible.length > 0 ? eligible : nodes);
  const own = new Set(nodes.flatMap((n) => Object.values(nodeIPs(n.placed.object))));
  const routes = new Map<string, Route>();
  for (const [key, placed] of cluster.services) {
    for (const { address, family, path, why, notModelled } of frontsOf(placed.object, (a) => own.has(a))) {
      // Of two Services with one address the first has the route; both have rules behind it.
      if (routes.has(address)) continue;
      const hops = hopsOf(cluster, key, placed, family, nexthops);
      if (hops.length === 0) continue;
      const cause: DataplaneCause = {
        kind: 'outside',
        service: placed,
        path,
        why,
        ...(notModelled !== undefined && { notModelled }),
      };
      routes.set(address, {
        family,
        type: 'unicast',
        destination: `${address}/${width(family)}`,
        nexthops: hops,
        cause,
      });
    }
  }
  return [...routes.values()];
}

/** With externalTrafficPolicy Local the health checks keep nodes without an endpoint out; where none has one, nobody is healthy and all are tried. */
function hopsOf(
  cluster: Cluster,
  key: string,
  { object }: Placed<Service>,
  family: Family,
  nexthops: Nexthops,
): Nexthop[] {
  if (object.spec.externalTrafficPolicy !== 'Local') return nexthops.to(family, undefined);
  const healthy = nexthops.to(family, healthyNodes(cluster, key));
  return healthy.length > 0 ? healthy : nexthops.to(family, undefined);
}
