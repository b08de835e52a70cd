/** Which endpoints serve a service port on one node. (pkg/proxy/topology.go: CategorizeEndpoints) */
import type { EndpointInfo } from './endpoints.ts';
import type { ServicePortInfo } from './service-ports.ts';

/** What the choice knows of the node. */
export interface ProxyPlace {
  nodeName: string;
  /** `topology.kubernetes.io/zone`, empty where the node has none. */
  zone: string;
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

type Hints = 'node' | 'zone';

/**
 * Hints that hold for the node: node hints if every ready endpoint has one and one of them names this node, else zone hints likewise.
 * Endpoints that are not ready do not count.
 */
export function effectiveHints(endpoints: readonly EndpointUse[], place: ProxyPlace): Hints | undefined {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  if (ready.length === 0) return undefined;
  const complete = (hints: 'nodeHints' | 'zoneHints', wanted: string) =>
    ready.every((endpoint) => endpoint[hints].length > 0) && ready.some((endpoint) => endpoint[hints].includes(wanted));
  if (complete('nodeHints', place.nodeName)) return 'node';
  return complete('zoneHints', place.zone) ? 'zone' : undefined;
}

function hintedHere(endpoint: EndpointUse, hints: Hints | undefined, place: ProxyPlace): boolean {
  if (hints === 'node') return endpoint.nodeHints.includes(place.nodeName);
  return hints === undefined || endpoint.zoneHints.includes(place.zone);
}

const isTerminatingButServes = (endpoint: EndpointUse) => endpoint.serving && endpoint.terminating;

/** Ready ones if there are any, else those that serve while they terminate. */
function usable<E extends EndpointUse>(endpoints: readonly E[], prefer: (endpoint: E) => boolean): E[] {
  const preferred = endpoints.filter(prefer);
  return preferred.length > 0 ? preferred : endpoints.filter(isTerminatingButServes);
}

/**
 * Endpoints of one service port as this node uses them, in the order given. Policy Cluster and policy Local decide separately whether to
 * fall back to terminating endpoints: Cluster looks at the whole cluster, Local at this node alone; hints only count for Cluster.
 */
export function categorizeEndpoints<E extends EndpointUse>(
  endpoints: readonly E[],
  port: Pick<ServicePortInfo, 'usesClusterEndpoints' | 'usesLocalEndpoints'>,
  place: ProxyPlace,
): CategorizedEndpoints<E> {
  if (endpoints.length === 0) return { all: [], hasAny: false };
  const result: CategorizedEndpoints<E> = { all: [], hasAny: false };
  if (port.usesClusterEndpoints) {
    const hints = effectiveHints(endpoints, place);
    result.cluster = usable(endpoints, (endpoint) => endpoint.ready && hintedHere(endpoint, hints, place));
    result.hasAny = result.cluster.length > 0;
  }
  if (port.usesLocalEndpoints) {
    result.hasAny ||= endpoints.some((endpoint) => endpoint.ready || isTerminatingButServes(endpoint));
    const here = endpoints.filter((endpoint) => place.nodeName !== '' && endpoint.nodeName === place.nodeName);
    const local = usable(here, (endpoint) => endpoint.ready);
    if (local.length > 0) result.local = local;
  }
  const reachable = new Set([...(result.cluster ?? []), ...(result.local ?? [])]);
  result.all = endpoints.filter((endpoint) => reachable.has(endpoint));
  return result;
}
