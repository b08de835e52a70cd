/** What a name means to a pod: the object behind it, found by the questions that the pod's resolver would ask (glibc's). */
import type { Cluster } from '../cluster/cluster.ts';
import { KUBERNETES_SERVICE } from '../cluster/kubernetes-service.ts';
import type { Pod } from '../objects/kube.ts';
import { type Attempt, resolve } from './client.ts';
import { type ClusterDns, clusterDnsOf } from './cluster-dns.ts';
import { parseKubernetesName } from './kubernetes-name.ts';
import { absolute, isWithin } from './names.ts';
import type { ResolvConf } from './resolv-conf.ts';

export type DnsAnswer =
  /** `clusterIPs` of a Service, primary first. */
  | { kind: 'service'; key: string; name: string; addresses: string[] }
  /** Endpoints of a headless Service; with `hostname` those of that name only. */
  | { kind: 'headless'; key: string; name: string; hostname?: string; addresses: string[] }
  /** A name by the pod's address: `10-244-1-5.shop.pod.cluster.local`. */
  | { kind: 'pod'; name: string; address: string }
  /** ExternalName: the resolver goes on with `target`, which is looked up as it stands. */
  | { kind: 'alias'; key: string; name: string; target: string }
  /** A name that the cluster DNS knows by another plugin than `kubernetes`. */
  | { kind: 'addresses'; name: string; addresses: string[] };

/** Who asks. Without a Pod, or where its own resolver asks elsewhere, names are taken as any pod of the namespace would. */
export interface Asker {
  namespace: string;
  pod?: Pod;
}

function confOf(cluster: Cluster, dns: ClusterDns, { namespace, pod }: Asker): ResolvConf {
  const own = pod && dns.resolvConfOf(pod);
  if (own && !('error' in own) && own.type === 'cluster') return own;
  const domain = cluster.settings.clusterDomain.value;
  return {
    nameservers: dns.addresses.value,
    searches: [`${namespace}.svc.${domain}`, `svc.${domain}`, domain],
    options: ['ndots:5'],
  };
}

function foundAddresses({ questions }: Attempt): string[] {
  const records = questions.flatMap(({ answer }) => answer.answer);
  return [...new Set(records.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ rdata }) => rdata))];
}

/** The object whose name was asked for. */
function objectOf(cluster: Cluster, attempt: Attempt): DnsAnswer | undefined {
  const name = attempt.name.slice(0, -1).toLowerCase();
  const zone = absolute(cluster.settings.clusterDomain.value.toLowerCase());
  const asked = isWithin(zone, attempt.name)
    ? parseKubernetesName(attempt.name.toLowerCase(), zone, { multicluster: false, zonal: false })
    : undefined;
  const addresses = foundAddresses(attempt);
  const exists = attempt.outcome === 'found' || attempt.outcome === 'unknown';
  if (asked?.type === 'pod' && addresses[0] !== undefined) return { kind: 'pod', name, address: addresses[0] };
  const key = `${asked?.namespace}/${asked?.service}`;
  const service =
    asked?.type === 'svc' && !asked.port && !asked.protocol ? cluster.services.get(key)?.object : undefined;
  // Nothing that podwire traces is behind the Service that it only assumed.
  if (!service && asked?.type === 'svc' && key === KUBERNETES_SERVICE) return undefined;
  if (!service) return addresses.length > 0 ? { kind: 'addresses', name, addresses } : undefined;
  const hostname = asked?.endpoint;
  const { type, externalName } = service.spec;
  if (type === 'ExternalName') {
    const isThere = hostname === undefined && (exists || attempt.outcome === 'no-data');
    return isThere && externalName ? { kind: 'alias', key, name, target: externalName } : undefined;
  }
  const isHeadless = service.spec.clusterIP === 'None' || (service.spec.clusterIPs?.includes('None') ?? false);
  // A headless Service without ready endpoints has no name, but it is the one that was meant.
  if (isHeadless && hostname === undefined) return { kind: 'headless', key, name, addresses };
  if (!exists) return undefined;
  return hostname === undefined
    ? { kind: 'service', key, name, addresses }
    : { kind: 'headless', key, name, hostname, addresses };
}

/** Undefined: the cluster DNS has no answer, and the name is one for the world outside. */
export function resolveName(cluster: Cluster, name: string, asker: Asker): DnsAnswer | undefined {
  const dns = clusterDnsOf(cluster);
  const conf = confOf(cluster, dns, asker);
  const [nameserver] = conf.nameservers;
  const resolution = resolve('glibc', name, conf, (question) => dns.ask(nameserver ?? '', question));
  for (const attempt of resolution.attempts) {
    const object = objectOf(cluster, attempt);
    if (object) return object;
  }
  return undefined;
}
