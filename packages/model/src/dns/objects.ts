/** What a cluster DNS watches, by the keys it looks for: CoreDNS plugin/kubernetes, controller.go and object/. */
import type { Cluster } from '../cluster/cluster.ts';
import { assumedKubernetesService, KUBERNETES_SERVICE } from '../cluster/kubernetes-service.ts';
import type { EndpointSlice, KubeObject, Namespace, Pod, Service } from '../objects/kube.ts';

/** multicluster.x-k8s.io: a Service that another cluster exports. */
export interface ServiceImport extends KubeObject {
  spec: {
    type?: 'ClusterSetIP' | 'Headless';
    ips?: string[];
    ports?: { name?: string; protocol?: string; port: number }[];
  };
}

interface WatchedPort {
  name: string;
  protocol: string;
  port: number;
}

interface WatchedAddress {
  ip: string;
  hostname: string;
  /** Name of the Pod behind it, if it fits into a label. */
  podName: string;
  /** Topology zone, in lower case. */
  zone: string;
}

/** An EndpointSlice: its ready addresses, and its ports. */
export interface WatchedSlice {
  /** `namespace/name` of its Service. */
  service: string;
  /** `multicluster.kubernetes.io/source-cluster`. */
  clusterId: string;
  addresses: WatchedAddress[];
  ports: WatchedPort[];
}

export interface WatchedService {
  namespace: string;
  name: string;
  headless: boolean;
  clusterIPs: string[];
  ports: WatchedPort[];
  /** Target of an ExternalName Service. */
  alias?: string;
  /** `externalIPs`, then addresses and names of load balancers. */
  external: string[];
}

/** Objects without ports count as having one that no record shows. */
export const NO_PORT = -1;
const withoutPorts: readonly WatchedPort[] = [{ name: '', protocol: '', port: NO_PORT }];

function portsOf(ports: readonly { name?: string; protocol?: string; port?: number }[] | undefined): WatchedPort[] {
  if (!ports || ports.length === 0) return [...withoutPorts];
  return ports.map(({ name = '', protocol = '', port = NO_PORT }) => ({ name, protocol, port }));
}

const LABEL_MAX = 63;

function watchedSlice(slice: EndpointSlice, service: string, clusterId: string): WatchedSlice {
  return {
    service,
    clusterId,
    ports: portsOf(slice.ports),
    // An unknown state counts as ready, as the API asks.
    addresses: slice.endpoints
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses, hostname = '', targetRef, zone = '' }) => {
        const podName = targetRef?.name ?? '';
        return addresses.map((ip) => ({
          ip,
          hostname,
          podName: podName.length <= LABEL_MAX ? podName : '',
          zone: zone.toLowerCase(),
        }));
      }),
  };
}

function watchedService({ metadata, spec, status }: Service): WatchedService {
  const { clusterIPs = [], clusterIP = '' } = spec;
  const ips = clusterIPs.length > 0 ? clusterIPs : [clusterIP];
  const ingress = status?.loadBalancer?.ingress ?? [];
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    headless: ips[0] === 'None',
    clusterIPs: ips,
    ports: portsOf(spec.ports),
    ...(spec.type === 'ExternalName' && { alias: spec.externalName ?? '' }),
    external: [...(spec.externalIPs ?? []), ...ingress.map(({ ip, hostname }) => ip || (hostname ?? ''))],
  };
}

function watchedImport({ metadata, spec }: ServiceImport): WatchedService {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    headless: spec.type === 'Headless',
    clusterIPs: spec.ips ?? [],
    // Unlike a Service, one without ports has no records at all (object/serviceimport.go).
    ports: (spec.ports ?? []).map(({ name = '', protocol = '', port }) => ({ name, protocol, port })),
    external: [],
  };
}

function pushTo<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

/** What to watch. Order is kept: it is the order of records. */
export interface DnsSource {
  namespaces: Iterable<Namespace>;
  services: Iterable<Service>;
  endpointSlices: Iterable<EndpointSlice>;
  pods: Iterable<Pod>;
  serviceImports?: Iterable<ServiceImport>;
  /** `namespace/name` of Services whose endpoints are not in the input. */
  unknownEndpoints?: ReadonlySet<string>;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';
const IMPORT_LABEL = 'multicluster.kubernetes.io/service-name';
const CLUSTER_LABEL = 'multicluster.kubernetes.io/source-cluster';
const ENDED = new Set(['Succeeded', 'Failed', 'Unknown']);

/** Keys are `namespace/name`, or an address as it is written. */
export class DnsObjects {
  readonly namespaces = new Set<string>();
  readonly services = new Map<string, WatchedService>();
  readonly imports = new Map<string, WatchedService>();
  readonly slices = new Map<string, WatchedSlice[]>();
  readonly importSlices = new Map<string, WatchedSlice[]>();
  readonly servicesByIP = new Map<string, WatchedService[]>();
  readonly servicesByExternal = new Map<string, WatchedService[]>();
  readonly slicesByIP = new Map<string, WatchedSlice[]>();
  readonly podsByIP = new Map<string, { namespace: string; name: string }[]>();
  readonly unknownEndpoints: ReadonlySet<string>;

  constructor(source: DnsSource) {
    for (const { metadata } of source.namespaces) this.namespaces.add(metadata.name);
    for (const service of source.services) this.#addService(watchedService(service));
    for (const { metadata, spec } of source.serviceImports ?? [])
      this.imports.set(`${metadata.namespace}/${metadata.name}`, watchedImport({ metadata, spec } as ServiceImport));
    for (const slice of source.endpointSlices) this.#addSlice(slice);
    for (const { metadata, status } of source.pods) {
      if (metadata.deletionTimestamp !== undefined || ENDED.has(status?.phase ?? '')) continue;
      if (status?.podIP)
        pushTo(this.podsByIP, status.podIP, { namespace: metadata.namespace ?? '', name: metadata.name });
    }
    this.unknownEndpoints = source.unknownEndpoints ?? new Set();
  }

  #addService(service: WatchedService): void {
    this.services.set(`${service.namespace}/${service.name}`, service);
    for (const ip of service.clusterIPs) pushTo(this.servicesByIP, ip, service);
    for (const external of new Set(service.external)) pushTo(this.servicesByExternal, external, service);
  }

  #addSlice(slice: EndpointSlice): void {
    const { namespace, labels = {} } = slice.metadata;
    const imported = labels[IMPORT_LABEL];
    if (imported !== undefined) {
      const key = `${namespace}/${imported}`;
      pushTo(this.importSlices, key, watchedSlice(slice, key, labels[CLUSTER_LABEL] ?? ''));
    }
    const name = labels[SERVICE_LABEL];
    if (name === undefined) return;
    const key = `${namespace}/${name}`;
    const watched = watchedSlice(slice, key, '');
    pushTo(this.slices, key, watched);
    for (const ip of new Set(watched.addresses.map((a) => a.ip))) pushTo(this.slicesByIP, ip, watched);
  }
}

function* objectsOf<T>(map: ReadonlyMap<string, { object: T }>): Generator<T> {
  for (const { object } of map.values()) yield object;
}

function* labelledSlices(cluster: Cluster): Generator<EndpointSlice> {
  for (const [key, slices] of cluster.endpointSlices) {
    const name = key.slice(key.indexOf('/') + 1);
    // Slices that podwire made of Endpoints or for a Service belong to it by their key.
    for (const { object } of slices)
      yield {
        ...object,
        metadata: { ...object.metadata, labels: { ...object.metadata.labels, [SERVICE_LABEL]: name } },
      };
  }
}

export function dnsObjectsOf(cluster: Cluster): DnsObjects {
  const kubernetes = assumedKubernetesService(cluster);
  const namespaces = [...objectsOf(cluster.namespaces)];
  const services = [...objectsOf(cluster.services)];
  const unknownEndpoints = new Set(cluster.unknownEndpoints);
  if (kubernetes) {
    services.push(kubernetes);
    namespaces.push({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    unknownEndpoints.add(KUBERNETES_SERVICE);
  }
  const [endpointSlices, pods] = [labelledSlices(cluster), objectsOf(cluster.pods)];
  return new DnsObjects({ namespaces, services, endpointSlices, pods, unknownEndpoints });
}
