/** The DNS of one cluster: which addresses its pods ask, which server stands behind an address, and with what Corefile. */
import { formatAddress } from '@podwire/engine';
import type { Cluster, Placed, Setting } from '../cluster/cluster.ts';
import { nodeCacheAddresses } from '../dataplane/node-local-dns.ts';
import { canonical, nth, parseCIDR } from '../net/cidr.ts';
import type { ConfigMap, Pod, Service, Workload } from '../objects/kube.ts';
import { nodeIPs } from '../objects/pod-facts.ts';
import type { Origin } from '../read/source.ts';
import { type Corefile, parseCorefile } from './corefile.ts';
import { type DnsObjects, dnsObjectsOf } from './objects.ts';
import type { DnsQuestion } from './record.ts';
import { type PodResolvConf, podResolvConf } from './resolv-conf.ts';
import { askServer, type CoreDns, type ServerAnswer } from './server.ts';

interface DnsServer {
  kind: 'coredns' | 'node-local';
  server: CoreDns;
  /** Where the Corefile was read; absent where the usual one is assumed. */
  config?: { configMap: string; origin?: Origin };
}

export interface ClusterDns {
  /** What kubelets are told. */
  addresses: Setting<string[]>;
  /** The Service with that address, `namespace/name`. */
  service?: string;
  coredns: DnsServer;
  /** The NodeLocal DNS cache, where its DaemonSet is in the input. */
  nodeLocal?: DnsServer & { addresses: string[]; workload: Placed<Workload> };
  /** The server behind an address; undefined: none of the cluster's. */
  serverAt(address: string): DnsServer | undefined;
  /** Asks the server behind an address; what it forwards to another server of the cluster is asked there. */
  ask(address: string, question: DnsQuestion): ServerAnswer;
  resolvConfOf(pod: Pod, nodeResolvConf?: string): PodResolvConf | { error: string };
}

/** What kubeadm installs (cmd/kubeadm/app/phases/addons/dns/manifests.go). */
function usualCorefile(domain: string): string {
  return `.:53 {
    errors
    health
    ready
    kubernetes ${domain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}
`;
}

/** `dns-default` is OpenShift's. */
const SERVICE_NAMES = ['kube-system/kube-dns', 'kube-system/coredns', 'openshift-dns/dns-default'];

function dnsService(cluster: Cluster, addresses: readonly string[] | undefined): [string, Service] | undefined {
  const ipsOf = ({ spec }: Service): string[] =>
    [...(spec.clusterIPs ?? []), spec.clusterIP ?? ''].flatMap((ip) => canonical(ip) ?? []);
  if (addresses) {
    for (const [key, { object }] of cluster.services)
      if (ipsOf(object).some((ip) => addresses.includes(ip))) return [key, object];
    return undefined;
  }
  for (const key of SERVICE_NAMES) {
    const placed = cluster.services.get(key);
    if (placed) return [key, placed.object];
  }
  for (const [key, { object }] of cluster.services)
    if (object.metadata.labels?.['k8s-app'] === 'kube-dns' && ipsOf(object).length > 0) return [key, object];
  return undefined;
}

/** kubeadm gives the cluster DNS the tenth address of the Service network. */
const OFFSET = 10;

function addressesOf(cluster: Cluster, service: Service | undefined): Setting<string[]> {
  const { clusterDNS, serviceCIDRs } = cluster.settings;
  if (clusterDNS) return clusterDNS;
  const own = service?.spec.clusterIPs?.flatMap((ip) => canonical(ip) ?? []) ?? [];
  if (service && own.length > 0) {
    const why = `the address of Service ${service.metadata.namespace}/${service.metadata.name}`;
    return { value: own, how: 'detected', why };
  }
  const value = serviceCIDRs.value.flatMap((cidr) => {
    const prefix = parseCIDR(cidr);
    const address = prefix && nth(prefix, OFFSET);
    return address ? [formatAddress(address)] : [];
  });
  return { value, how: 'assumed', why: 'the tenth address of the Service network, as kubeadm sets it' };
}

/** ConfigMaps that hold a Corefile, kube-system/coredns first. */
function corefileMap(cluster: Cluster, isNodeLocal: boolean): Placed<ConfigMap> | undefined {
  const all = [...cluster.configMaps].filter(
    ([, { object }]) =>
      object.data?.Corefile !== undefined && object.metadata.name.includes('node-local-dns') === isNodeLocal,
  );
  const named = all.find(([key]) => key === 'kube-system/coredns');
  const likely = all.find(([, { object }]) => object.metadata.name.includes(isNodeLocal ? 'node-local-dns' : 'dns'));
  return (named ?? likely)?.[1];
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function globs(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
}

/** Files beside the Corefile are keys of its ConfigMap; those of `custom/` are of a second one (k3s, AKS). */
function importedFiles(cluster: Cluster, map: ConfigMap, pattern: string): string[] | undefined {
  const folder = pattern.includes('/') ? basename(pattern.slice(0, pattern.lastIndexOf('/'))) : 'coredns';
  const isCustom = folder === 'custom';
  if (!isCustom && folder !== 'coredns') return undefined;
  const name = isCustom ? `${map.metadata.name}-custom` : map.metadata.name;
  const data = cluster.configMaps.get(`${map.metadata.namespace}/${name}`)?.object.data ?? {};
  const matches = globs(basename(pattern));
  return Object.keys(data)
    .filter((key) => matches.test(key))
    .sort()
    .map((key) => data[key] as string);
}

function serverOf(
  cluster: Cluster,
  objects: DnsObjects,
  kind: DnsServer['kind'],
  ownAddresses: readonly string[],
): DnsServer {
  const placed = corefileMap(cluster, kind === 'node-local');
  const map = placed?.object;
  const text = map?.data?.Corefile ?? usualCorefile(cluster.settings.clusterDomain.value);
  const corefile: Corefile = parseCorefile(text, (pattern) => map && importedFiles(cluster, map, pattern));
  const file = (path: string): string | undefined => map?.data?.[basename(path)];
  return {
    kind,
    server: { corefile, objects, ownAddresses, file },
    ...(placed && {
      config: {
        configMap: `${placed.object.metadata.namespace}/${placed.object.metadata.name}`,
        ...(placed.origin && { origin: placed.origin }),
      },
    }),
  };
}

/** The DaemonSet of the NodeLocal DNS cache, and the addresses it listens on (`-localip`). */
function nodeLocalWorkload(cluster: Cluster): { workload: Placed<Workload>; addresses: string[] } | undefined {
  for (const workload of cluster.workloads.values()) {
    if (workload.object.kind !== 'DaemonSet') continue;
    for (const container of workload.object.spec.template?.spec?.containers ?? []) {
      const addresses = nodeCacheAddresses(container);
      if (addresses) return { workload, addresses };
    }
  }
  return undefined;
}

/** How often a question may be handed on. */
const FORWARDS_MAX = 4;
/** What the NodeLocal cache puts in for the address of the Service in front of CoreDNS. */
const CLUSTER_DNS_PLACEHOLDER = '__PILLAR__CLUSTER__DNS__';

function build(cluster: Cluster): ClusterDns {
  const objects = dnsObjectsOf(cluster);
  const found = dnsService(cluster, cluster.settings.clusterDNS?.value);
  const addresses = addressesOf(cluster, found?.[1]);
  const backends = (found && objects.slices.get(found[0])) ?? [];
  const coredns = serverOf(
    cluster,
    objects,
    'coredns',
    backends.flatMap((s) => s.addresses.map((a) => a.ip)).slice(0, 1),
  );
  const local = nodeLocalWorkload(cluster);
  const nodeLocal = local && { ...serverOf(cluster, objects, 'node-local', local.addresses), ...local };
  const backendIPs = new Set(backends.flatMap((slice) => slice.addresses.map((a) => a.ip)));
  const isCluster = (address: string): boolean =>
    addresses.value.includes(address) ||
    backendIPs.has(address) ||
    (objects.servicesByIP.get(address) ?? []).some((service) =>
      (objects.slices.get(`${service.namespace}/${service.name}`) ?? []).some((slice) =>
        slice.addresses.some((a) => backendIPs.has(a.ip)),
      ),
    );
  const serverAt = (address: string): DnsServer | undefined => {
    if (nodeLocal?.addresses.includes(address)) return nodeLocal;
    return isCluster(address) ? coredns : undefined;
  };
  const askAt = (server: DnsServer, question: DnsQuestion, depth: number): ServerAnswer => {
    const answer = askServer(server.server, question);
    const [to] = answer.forwardedTo ?? [];
    if (to === undefined || depth >= FORWARDS_MAX) return answer;
    const next = to === CLUSTER_DNS_PLACEHOLDER ? coredns : isCluster(to) ? coredns : undefined;
    return next === undefined || next === server ? answer : askAt(next, question, depth + 1);
  };
  return {
    addresses,
    ...(found && { service: found[0] }),
    coredns,
    ...(nodeLocal && { nodeLocal }),
    serverAt,
    ask(address, question) {
      const server = serverAt(address);
      if (server) return askAt(server, question, 0);
      return {
        rcode: 'NOERROR',
        answer: [],
        authority: [],
        additional: [],
        truncated: false,
        by: 'a server outside',
        unknown: `what ${address === '' ? "the node's own nameserver" : address} answers for ${question.name} ${question.type}`,
      };
    },
    resolvConfOf(pod, nodeResolvConf = '') {
      const node = cluster.nodes.get(pod.spec.nodeName ?? '')?.object;
      return podResolvConf(pod, {
        clusterDNS: addresses.value,
        clusterDomain: (cluster.settings.kubeletDomain ?? cluster.settings.clusterDomain).value,
        nodeResolvConf,
        nodeIPs: node ? Object.values(nodeIPs(node)) : [],
      });
    },
  };
}

const known = new WeakMap<Cluster, ClusterDns>();

/** Built when first asked for. */
export function clusterDnsOf(cluster: Cluster): ClusterDns {
  const found = known.get(cluster) ?? build(cluster);
  known.set(cluster, found);
  return found;
}
