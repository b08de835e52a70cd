/** Which nodes share a subnet. Kubernetes does not say: addresses that agree in their first half are taken to be in one. */
import { type Family, formatPrefix, parseAddress } from '@podwire/engine';
import { covering, familyName } from '../net/cidr.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { Cluster } from './cluster.ts';

/** Node addresses that agree in fewer bits than this are in different subnets. */
const ONE_SUBNET: Record<Family, number> = { 4: 16, 6: 56 };

/** The longest prefix a subnet is taken to have. */
export const SUBNET_BITS: Record<Family, number> = { 4: 24, 6: 64 };

/** Names of nodes by subnet, decided by their IPv4 addresses where they have any. Nodes without an address stand with the first. */
export function nodeSubnets({ nodes }: Pick<Cluster, 'nodes'>): string[][] {
  const ips = [...nodes].map(([name, { object }]) => ({ name, ips: nodeIPs(object) }));
  const family: Family = ips.some((n) => n.ips.IPv4 !== undefined) ? 4 : 6;
  const all = ips.map(({ name, ips: own }) => ({ name, address: parseAddress(own[familyName(family)] ?? '') }));
  const whole = covering(
    all.flatMap((n) => n.address ?? []),
    SUBNET_BITS[family],
  );
  const isOne = !whole || whole.length >= ONE_SUBNET[family];
  const groups = new Map<string, string[]>();
  for (const { name, address } of all) {
    const own = address && covering([address], SUBNET_BITS[family]);
    const first = groups.keys().next().value ?? '';
    const key = isOne ? '' : own ? formatPrefix(own) : first;
    const group = groups.get(key);
    if (group) group.push(name);
    else groups.set(key, [name]);
  }
  return [...groups.values()];
}
