/** Service default/kubernetes, which the API server makes itself: no manifest has it, and every cluster does. */
import { formatAddress } from '@podwire/engine';
import { nth, parseCIDR } from '../net/cidr.ts';
import type { Namespace, Service } from '../objects/kube.ts';
import { apiServerSlices } from './api-server.ts';
import type { Cluster } from './cluster.ts';
import { sortedByKey } from './collect.ts';
import { Report } from './report.ts';

export const KUBERNETES_SERVICE = 'default/kubernetes';

/** It with the first address of the Service network; undefined where the input has it, or has no such network. */
export function assumedKubernetesService({
  services,
  settings,
}: Pick<Cluster, 'services' | 'settings'>): Service | undefined {
  if (services.has(KUBERNETES_SERVICE)) return undefined;
  const prefix = parseCIDR(settings.serviceCIDRs.value[0] ?? '');
  const address = prefix && nth(prefix, 1);
  if (!address) return undefined;
  const ip = formatAddress(address);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: 'default' },
    spec: { clusterIP: ip, clusterIPs: [ip], ports: [{ name: 'https', protocol: 'TCP', port: 443 }] },
  };
}

const DEFAULT_NAMESPACE: Namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'default', labels: { 'kubernetes.io/metadata.name': 'default' } },
};

/** The cluster with it, and its endpoints where API servers are seen; undefined where it has it, or has no Service network. */
export function withKubernetesService(cluster: Cluster): Cluster | undefined {
  const object = assumedKubernetesService(cluster);
  if (!object) return undefined;
  const placed = { object: { ...object, spec: { ...object.spec, type: 'ClusterIP' as const } } };
  const report = new Report(({ line }) => line);
  const slices = apiServerSlices(placed, cluster.pods, cluster.nodes, report);
  const unknownEndpoints = new Set(cluster.unknownEndpoints);
  if (slices.length === 0) unknownEndpoints.add(KUBERNETES_SERVICE);
  return {
    ...cluster,
    namespaces: cluster.namespaces.has('default')
      ? cluster.namespaces
      : sortedByKey(new Map(cluster.namespaces).set('default', { object: DEFAULT_NAMESPACE })),
    services: sortedByKey(new Map(cluster.services).set(KUBERNETES_SERVICE, placed)),
    endpointSlices: sortedByKey(new Map(cluster.endpointSlices).set(KUBERNETES_SERVICE, slices)),
    unknownEndpoints,
    assumptions: [...cluster.assumptions, ...report.assumptions()],
  };
}
