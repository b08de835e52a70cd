/**
 * One service port for all nodes: what is the same everywhere, and on what the rest hangs. Two nodes that answer the same questions (which
 * hints name me, what runs here, does a source range hold me) share rules and chains by identity.
 */
import type { Chain, Rule } from '@podwire/engine';
import { clusterEndpoints, completeHints, localEndpoints, type ProxyPlace } from '../categorize-endpoints.ts';
import type { EndpointInfo } from '../endpoints.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import type { ChainMaker } from './chains.ts';
import { EndpointRules } from './endpoint-rules.ts';
import {
  hasExternalEndpoints,
  IptablesPort,
  type PortState,
  usesExternalChain,
  usesFirewallChain,
} from './port-state.ts';
import { firewallChain } from './service-chains.ts';

/** Nowhere: no endpoint is local, no hint names it. */
export const ELSEWHERE: ProxyPlace = { nodeName: '', zone: '' };

/** The endpoints under policy Cluster of all nodes that hints treat alike. */
export interface ClusterChoice {
  /** Tells the choices of one port apart. */
  key: string;
  endpoints: EndpointInfo[];
  /** The rules of KUBE-SVC that choose among them. */
  rules: Rule[];
}

export class PortPlan {
  readonly port: IptablesPort;
  readonly hasEndpoints: boolean;
  /** Nodes may see different endpoints under policy Cluster. */
  readonly followsHints: boolean;
  /** Nodes that a hint names, where hints for nodes count. */
  readonly hintedNodes: ReadonlySet<string>;
  /** Usable endpoints under policy Local, by node; empty where no policy is Local. */
  readonly local: ReadonlyMap<string, EndpointInfo[]>;
  readonly #endpoints: readonly EndpointInfo[];
  readonly #make: ChainMaker;
  readonly #rules: EndpointRules;
  readonly #hintedZones: ReadonlySet<string>;
  readonly #choices = new Map<string, ClusterChoice>();
  readonly #endpointChains = new Map<EndpointInfo, Chain>();
  readonly #firewalls = new Map<boolean, Chain>();

  constructor(info: ServicePortInfo, endpoints: readonly EndpointInfo[], isLarge: boolean, make: ChainMaker) {
    this.port = new IptablesPort(info);
    this.#endpoints = endpoints;
    this.#make = make;
    this.#rules = new EndpointRules(this.port, isLarge, make);
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

  get usesExternalChain(): boolean {
    return usesExternalChain(this.port, this.state(false));
  }

  get usesFirewallChain(): boolean {
    return usesFirewallChain(this.port, this.state(false));
  }

  /** KUBE-EXT of nodes with local endpoints differs from that of the others. */
  get externalDependsOnLocal(): boolean {
    const having = hasExternalEndpoints(this.port, this.state(true));
    return this.usesExternalChain && having !== hasExternalEndpoints(this.port, this.state(false));
  }

  cluster(place: ProxyPlace): ClusterChoice {
    let key = '';
    if (this.hintedNodes.has(place.nodeName)) key = `node ${place.nodeName}`;
    else if (this.#hintedZones.has(place.zone)) key = `zone ${place.zone}`;
    const known = this.#choices.get(key);
    if (known) return known;
    const endpoints = this.port.info.usesClusterEndpoints ? clusterEndpoints(this.#endpoints, place) : [];
    const choice = { key, endpoints, rules: this.choice(this.port.chains.cluster, endpoints) };
    this.#choices.set(key, choice);
    return choice;
  }

  /** @param chain KUBE-SVC or KUBE-SVL of the port. */
  choice(chain: string, endpoints: readonly EndpointInfo[]): Rule[] {
    return this.#rules.choice(chain, endpoints);
  }

  endpointChain(endpoint: EndpointInfo): Chain {
    const known = this.#endpointChains.get(endpoint);
    if (known) return known;
    const chain = { name: this.port.endpointChain(endpoint), rules: this.#rules.endpoint(endpoint) };
    this.#endpointChains.set(endpoint, chain);
    return chain;
  }

  firewall(fromNode: boolean): Chain {
    const known = this.#firewalls.get(fromNode);
    if (known) return known;
    const chain = this.#make.chain(this.port.chains.firewall, firewallChain(this.port, fromNode));
    this.#firewalls.set(fromNode, chain);
    return chain;
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
