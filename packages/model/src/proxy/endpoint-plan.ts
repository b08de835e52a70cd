/**
 * The endpoints of one service port for all nodes: what is the same everywhere, and on what the rest hangs. Two nodes that answer the same
 * questions (which hints name me, what runs here) have the same endpoints.
 */
import { clusterEndpoints, completeHints, localEndpoints, type ProxyPlace } from './categorize-endpoints.ts';
import type { EndpointInfo } from './endpoints.ts';
import type { PortState } from './port-state.ts';
import type { ServicePortInfo } from './service-ports.ts';

/** Nowhere: no endpoint is local, no hint names it. */
export const ELSEWHERE: ProxyPlace = { nodeName: '', zone: '' };

/** The endpoints under policy Cluster of all nodes that hints treat alike. */
export interface EndpointChoice {
  /** Tells the choices of one port apart. */
  key: string;
  endpoints: EndpointInfo[];
}

export class EndpointPlan {
  readonly hasEndpoints: boolean;
  /** Nodes may see different endpoints under policy Cluster. */
  readonly followsHints: boolean;
  /** Nodes that a hint names, where hints for nodes count. */
  readonly hintedNodes: ReadonlySet<string>;
  /** Usable endpoints under policy Local, by node; empty where no policy is Local. */
  readonly local: ReadonlyMap<string, EndpointInfo[]>;
  readonly #info: ServicePortInfo;
  readonly #endpoints: readonly EndpointInfo[];
  readonly #hintedZones: ReadonlySet<string>;

  constructor(info: ServicePortInfo, endpoints: readonly EndpointInfo[]) {
    this.#info = info;
    this.#endpoints = endpoints;
    const complete = info.usesClusterEndpoints ? completeHints(endpoints) : { node: false, zone: false };
    const ready = endpoints.filter((endpoint) => endpoint.ready);
    this.followsHints = complete.node || complete.zone;
    this.hintedNodes = new Set(complete.node ? ready.flatMap(({ nodeHints }) => nodeHints) : []);
    this.#hintedZones = new Set(complete.zone ? ready.flatMap(({ zoneHints }) => zoneHints) : []);
    this.local = info.usesLocalEndpoints ? localByNode(endpoints) : new Map();
    this.hasEndpoints = clusterEndpoints(endpoints, ELSEWHERE).length > 0;
  }

  state(hasLocalEndpoints: boolean): PortState {
    return { hasEndpoints: this.hasEndpoints, hasLocalEndpoints };
  }

  /** Places of one key have the same endpoints under policy Cluster. */
  choiceKey(place: ProxyPlace): string {
    if (this.hintedNodes.has(place.nodeName)) return `node ${place.nodeName}`;
    return this.#hintedZones.has(place.zone) ? `zone ${place.zone}` : '';
  }

  /** Endpoints under policy Cluster; none where the port never uses it. */
  clusterEndpoints(place: ProxyPlace): EndpointInfo[] {
    return this.#info.usesClusterEndpoints ? clusterEndpoints(this.#endpoints, place) : [];
  }
}

function localByNode(endpoints: readonly EndpointInfo[]): Map<string, EndpointInfo[]> {
  const byNode = new Map<string, EndpointInfo[]>();
  for (const endpoint of endpoints) {
    const here = byNode.get(endpoint.nodeName);
    if (here) here.push(endpoint);
    else byNode.set(endpoint.nodeName, [endpoint]);
  }
  for (const [nodeName, here] of byNode) {
    const usable = localEndpoints(here, nodeName);
    if (usable.length > 0) byNode.set(nodeName, usable);
    else byNode.delete(nodeName);
  }
  return byNode;
}

/** All service ports of one family: which of them may differ from node to node. */
export class EndpointPlans<P extends EndpointPlan> {
  /** Ports whose endpoints under policy Cluster hang on hints. */
  readonly hinted: readonly P[];
  readonly #hintedNodes: ReadonlySet<string>;
  readonly #localByNode = new Map<string, P[]>();

  constructor(plans: readonly P[]) {
    this.hinted = plans.filter((plan) => plan.followsHints);
    this.#hintedNodes = new Set(this.hinted.flatMap((plan) => [...plan.hintedNodes]));
    for (const plan of plans) {
      for (const nodeName of plan.local.keys()) {
        const here = this.#localByNode.get(nodeName);
        if (here) here.push(plan);
        else this.#localByNode.set(nodeName, [plan]);
      }
    }
  }

  /** Ports with usable endpoints on the node under a policy Local. */
  localTo(nodeName: string): readonly P[] {
    return this.#localByNode.get(nodeName) ?? [];
  }

  /** Nodes of one key get the same endpoints under policy Cluster, for all ports. */
  placeKey({ nodeName, zone }: ProxyPlace): string {
    return this.#hintedNodes.has(nodeName) ? `${zone} ${nodeName}` : `${zone} `;
  }
}
