/**
 * How nodes find each other's pods: one table per segment that all its nodes share, with a route to the pod range of each. A node's own table
 * lies over it: what is the node's own wins.
 */
import type { Family, Route, RouteTable } from '@podwire/engine';
import type { Cluster, PodWiring } from '../cluster/cluster.ts';
import type { CniProfile } from '../cluster/detect/cni-profiles.ts';
import { width } from '../net/cidr.ts';
import type { DataplaneCause } from './cause.ts';
import type { Fabric, FabricNode, Segment } from './fabric.ts';
import { type HostSide, MAIN } from './pod-links.ts';

const ANY: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };
const FAMILIES = [4, 6] as const;

export interface NodeRoutesInput {
  cluster: Cluster;
  fabric: Fabric;
  sides: ReadonlyMap<string, HostSide>;
  wiring: PodWiring;
  profile: CniProfile;
}

/** What the tunnel, if there is one, is called; `between subnets` means only there. */
function tunnelOf(cluster: Cluster, isWithin: boolean): string | undefined {
  const value = cluster.settings.encapsulation?.value ?? 'none';
  if (value === 'none') return undefined;
  const only = ' between subnets';
  if (value.endsWith(only)) return isWithin ? undefined : `${value.slice(0, -only.length)} tunnel`;
  return `${value} tunnel`;
}

/** Routes to the pods of one node: its ranges, and the addresses outside them. */
export function routesToPodsOf(input: NodeRoutesInput, node: FabricNode, dev: string, isWithin: boolean): Route[] {
  const { cluster, sides } = input;
  const side = sides.get(node.name);
  if (!side) return [];
  const notModelled = tunnelOf(cluster, isWithin);
  const why = `the pods of ${node.name} live there`;
  const cause: DataplaneCause =
    notModelled === undefined
      ? { kind: 'node', node: node.placed, path: ['spec', 'podCIDRs'], why }
      : { kind: 'cni', cni: cluster.settings.cni.value, why, notModelled };
  const routes: Route[] = [];
  for (const family of FAMILIES) {
    const via = node.addresses[family];
    if (via === undefined) continue;
    const range = side.ranges[family];
    if (range) routes.push({ family, type: 'unicast', destination: range.text, nexthops: [{ dev, via }], cause });
    for (const foreign of side.foreign) {
      if (foreign.family !== family) continue;
      const own: DataplaneCause =
        notModelled === undefined
          ? { kind: 'pod', pod: foreign.pod, why: `on ${node.name}, outside its pod range` }
          : cause;
      routes.push({
        family,
        type: 'unicast',
        destination: `${foreign.address}/${width(family)}`,
        nexthops: [{ dev, via }],
        cause: own,
      });
    }
  }
  return routes;
}

function defaultRoutes(segment: Segment): Route[] {
  return FAMILIES.flatMap((family) => {
    const subnet = segment.subnets[family];
    const cause: DataplaneCause = { kind: 'outside', why: 'the router in front of the nodes' };
    return subnet
      ? [
          {
            family,
            type: 'unicast' as const,
            destination: ANY[family],
            nexthops: [{ dev: 'eth0', via: subnet.gateway }],
            cause,
          },
        ]
      : [];
  });
}

export function sharedTable(input: NodeRoutesInput, segment: Segment): RouteTable {
  return {
    id: MAIN,
    routes: [...defaultRoutes(segment), ...segment.nodes.flatMap((node) => routesToPodsOf(input, node, 'eth0', true))],
  };
}

/**
 * The shared table leads to this node's own range by way of itself; this hides it. With a bridge the connected route does (for IPv6 it has
 * another metric). Otherwise Calico keeps a blackhole for its block, and elsewhere the default route takes what no pod has.
 */
function hideOwnRange(input: NodeRoutesInput, node: FabricNode, side: HostSide): Route[] {
  return FAMILIES.flatMap((family): Route[] => {
    const range = side.ranges[family];
    const gateway = node.segment.subnets[family]?.gateway;
    if (!range || node.addresses[family] === undefined) return [];
    const cause: DataplaneCause = {
      kind: 'cni',
      cni: input.profile.name,
      why: 'addresses of the own pod range that no pod has',
    };
    const route = { family, destination: range.text, cause };
    if (input.wiring === 'bridge')
      return family === 4 ? [] : [{ ...route, type: 'unicast', nexthops: [{ dev: 'cni0' }] }];
    if (input.profile.gateway === 'link-local') return [{ ...route, type: 'blackhole', nexthops: [] }];
    return gateway === undefined ? [] : [{ ...route, type: 'unicast', nexthops: [{ dev: 'eth0', via: gateway }] }];
  });
}

export function ownTable(input: NodeRoutesInput, node: FabricNode, side: HostSide, base: RouteTable): RouteTable {
  const connected = FAMILIES.flatMap((family): Route[] => {
    const subnet = node.segment.subnets[family];
    const address = node.addresses[family];
    if (!subnet || address === undefined) return [];
    const cause: DataplaneCause = {
      kind: 'node',
      node: node.placed,
      path: ['status', 'addresses'],
      why: 'the subnet of the nodes',
    };
    const route = {
      family,
      type: 'unicast' as const,
      destination: subnet.text,
      protocol: 'kernel',
      nexthops: [{ dev: 'eth0' }],
      cause,
    };
    return [family === 4 ? { ...route, scope: 'link', prefsrc: address } : { ...route, metric: 256 }];
  });
  return { id: MAIN, base, routes: [...connected, ...side.routes, ...hideOwnRange(input, node, side)] };
}
