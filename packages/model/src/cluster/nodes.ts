/** The cluster's nodes, each with an address and pod ranges. */
import type { IPFamily, Node } from '../objects/kube.ts';
import type { ClusterSettings, Placed } from './cluster.ts';
import { type Collected, sortedByKey } from './collect.ts';
import { addMadeNodes, inferNodes } from './infer-nodes.ts';
import { addressNodes } from './node-addresses.ts';
import type { ClusterOverrides } from './overrides.ts';
import { assignPodCIDRs, checkPodCIDRs } from './pod-cidrs.ts';
import type { Report } from './report.ts';

export function buildNodes(
  collected: Collected,
  settings: ClusterSettings,
  families: readonly IPFamily[],
  overrides: ClusterOverrides,
  report: Report,
): Map<string, Placed<Node>> {
  const nodes = new Map(collected.nodes);
  inferNodes(nodes, collected, report);
  addMadeNodes(nodes, collected, overrides, report);
  const sorted = sortedByKey(nodes);
  addressNodes(sorted, families, settings, report);
  assignPodCIDRs(sorted, families, settings, collected, report);
  checkPodCIDRs(sorted, settings, report);
  return sorted;
}
