/** Which endpoints serve a service port on one node. (pkg/proxy/topology.go: CategorizeEndpoints) */
import type { EndpointInfo } from './endpoints.ts';
import type { ProxyNode } from './proxy.ts';
import type { ServicePortInfo } from './service-ports.ts';

/** What the choice knows of the node. */
export interface ProxyPlace {
  nodeName: string;
  /** `topology.kubernetes.io/zone`, empty where the node has none. */
  zone: string;
}

export function placeOf(node: Pick<ProxyNode, 'name' | 'topologyLabels'>): ProxyPlace {
  return { nodeName: node.name, zone: node.topologyLabels['topology.kubernetes.io/zone'] ?? '' };
}

export interface CategorizedEndpoints<E> {
  /** Usable under policy Cluster; undefined where the port never uses it. */
  cluster?: E[];
  /** Usable under policy Local; undefined where the port never uses it or nothing local is usable. */
  local?: E[];
  /** Both together: what may be reached from this node. */
  all: E[];
  /** Whether anything is usable anywhere in the cluster. */
  hasAny: boolean;
}

export type EndpointUse = Pick<
  EndpointInfo,
  'endpoint' | 'nodeName' | 'ready' | 'serving' | 'terminating' | 'zoneHints' | 'nodeHints'
>;

/** Which hints all ready endpoints have; without ready endpoints there are none to follow. */
export function completeHints(endpoints: readonly EndpointUse[]): { node: boolean; zone: boolean } {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  return {
    node: ready.length > 0 && ready.every(({ nodeHints }) => nodeHints.length > 0),
    zone: ready.length > 0 && ready.every(({ zoneHints }) => zoneHints.length > 0),
  };
}

/** Ready ones if there are any, else those that serve while they terminate. */
function usable<E extends EndpointUse>(endpoints: readonly E[], isHinted: (endpoint: E) => boolean): E[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready && isHinted(endpoint));
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.serving && endpoint.terminating);
}

/**
 * Endpoints under policy Cluster. Hints for nodes hold if every ready endpoint has one and one of them names this node; else hints for
 * zones likewise; else all serve.
 */
export function clusterEndpoints<E extends EndpointUse>(endpoints: readonly E[], place: ProxyPlace): E[] {
  const complete = completeHints(endpoints);
  const forNode = (endpoint: E) => endpoint.nodeHints.includes(place.nodeName);
  const forZone = (endpoint: E) => endpoint.zoneHints.includes(place.zone);
  const holds = (isHinted: (endpoint: E) => boolean) =>
    endpoints.some((endpoint) => endpoint.ready && isHinted(endpoint));
  if (complete.node && holds(forNode)) return usable(endpoints, forNode);
  if (complete.zone && holds(forZone)) return usable(endpoints, forZone);
  return usable(endpoints, () => true);
}

/** Endpoints under policy Local; the fallback to terminating ones looks at this node alone. */
export function localEndpoints<E extends EndpointUse>(endpoints: readonly E[], nodeName: string): E[] {
  if (nodeName === '') return [];
  return usable(
    endpoints.filter((endpoint) => endpoint.nodeName === nodeName),
    () => true,
  );
}

/** Endpoints of one service port as this node uses them, in the order given. */
export function categorizeEndpoints<E extends EndpointUse>(
  endpoints: readonly E[],
  port: Pick<ServicePortInfo, 'usesClusterEndpoints' | 'usesLocalEndpoints'>,
  place: ProxyPlace,
): CategorizedEndpoints<E> {
  const result: CategorizedEndpoints<E> = { all: [], hasAny: false };
  if (port.usesClusterEndpoints) {
    result.cluster = clusterEndpoints(endpoints, place);
    result.hasAny = result.cluster.length > 0;
  }
  if (port.usesLocalEndpoints) {
    result.hasAny ||= usable(endpoints, () => true).length > 0;
    const local = localEndpoints(endpoints, place.nodeName);
    if (local.length > 0) result.local = local;
  }
  const reachable = new Set([...(result.cluster ?? []), ...(result.local ?? [])]);
  result.all = endpoints.filter((endpoint) => reachable.has(endpoint));
  return result;
}
