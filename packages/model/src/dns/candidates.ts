/** Which Services, endpoints and pods a name stands for (CoreDNS plugin/kubernetes, kubernetes.go). */
import { parseAddress } from '@podwire/engine';
import { type KubernetesName, parseKubernetesName } from './kubernetes-name.ts';
import { isReverse, reverseAddress, zoneOf } from './names.ts';
import type { DnsObjects, WatchedService, WatchedSlice } from './objects.ts';
import { addressType } from './record.ts';

/** The `kubernetes` plugin's settings. */
export interface KubernetesZones {
  /** Absolute, in lower case; reverse zones included. */
  zones: readonly string[];
  /** Whether `10-244-1-5.shop.pod.cluster.local` exists: never, if it is an address, if a Pod has it. */
  pods: 'disabled' | 'insecure' | 'verified';
  /** In seconds, also of answers that something does not exist. */
  ttl: number;
  /** Names in other namespaces do not exist. */
  exposedNamespaces: readonly string[] | 'all';
  /** Services with a cluster IP and no ready endpoint do not exist. */
  ignoreEmptyService: boolean;
  /** Endpoints without a hostname are called after their Pod. */
  endpointPodNames: boolean;
  /** `ZONE.pin._zone.SERVICE...` exist. */
  zonal: boolean;
  /** These serve ServiceImports instead of Services. */
  multiclusterZones: readonly string[];
  /** Addresses that the server itself listens on. */
  ownAddresses: readonly string[];
  /** False until the server has read the cluster for the first time. */
  synced: boolean;
  /** False with `noendpoints`: endpoints are not watched. */
  endpoints: boolean;
  /** Below these, what does not exist is left to the plugins behind. */
  fallthrough: readonly string[];
}

export const defaultZones: Omit<KubernetesZones, 'zones'> = {
  pods: 'disabled',
  ttl: 5,
  exposedNamespaces: 'all',
  ignoreEmptyService: false,
  endpointPodNames: false,
  zonal: false,
  multiclusterZones: [],
  ownAddresses: [],
  synced: true,
  endpoints: true,
  fallthrough: [],
};

/** One record that could be made. */
export interface Candidate {
  /** An address, or the name that an alias leads to. */
  host: string;
  port: number;
  ttl: number;
  /** Name of this one among all that the question's name stands for: what SRV records point at. */
  owner: string;
}

export interface Found {
  candidates: Candidate[];
  /** As in `DnsResponse`. */
  unknown?: string;
}

/** A zone of the plugin in one question. */
export interface ZoneView {
  objects: DnsObjects;
  config: KubernetesZones;
  /** Letters as the client wrote them. */
  zone: string;
}

const nothing: Found = { candidates: [] };

export function isExposed({ objects, config }: Pick<ZoneView, 'objects' | 'config'>, namespace: string): boolean {
  const { exposedNamespaces } = config;
  return (exposedNamespaces === 'all' || exposedNamespaces.includes(namespace)) && objects.namespaces.has(namespace);
}

/** The label of an endpoint: its hostname, the Pod's name where wanted, else its address with dashes. */
export function endpointLabel(
  { hostname, podName, ip }: { hostname: string; podName: string; ip: string },
  byPodName: boolean,
): string {
  if (hostname !== '') return hostname;
  if (byPodName && podName !== '') return podName;
  const dashed = ip.replaceAll(/[.:]/g, '-');
  // A label ends with no dash.
  return dashed.endsWith('-') ? `${dashed}0` : dashed;
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function takesPort(asked: KubernetesName, port: { name: string; protocol: string }): boolean {
  return (!asked.port || same(asked.port, port.name)) && (!asked.protocol || same(asked.protocol, port.protocol));
}

/** `10-244-1-5` and `fd00--5`. */
function addressOfLabel(label: string): string {
  const isIPv4 = label.split('-').length === 4 && !label.includes('--');
  return label.replaceAll('-', isIPv4 ? '.' : ':');
}

function findPods(view: ZoneView, namespace: string, label: string | undefined): Found | undefined {
  const { objects, config, zone } = view;
  if (config.pods === 'disabled') return undefined;
  if (label === undefined) return nothing;
  const address = addressOfLabel(label);
  const candidate = { host: address, port: 0, ttl: config.ttl, owner: `${label}.${namespace}.pod.${zone}` };
  if (config.pods === 'insecure') return parseAddress(address) ? { candidates: [candidate] } : undefined;
  const pods = (objects.podsByIP.get(address) ?? []).filter((pod) => pod.namespace === namespace);
  return pods.length === 0 ? undefined : { candidates: pods.map(() => candidate) };
}

interface Lookup {
  view: ZoneView;
  asked: KubernetesName;
  service: WatchedService;
  slices: readonly WatchedSlice[];
  /** `SERVICE.NAMESPACE.svc.ZONE` */
  name: string;
}

function endpointsIn({ view, asked, slices, name }: Lookup, topologyZone: string | undefined): Candidate[] {
  const { endpointPodNames, ttl } = view.config;
  return slices.flatMap(({ addresses, ports, clusterId }) =>
    addresses.flatMap((address) => {
      const label = endpointLabel(address, endpointPodNames);
      if (topologyZone !== undefined && address.zone !== topologyZone) return [];
      if (asked.endpoint !== undefined && !(same(asked.endpoint, label) && same(asked.cluster ?? '', clusterId)))
        return [];
      const owner = clusterId === '' ? `${label}.${name}` : `${label}.${clusterId}.${name}`;
      return ports.filter((port) => takesPort(asked, port)).map(({ port }) => ({ host: address.ip, port, ttl, owner }));
    }),
  );
}

function endpointCandidates(lookup: Lookup): Candidate[] {
  const { zone, prefer } = lookup.asked;
  const near = endpointsIn(lookup, zone);
  return near.length === 0 && prefer ? endpointsIn(lookup, undefined) : near;
}

function serviceCandidates(lookup: Lookup): Found | undefined {
  const { view, asked, service, name } = lookup;
  const { config } = view;
  const key = `${service.namespace}/${service.name}`;
  const hidden = view.objects.unknownEndpoints.has(key) ? `the EndpointSlices of Service ${key}` : undefined;
  const isAlias = service.alias !== undefined;
  if (config.ignoreEmptyService && !isAlias && !service.headless) {
    if (hidden !== undefined) return { candidates: [], unknown: hidden };
    if (lookup.slices.every(({ addresses }) => addresses.length === 0)) return undefined;
  }
  if (asked.zone !== undefined && !service.headless) return undefined;
  if (service.alias !== undefined) {
    if (asked.endpoint !== undefined || asked.port || asked.protocol) return undefined;
    // An address is no name to be an alias of.
    if (parseAddress(service.alias)) return undefined;
    return { candidates: [{ host: service.alias, port: 0, ttl: config.ttl, owner: name }] };
  }
  if (service.headless || asked.endpoint !== undefined) {
    if (hidden !== undefined) return { candidates: [], unknown: hidden };
    const candidates = endpointCandidates(lookup);
    return candidates.length > 0 || asked.zone !== undefined ? { candidates } : undefined;
  }
  const ports = service.ports.filter((port) => takesPort(asked, port));
  if (ports.length === 0) return undefined;
  return {
    candidates: ports.flatMap(({ port }) =>
      service.clusterIPs.map((host) => ({ host, port, ttl: config.ttl, owner: name })),
    ),
  };
}

function isMulticluster({ config, zone }: ZoneView): boolean {
  return zoneOf(config.multiclusterZones, zone) !== undefined;
}

/** What a name stands for. No candidates: it exists, but has no such records. Undefined: no such name. */
export function findCandidates(view: ZoneView, name: string): Found | undefined {
  const { objects, config, zone } = view;
  const multicluster = isMulticluster(view);
  const asked = parseKubernetesName(name, zone, { multicluster, zonal: config.zonal });
  if (!asked) return undefined;
  const { type, namespace } = asked;
  if (type === undefined || namespace === undefined) return nothing;
  if (isReverse(name) || !isExposed(view, namespace)) return undefined;
  if (type === 'pod') return findPods(view, namespace, asked.service);
  if (asked.service === undefined) return nothing;
  const key = `${namespace}/${asked.service}`;
  const service = (multicluster ? objects.imports : objects.services).get(key);
  if (!service) return undefined;
  const slices = config.endpoints ? ((multicluster ? objects.importSlices : objects.slices).get(key) ?? []) : [];
  return serviceCandidates({ view, asked, service, slices, name: `${service.name}.${namespace}.svc.${zone}` });
}

/** Names that an address has: its Service's, or else those of the endpoints that have it. */
export function findNames({ objects, config }: ZoneView, name: string): Candidate[] | undefined {
  const ip = reverseAddress(name);
  if (ip === undefined) return undefined;
  const primary = config.zones.find((zone) => !isReverse(`.${zone}`));
  const { ttl, exposedNamespaces, endpointPodNames } = config;
  const isShown = (namespace: string): boolean =>
    exposedNamespaces === 'all' || isExposed({ objects, config }, namespace);
  const candidate = (host: string): Candidate => ({ host, port: 0, ttl, owner: name });
  const service = (objects.servicesByIP.get(ip) ?? []).find(({ namespace }) => isShown(namespace));
  if (service) return [candidate(`${service.name}.${service.namespace}.svc.${primary}`)];
  if (!config.endpoints) return [];
  return (objects.slicesByIP.get(ip) ?? []).flatMap(({ service: key, addresses }) => {
    const [namespace = '', serviceName = ''] = key.split('/');
    if (!isShown(namespace)) return [];
    return addresses
      .filter((address) => address.ip === ip)
      .map((address) =>
        candidate(`${endpointLabel(address, endpointPodNames)}.${serviceName}.${namespace}.svc.${primary}`),
      );
  });
}

/** Names and addresses of the server itself: of the Services that it is an endpoint of, or `ns.dns.ZONE` (ns.go). */
export function ownNames({ objects, config, zone }: ZoneView): Candidate[] {
  const { ownAddresses, ttl, endpointPodNames } = config;
  const own = ownAddresses.flatMap((ip) => objects.slicesByIP.get(ip) ?? []);
  const candidate = (name: string, host: string): Candidate => ({ host, port: 0, ttl, owner: name });
  if (own.length === 0) return ownAddresses.map((ip) => candidate(`ns.dns.${zone}`, ip));
  return own.flatMap(({ service: key, addresses }) => {
    const service = objects.services.get(key);
    if (!service) return [];
    const name = `${service.name}.${service.namespace}.svc.${zone}`;
    return service.headless
      ? addresses.map((a) => candidate(`${endpointLabel(a, endpointPodNames)}.${name}`, a.ip))
      : service.clusterIPs.map((ip) => candidate(name, ip));
  });
}

/** Those with an address of one type, each address once. */
export function ofType(candidates: readonly Candidate[], type: string): Candidate[] {
  const seen = new Set<string>();
  return candidates.filter(({ host }) => {
    if (addressType(host) !== type || seen.has(host)) return false;
    seen.add(host);
    return true;
  });
}
