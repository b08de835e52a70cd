/**
 * EndpointSlices as the endpointslice controller would write them (staging/src/k8s.io/endpointslice: reconciler.go, utils.go), and
 * Endpoints turned into slices as the mirroring controller does.
 */

import { canonical, familyOf } from '../net/cidr.ts';
import type {
  EndpointConditions,
  EndpointSlice,
  Endpoints,
  IPFamily,
  Node,
  Pod,
  Service,
  ServicePort,
} from '../objects/kube.ts';
import { matchesPairs } from '../objects/labels.ts';
import type { Placed } from './cluster.ts';
import { hexDigits, suffix } from './names.ts';
import { declaredPorts, isHeadless, isOver, isPodReady, podAddresses } from './pod-facts.ts';

type Endpoint = EndpointSlice['endpoints'][number];
type SlicePort = NonNullable<EndpointSlice['ports']>[number];

const MAX_ENDPOINTS = 100;

const ZONE = 'topology.kubernetes.io/zone';

/** The container port that a Service port leads to on a pod (pkg/api/v1/pod, `FindPort`); undefined where a name is not found. */
export function findPort(pod: Pick<Pod, 'spec'>, port: ServicePort): number | undefined {
  const target =
    port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '' ? port.port : port.targetPort;
  if (typeof target === 'number') return target;
  for (const p of declaredPorts(pod)) {
    if (p.name === target && (p.protocol ?? 'TCP') === (port.protocol ?? 'TCP')) return p.containerPort;
  }
  return undefined;
}

/** The slice's ports for one pod: those that the pod has (`getEndpointPorts`). */
function endpointPorts(service: Service, pod: Pod): SlicePort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = findPort(pod, port);
    if (number === undefined) return [];
    return [
      {
        name: port.name ?? '',
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }),
      },
    ];
  });
}

/** Terminating pods stay until they are gone; ended ones, and those without an address, are in no slice (`ShouldPodBeInEndpoints`). */
function isPodInEndpoints(pod: Pod): boolean {
  return !isOver(pod) && podAddresses(pod).length > 0;
}

function conditionsOf(service: Service, pod: Pod): Required<EndpointConditions> {
  const serving = isPodReady(pod);
  const terminating = Boolean(pod.metadata.deletionTimestamp);
  return { ready: service.spec.publishNotReadyAddresses || (serving && !terminating), serving, terminating };
}

/** `podToEndpoint` with the hints of the Service's trafficDistribution (trafficdist.go); undefined without an address of the family. */
function endpointOf(service: Service, pod: Pod, node: Node | undefined, family: IPFamily): Endpoint | undefined {
  const address = podAddresses(pod).find((a) => familyOf(a) === family);
  if (address === undefined) return undefined;
  const { name, namespace = '', uid } = pod.metadata;
  const zone = node?.metadata.labels?.[ZONE];
  const { hostname, subdomain, nodeName } = pod.spec;
  const isNamed =
    hostname !== undefined &&
    hostname !== '' &&
    subdomain === service.metadata.name &&
    service.metadata.namespace === namespace;
  const conditions = conditionsOf(service, pod);
  const { trafficDistribution } = service.spec;
  const byZone =
    trafficDistribution === 'PreferClose' ||
    trafficDistribution === 'PreferSameZone' ||
    trafficDistribution === 'PreferSameNode';
  const hints: NonNullable<Endpoint['hints']> = {};
  if (conditions.ready && byZone && zone !== undefined) hints.forZones = [{ name: zone }];
  if (conditions.ready && trafficDistribution === 'PreferSameNode' && nodeName) hints.forNodes = [{ name: nodeName }];
  return {
    addresses: [address],
    conditions,
    targetRef: { kind: 'Pod', namespace, name, ...(uid !== undefined && { uid }) },
    ...(nodeName && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(isNamed && { hostname }),
    ...(Object.keys(hints).length > 0 && { hints }),
  };
}

function sliceLabels(service: Service): Record<string, string> {
  return {
    ...service.metadata.labels,
    'kubernetes.io/service-name': service.metadata.name,
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    ...(isHeadless(service) && { 'service.kubernetes.io/headless': '' }),
  };
}

/** Slices of one Service. Pods whose ports resolve differently are in slices of their own; without pods there is one empty slice per family. */
export function computeSlices(
  placed: Placed<Service>,
  pods: readonly Pod[],
  nodes: ReadonlyMap<string, Placed<Node>>,
): Placed<EndpointSlice>[] {
  const service = placed.object;
  const { name, namespace = '' } = service.metadata;
  const slices: Placed<EndpointSlice>[] = [];
  for (const family of service.spec.ipFamilies ?? ['IPv4']) {
    const groups = new Map<string, { ports: SlicePort[]; endpoints: Endpoint[] }>();
    for (const pod of pods) {
      if (!isPodInEndpoints(pod)) continue;
      const endpoint = endpointOf(service, pod, nodes.get(pod.spec.nodeName ?? '')?.object, family);
      if (!endpoint) continue;
      const ports = endpointPorts(service, pod);
      const key = JSON.stringify(ports);
      const group = groups.get(key);
      if (group) group.endpoints.push(endpoint);
      else groups.set(key, { ports, endpoints: [endpoint] });
    }
    if (groups.size === 0) groups.set('', { ports: [], endpoints: [] });
    for (const [key, { ports, endpoints }] of groups) {
      for (let from = 0; from === 0 || from < endpoints.length; from += MAX_ENDPOINTS) {
        const object: EndpointSlice = {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: {
            name: `${name}-${suffix(`${namespace}/${name}/${family}/${key}/${from}`, 5)}`,
            generateName: `${name}-`,
            namespace,
            labels: sliceLabels(service),
          },
          addressType: family,
          endpoints: endpoints.slice(from, from + MAX_ENDPOINTS),
          ports,
        };
        slices.push({
          object,
          madeBy: { kind: 'Service', namespace, name, ...(placed.origin && { origin: placed.origin }) },
        });
      }
    }
  }
  return slices;
}

/** Pods of a namespace by label pair, so that thousands of Services find theirs without looking at all. */
export class PodIndex {
  readonly #byPair = new Map<string, Pod[]>();

  constructor(pods: Iterable<Placed<Pod>>) {
    for (const { object } of pods) {
      const { namespace = '', labels = {} } = object.metadata;
      for (const key of Object.keys(labels)) {
        const pair = `${namespace} ${key}=${labels[key]}`;
        const list = this.#byPair.get(pair);
        if (list) list.push(object);
        else this.#byPair.set(pair, [object]);
      }
    }
  }

  /** Pods that carry every pair; none for an empty selector. */
  selected(namespace: string, selector: Readonly<Record<string, string>>): Pod[] {
    let fewest: Pod[] | undefined;
    for (const [key, value] of Object.entries(selector)) {
      const list = this.#byPair.get(`${namespace} ${key}=${value}`) ?? [];
      if (!fewest || list.length < fewest.length) fewest = list;
    }
    return (fewest ?? []).filter((pod) => matchesPairs(selector, pod.metadata.labels ?? {}));
  }
}

/** One slice per subset, family and readiness is kept apart by conditions (endpointslicemirroring/reconciler.go). */
export function mirrorEndpoints(placed: Placed<Endpoints>): Placed<EndpointSlice>[] {
  const { name, namespace = '', labels } = placed.object.metadata;
  const slices: Placed<EndpointSlice>[] = [];
  for (const [i, subset] of (placed.object.subsets ?? []).entries()) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      const endpoints: Endpoint[] = [];
      for (const [list, ready] of [
        [subset.addresses ?? [], true],
        [subset.notReadyAddresses ?? [], false],
      ] as const) {
        for (const { ip, hostname, nodeName, targetRef } of list) {
          const address = canonical(ip);
          // A redacted address has no family: it stays with the first, where `repair` may find its pod.
          if (address === undefined ? family !== 'IPv4' : familyOf(address) !== family) continue;
          endpoints.push({
            addresses: [address ?? ip],
            conditions: { ready },
            ...(hostname !== undefined && { hostname }),
            ...(nodeName !== undefined && { nodeName }),
            ...(targetRef && { targetRef }),
          });
        }
      }
      if (endpoints.length === 0) continue;
      const object: EndpointSlice = {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: `${name}-${hexDigits(`${i} ${family}`, 5)}`,
          namespace,
          labels: {
            ...labels,
            'kubernetes.io/service-name': name,
            'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
          },
        },
        addressType: family,
        endpoints,
        ports: (subset.ports ?? []).map((p) => ({ name: p.name ?? '', port: p.port, protocol: p.protocol ?? 'TCP' })),
      };
      slices.push({
        object,
        madeBy: { kind: 'Endpoints', namespace, name, ...(placed.origin && { origin: placed.origin }) },
      });
    }
  }
  return slices;
}
