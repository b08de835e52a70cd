/**
 * Names as a pod's resolver and the cluster DNS would take them (dns-specification 1.1.0): which Service, endpoint or pod a name stands for.
 * Only what is in the cluster: a name outside has an address that nobody here knows.
 */
import { parseAddress } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';

export type DnsAnswer =
  | {
      kind: 'service';
      key: string /** The host label before the Service's name, of a headless Service. */;
      hostname?: string;
    }
  | { kind: 'address'; address: string };

/** The name without the cluster's domain; undefined where it is not one the cluster DNS answers for under this search path. */
function candidates(name: string, namespace: string, domain: string): string[] {
  const absolute = name.endsWith('.');
  const bare = (absolute ? name.slice(0, -1) : name).toLowerCase();
  // The search path of a pod: its namespace's Services, all Services, the cluster's domain, then the name as it is.
  const full = absolute
    ? [bare]
    : [`${bare}.${namespace}.svc.${domain}`, `${bare}.svc.${domain}`, `${bare}.${domain}`, bare];
  return full.filter((n) => n.endsWith(`.${domain}`)).map((n) => n.slice(0, -domain.length - 1));
}

function podAddress(label: string): string | undefined {
  const v4 = label.replaceAll('-', '.');
  if (parseAddress(v4)) return v4;
  const v6 = label.replaceAll('-', ':');
  return parseAddress(v6) ? v6 : undefined;
}

/** Looks a name up as a pod of `namespace` would. Undefined: the cluster has no such name. */
export function lookUp(cluster: Cluster, name: string, namespace: string): DnsAnswer | undefined {
  for (const candidate of candidates(name, namespace, cluster.settings.clusterDomain.value)) {
    const labels = candidate.split('.');
    const type = labels.pop();
    if (type === 'svc' && (labels.length === 2 || labels.length === 3)) {
      const [service, inNamespace] = labels.slice(-2);
      const key = `${inNamespace}/${service}`;
      if (!cluster.services.has(key)) continue;
      const hostname = labels.length === 3 ? labels[0] : undefined;
      return { kind: 'service', key, ...(hostname !== undefined && { hostname }) };
    }
    if (type === 'pod' && labels.length === 2) {
      const address = podAddress(labels[0] as string);
      if (address !== undefined) return { kind: 'address', address };
    }
  }
  return undefined;
}
