/** Service default/kubernetes, which the API server makes itself: no manifest has it, and every cluster does. */
import { formatAddress } from '@podwire/engine';
import { nth, parseCIDR } from '../net/cidr.ts';
import type { Service } from '../objects/kube.ts';
import type { Cluster } from './cluster.ts';

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
