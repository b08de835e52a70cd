/** One service port for all nodes: rules and chains are shared by identity where the endpoints are the same. */
import type { Chain, Rule } from '@podwire/engine';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { type EndpointChoice, EndpointPlan } from '../endpoint-plan.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { hasExternalEndpoints, usesExternalChain } from '../port-state.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import type { ChainMaker } from './chains.ts';
import { EndpointRules } from './endpoint-rules.ts';
import { IptablesPort, usesFirewallChain } from './port.ts';
import { firewallChain } from './service-chains.ts';

export interface ClusterChoice extends EndpointChoice {
  /** The rules of KUBE-SVC that choose among them. */
  rules: Rule[];
}

export class PortPlan extends EndpointPlan {
  readonly port: IptablesPort;
  readonly #make: ChainMaker;
  readonly #rules: EndpointRules;
  readonly #choices = new Map<string, ClusterChoice>();
  readonly #endpointChains = new Map<EndpointInfo, Chain>();
  readonly #firewalls = new Map<boolean, Chain>();

  constructor(info: ServicePortInfo, endpoints: readonly EndpointInfo[], isLarge: boolean, make: ChainMaker) {
    super(info, endpoints);
    this.port = new IptablesPort(info);
    this.#make = make;
    this.#rules = new EndpointRules(this.port, isLarge, make);
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
    const key = this.choiceKey(place);
    const known = this.#choices.get(key);
    if (known) return known;
    const endpoints = this.clusterEndpoints(place);
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
