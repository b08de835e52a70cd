/**
 * How much of the cluster's CPU each zone has, and how many endpoints it should therefore get (staging/src/k8s.io/endpointslice:
 * topologycache/topologycache.go, KEP-2433).
 */

import type { Node } from '../objects/kube.ts';
import { parseQuantity } from '../objects/quantity.ts';

const ZONE = 'topology.kubernetes.io/zone';

/** Nodes with one of these labels do not count, whatever its value. */
const EXCLUDED = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];

/** Share of the allocatable CPU by zone, 0 to 1. */
export type ZoneShares = ReadonlyMap<string, number>;

function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
}

/** Whole millicores, rounded up as `Quantity.MilliValue` does. */
function allocatableMilliCPU(node: Node): number {
  const cpu = parseQuantity(node.status?.allocatable?.cpu) ?? 0;
  return Math.ceil(Number((cpu * 1000).toPrecision(12)));
}

/**
 * Undefined where topology mode Auto cannot work (`SetNodes`): a ready node without a zone or without allocatable CPU, or fewer than two zones.
 */
export function zoneShares(nodes: Iterable<Node>): ZoneShares | undefined {
  const byZone = new Map<string, number>();
  let total = 0;
  for (const node of nodes) {
    const { labels = {} } = node.metadata;
    if (EXCLUDED.some((label) => labels[label] !== undefined) || !isNodeReady(node)) continue;
    const zone = labels[ZONE];
    const cpu = allocatableMilliCPU(node);
    if (!zone || cpu === 0) return undefined;
    byZone.set(zone, (byZone.get(zone) ?? 0) + cpu);
    total += cpu;
  }
  if (byZone.size < 2) return undefined;
  return new Map([...byZone.keys()].sort().map((zone) => [zone, (byZone.get(zone) as number) / total]));
}

/** How much more than its share a zone's endpoints may be asked to bear. */
const OVERLOAD = 0.2;

/** Numbers of endpoints that one zone should have hints for. */
export interface Allocation {
  minimum: number;
  maximum: number;
  desired: number;
}

/** Why there are no hints, in the words of the controller's events. */
export type NoHints =
  | 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'
  | 'Nodes only ready in one zone'
  | `Insufficient number of endpoints (${number} endpoints, ${number} zones)`
  | `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${number} endpoints, ${number} zones)`
  | 'One or more endpoints do not have a zone specified';

/** What each zone should get of so many ready endpoints, or why that cannot be (`getAllocations`). */
export function allocate(shares: ZoneShares | undefined, endpoints: number): Map<string, Allocation> | NoHints {
  if (!shares) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
  if (shares.size < 2) return 'Nodes only ready in one zone';
  if (shares.size > endpoints) return `Insufficient number of endpoints (${endpoints} endpoints, ${shares.size} zones)`;
  const minimumOf = (share: number) => Math.ceil(share * endpoints * (1 / (1 + OVERLOAD)));
  const minima = [...shares.values()].map(minimumOf).reduce((sum, minimum) => sum + minimum, 0);
  if (minima > endpoints)
    return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${endpoints} endpoints, ${shares.size} zones)`;
  return new Map(
    [...shares].map(([zone, share]) => {
      const minimum = minimumOf(share);
      const desired = Math.max(share * endpoints, minimum);
      return [zone, { minimum, maximum: minimum + endpoints - minima, desired }];
    }),
  );
}
