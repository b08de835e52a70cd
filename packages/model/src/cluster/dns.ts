/**
 * Names as a pod's resolver and the cluster DNS take them (Kubernetes DNS-based service discovery, 1.1.0): what addresses a name stands
 * for. Only names inside the cluster's domain: what the world outside would answer nobody here knows.
 */
import { formatAddress, parseAddress } from '@podwire/engine';
import { canonical } from '../net/cidr.ts';
import type { Cluster } from './cluster.ts';
import { isHeadless } from './pod-facts.ts';

export type DnsAnswer =
  /** `clusterIPs` of a Service, primary first. */
  | { kind: 'service'; key: string; name: string; addresses: string[] }
  /** Endpoints of a headless Service; with `hostname` those of that name only. */
  | { kind: 'headless'; key: string; name: string; hostname?: string; addresses: string[] }
  /** A name by the pod's address: `10-244-1-5.shop.pod.cluster.local`. */
  | { kind: 'pod'; name: string; address: string }
  /** ExternalName: the resolver goes on with `target`, which is looked up as it stands. */
  | { kind: 'alias'; key: string; name: string; target: string };

/** The names that a pod's resolver tries in turn: its namespace's Services, all Services, the cluster's domain (`ndots:5`), then the name alone. */
export function searchNames(name: string, namespace: string, domain: string): string[] {
  const bare = name.toLowerCase();
  if (bare.endsWith('.')) return [bare.slice(0, -1)];
  const expanded = [`${bare}.${namespace}.svc.${domain}`, `${bare}.svc.${domain}`, `${bare}.${domain}`];
  const dots = bare.split('.').length - 1;
  return dots >= 5 ? [bare, ...expanded] : [...expanded, bare];
}

/** `10-244-1-5` and `fd00-10-244--5`; undefined for any other label. */
function addressOfLabel(label: string): string | undefined {
  const address = parseAddress(label.replaceAll('-', '.')) ?? parseAddress(label.replaceAll('-', ':'));
  return address && formatAddress(address);
}

/** CoreDNS names an endpoint by its hostname, else by its address with dashes (plugin/kubernetes, `endpointHostname`). */
function endpointLabel(hostname: string | undefined, address: string): string {
  return hostname || address.replaceAll('.', '-').replaceAll(':', '-');
}

/** Addresses that DNS gives for a headless Service: of ready endpoints (publishNotReadyAddresses makes all ready), each once. */
function headlessAddresses(cluster: Cluster, key: string, hostname: string | undefined): string[] {
  const found = new Set<string>();
  for (const { object } of cluster.endpointSlices.get(key) ?? []) {
    for (const endpoint of object.endpoints) {
      if (endpoint.conditions?.ready === false) continue;
      for (const text of endpoint.addresses) {
        const address = canonical(text);
        if (address === undefined) continue;
        if (hostname === undefined || endpointLabel(endpoint.hostname, address) === hostname) found.add(address);
      }
    }
  }
  return [...found];
}

function serviceAnswer(
  cluster: Cluster,
  key: string,
  name: string,
  hostname: string | undefined,
): DnsAnswer | undefined {
  const service = cluster.services.get(key)?.object;
  if (!service) return undefined;
  const { spec } = service;
  if (spec.type === 'ExternalName') {
    return hostname === undefined && spec.externalName
      ? { kind: 'alias', key, name, target: spec.externalName }
      : undefined;
  }
  if (isHeadless(service)) {
    const addresses = headlessAddresses(cluster, key, hostname);
    if (hostname === undefined) return { kind: 'headless', key, name, addresses };
    return addresses.length === 0 ? undefined : { kind: 'headless', key, name, hostname, addresses };
  }
  if (hostname !== undefined) return undefined;
  return { kind: 'service', key, name, addresses: (spec.clusterIPs ?? []).flatMap((ip) => canonical(ip) ?? []) };
}

/** One full name, as the cluster DNS answers it. Undefined: no such name there. */
function resolveFull(cluster: Cluster, name: string, domain: string): DnsAnswer | undefined {
  if (!name.endsWith(`.${domain}`)) return undefined;
  const labels = name.slice(0, -domain.length - 1).split('.');
  const type = labels.pop();
  const namespace = labels.pop();
  const last = labels.pop();
  if (namespace === undefined || last === undefined || labels.length > 1) return undefined;
  if (type === 'svc') return serviceAnswer(cluster, `${namespace}/${last}`, name, labels[0]);
  if (type !== 'pod' || labels.length > 0 || !cluster.namespaces.has(namespace)) return undefined;
  const address = addressOfLabel(last);
  return address === undefined ? undefined : { kind: 'pod', name, address };
}

/** Looks a name up as a pod of `namespace` would. Undefined: the cluster DNS has no answer, and the name is one for the world outside. */
export function resolveName(cluster: Cluster, name: string, namespace: string): DnsAnswer | undefined {
  const domain = cluster.settings.clusterDomain.value.toLowerCase();
  for (const candidate of searchNames(name, namespace, domain)) {
    const answer = resolveFull(cluster, candidate, domain);
    if (answer) return answer;
  }
  return undefined;
}
