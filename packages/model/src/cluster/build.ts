/** From what was read to what the API server and the controllers would hold: one step after the other. */

import { nodeIPs } from '../objects/pod-facts.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import type { ReadResult } from '../read/source.ts';
import { checkEndpoints } from './check-endpoints.ts';
import { checkPods } from './check-pods.ts';
import { checkServices } from './check-services.ts';
import type { Cluster } from './cluster.ts';
import { type Collected, collect } from './collect.ts';
import { cniProfile } from './detect/cni-profiles.ts';
import { detect } from './detect/detect.ts';
import type { NodeShown } from './detect/shown.ts';
import { buildEndpointSlices } from './endpoint-slices.ts';
import { buildNamespaces } from './namespaces.ts';
import { nodeSubnets } from './node-subnets.ts';
import { buildNodes } from './nodes.ts';
import type { ClusterOverrides } from './overrides.ts';
import { addressPods, locatePods } from './pod-addresses.ts';
import { Report } from './report.ts';
import { schedule } from './schedule.ts';
import { completeServices } from './service-addresses.ts';
import { standInPods } from './stand-in-pods.ts';
import { planPods } from './workloads.ts';

function modeOf(collected: Collected, planned: number): Cluster['mode'] {
  const live =
    [...collected.pods.values()].some((p) => p.object.status?.phase !== undefined) || collected.endpointSlices.size > 0;
  const real = live || collected.nodes.size > 0;
  if (!real) return 'design';
  return planned > 0 || !live || collected.nodes.size === 0 ? 'mixed' : 'snapshot';
}

/** Nodes far apart are joined by a router that knows where pods are, as clouds and BGP make it. */
function noteSubnets(nodes: Cluster['nodes'], report: Report): void {
  const subnets = nodeSubnets({ nodes }).length;
  if (subnets < 2) return;
  report.assume(
    'several-subnets',
    `The nodes stand in ${subnets} subnets; the router between them is taken to know the way to each node's pods`,
    undefined,
    nodes.size,
  );
}

/** What stands in the cluster, but is compiled as something simpler. */
function noteSimplified({ settings }: Pick<Cluster, 'settings'>, nodes: number, report: Report): void {
  const { encapsulation, cni } = settings;
  const { notModelled } = cniProfile(cni.value);
  if (encapsulation && encapsulation.value !== 'none') {
    report.assume(
      'overlay-as-routed',
      `${cni.value} carries packets between nodes by ${encapsulation.value}, which is not modelled yet: they are treated as routed`,
      undefined,
      nodes,
    );
  }
  if (notModelled !== undefined)
    report.assume(
      'cni-simplified',
      `Not modelled yet: ${notModelled}; ${cni.value} is treated as links, routes and masquerading only`,
      undefined,
      nodes,
    );
  if (cni.value === 'unknown')
    report.assume(
      'unknown-cni',
      'No network plugin was found: pods are put behind a bridge on each node, nodes are routed to each other, and what leaves the cluster is masqueraded',
      "add the plugin's DaemonSet, or say it with --cni",
    );
  if (!proxyCompiler(settings.proxyMode.value))
    report.assume(
      'proxy-mode-not-modelled',
      `kube-proxy mode ${settings.proxyMode.value} is not modelled yet: Services have no rules`,
      undefined,
      nodes,
    );
}

/** `shown`: what dumps of nodes tell of settings. */
export function buildCluster(
  read: ReadResult,
  overrides: ClusterOverrides = {},
  shown: readonly NodeShown[] = [],
): Cluster {
  const report = new Report(read.lineOf);
  const collected = collect(read, overrides.namespace ?? 'default', report);
  const { settings, families, proxyOfNodes } = detect(collected, overrides, report, shown);

  const namespaces = buildNamespaces(collected, report);
  const given = new Set([...collected.nodes.values()].flatMap((n) => Object.values(nodeIPs(n.object))));
  for (const [key, pod] of standInPods(collected, given, report)) collected.pods.set(key, pod);
  const nodes = buildNodes(collected, settings, families, overrides, report);
  const plans = planPods(collected, report);
  const scheduled = schedule(locatePods(collected.pods, nodes), plans, nodes, namespaces, report);
  const pods = addressPods(scheduled, nodes, families, settings, report);
  const services = completeServices(collected.services, families, settings, report);
  const { endpointSlices, unknownEndpoints } = buildEndpointSlices(collected, services, pods, nodes, report);

  checkServices(collected, services, pods, endpointSlices, report);
  checkEndpoints(collected, { settings, nodes, pods, services, endpointSlices }, report);
  checkPods({ pods, nodes }, report);
  noteSubnets(nodes, report);
  noteSimplified({ settings }, nodes.size, report);
  if (pods.size + services.size + collected.nodes.size + collected.workloads.size === 0) {
    report.problem(
      'warning',
      'nothing-to-ask',
      {},
      'the input holds no Pod, workload, Service or Node',
      'Give manifests or a snapshot: kubectl get nodes,pods,services,endpointslices -A -o json',
    );
  }
  return {
    mode: modeOf(collected, plans.length),
    settings,
    ...(proxyOfNodes.size > 0 && { proxyOfNodes }),
    nodes,
    namespaces,
    pods,
    services,
    endpointSlices,
    unknownEndpoints,
    workloads: collected.workloads,
    networkPolicies: collected.networkPolicies,
    configMaps: collected.configMaps,
    unused: collected.unused,
    assumptions: report.assumptions(),
    problems: report.problems,
  };
}
