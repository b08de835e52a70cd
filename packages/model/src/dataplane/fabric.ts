/**
 * How the nodes are joined: which share a layer-2 segment, in which subnets, and where the router in front of them stands. Kubernetes does
 * not say, so this is an assumption, listed with the cluster's others.
 */
import { type Family, formatAddress, formatPrefix, type IpPrefix, parseAddress } from '@podwire/engine';
import { covering, nth, parseCIDR } from '../cluster/cidr.ts';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { nodeIPs } from '../cluster/pod-facts.ts';
import type { Node } from '../objects/kube.ts';

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

/** Node addresses that agree in fewer bits than this are in different subnets. */
const ONE_SUBNET: Record<Family, number> = { 4: 16, 6: 56 };
/** The longest prefix a subnet is taken to have. */
const SUBNET: Record<Family, number> = { 4: 24, 6: 64 };

function subnetOf(
  addresses: readonly string[],
  family: Family,
): { prefix: IpPrefix; text: string; gateway: string } | undefined {
  const prefix = covering(
    addresses.flatMap((a) => parseAddress(a) ?? []),
    SUBNET[family],
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
    const all = [...nodes].map(([name, placed]) => {
      const ips = nodeIPs(placed.object);
      const addresses: Partial<Record<Family, string>> = {};
      if (ips.IPv4 !== undefined) addresses[4] = ips.IPv4;
      if (ips.IPv6 !== undefined) addresses[6] = ips.IPv6;
      return { name, placed, addresses };
    });
    const groups = new Map<string, typeof all>();
    const family: Family = all.some((n) => n.addresses[4] !== undefined) ? 4 : 6;
    const whole = covering(
      all.flatMap((n) => parseAddress(n.addresses[family] ?? '') ?? []),
      SUBNET[family],
    );
    const isOne = !whole || whole.length >= ONE_SUBNET[family];
    for (const node of all) {
      const address = parseAddress(node.addresses[family] ?? '');
      const own = address && covering([address], SUBNET[family]);
      const key = isOne || !own ? '' : formatPrefix(own);
      const group = groups.get(key);
      if (group) group.push(node);
      else groups.set(key, [node]);
    }
    for (const [i, group] of [...groups.values()].entries()) {
      const segment: Segment = {
        name: i === 0 ? 'nodes' : `nodes-${i + 1}`,
        gatewayLink: `eth${i}`,
        subnets: {},
        nodes: [],
      };
      for (const f of [4, 6] as const) {
        const subnet = subnetOf(
          group.flatMap((n) => n.addresses[f] ?? []),
          f,
        );
        if (subnet) segment.subnets[f] = subnet;
      }
      for (const node of group) {
        const fabricNode: FabricNode = { ...node, segment };
        segment.nodes.push(fabricNode);
        this.nodes.set(node.name, fabricNode);
      }
      this.segments.push(segment);
    }
  }
}

/** Pod networks of one family. */
export function podNetworks(cluster: Cluster, family: Family): string[] {
  return cluster.settings.podCIDRs.value.filter((cidr) => parseCIDR(cidr)?.family === family);
}
