/**
 * How the nodes are joined: which share a layer-2 segment, in which subnets, and where the router in front of them stands. Kubernetes does
 * not say, so this is an assumption, listed with the cluster's others.
 */
import { type Family, formatAddress, formatPrefix, type IpPrefix, parseAddress } from '@podwire/engine';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { nodeSubnets, SUBNET_BITS } from '../cluster/node-subnets.ts';
import { covering, nth, parseCIDR } from '../net/cidr.ts';
import type { Node } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';

export interface FabricNode {
  name: string;
  placed: Placed<Node>;
  segment: Segment;
  /** Its address of each family it has. */
  addresses: Partial<Record<Family, string>>;
}

export interface Segment {
  /** Name of the switch, unique. */
  name: string;
  /** The gateway's link into it. */
  gatewayLink: string;
  subnets: Partial<Record<Family, { prefix: IpPrefix; text: string; gateway: string }>>;
  nodes: FabricNode[];
}

function subnetOf(
  addresses: readonly string[],
  family: Family,
): { prefix: IpPrefix; text: string; gateway: string } | undefined {
  const prefix = covering(
    addresses.flatMap((a) => parseAddress(a) ?? []),
    SUBNET_BITS[family],
  );
  if (!prefix) return undefined;
  const taken = new Set(addresses);
  for (let offset = 1; ; offset++) {
    const address = nth(prefix, offset);
    // A subnet with no address left has as many nodes as addresses: the router then shares the network's own.
    const text = formatAddress(address ?? prefix);
    if (!taken.has(text) || !address) return { prefix, text: formatPrefix(prefix), gateway: text };
  }
}

export class Fabric {
  readonly segments: Segment[] = [];
  readonly nodes = new Map<string, FabricNode>();

  constructor({ nodes }: Pick<Cluster, 'nodes'>) {
    for (const [i, names] of nodeSubnets({ nodes }).entries()) {
      const segment: Segment = {
        name: i === 0 ? 'nodes' : `nodes-${i + 1}`,
        gatewayLink: `eth${i}`,
        subnets: {},
        nodes: [],
      };
      for (const name of names) {
        const placed = nodes.get(name) as Placed<Node>;
        const { IPv4, IPv6 } = nodeIPs(placed.object);
        const addresses = { ...(IPv4 !== undefined && { 4: IPv4 }), ...(IPv6 !== undefined && { 6: IPv6 }) };
        segment.nodes.push({ name, placed, addresses, segment });
      }
      for (const family of [4, 6] as const) {
        const subnet = subnetOf(
          segment.nodes.flatMap((n) => n.addresses[family] ?? []),
          family,
        );
        if (subnet) segment.subnets[family] = subnet;
      }
      this.segments.push(segment);
    }
    const byName = new Map(this.segments.flatMap((s) => s.nodes).map((n) => [n.name, n]));
    for (const name of nodes.keys()) this.nodes.set(name, byName.get(name) as FabricNode);
  }
}

/** Pod networks of one family. */
export function podNetworks(cluster: Cluster, family: Family): string[] {
  return cluster.settings.podCIDRs.value.filter((cidr) => parseCIDR(cidr)?.family === family);
}
