/** One service port for all nodes: chains, sets and elements are shared by identity where the endpoints are the same. */
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { type EndpointChoice, EndpointPlan } from '../endpoint-plan.ts';
import type { EndpointInfo } from '../endpoints.ts';
import { hasExternalEndpoints, usesExternalChain } from '../port-state.ts';
import type { ServicePortInfo } from '../service-ports.ts';
import { hairpinElement, portElements } from './elements.ts';
import type { ElementLine } from './lines.ts';
import type { Layer, MadeChain, NftMaker } from './maker.ts';
import { NftablesPort } from './port.ts';
import { affinitySet, choiceRules, endpointRules } from './service-rules.ts';
import type { NftablesSettings } from './settings.ts';

type Family = Pick<NftablesSettings, 'family'>;

interface Choice extends EndpointChoice {
  isReachable: ReadonlySet<EndpointInfo>;
}

const NO_LAYER: Layer = { chains: [], sets: [] };

export const joined = (layers: readonly Layer[]): Layer => ({
  chains: layers.flatMap(({ chains }) => chains),
  sets: layers.flatMap(({ sets }) => sets),
});

export class PortPlan extends EndpointPlan {
  readonly port: NftablesPort;
  /** Its elements on nodes without local endpoints, and with them. */
  readonly elements: Readonly<Record<'without' | 'having', readonly ElementLine[]>>;
  readonly #make: NftMaker;
  readonly #choices = new Map<string, Choice>();
  readonly #services = new Map<string, MadeChain>();
  readonly #endpoints = new Map<EndpointInfo, Layer>();
  readonly #hairpins = new Map<EndpointInfo, ElementLine>();

  constructor(info: ServicePortInfo, endpoints: readonly EndpointInfo[], make: NftMaker) {
    super(info, endpoints);
    this.port = new NftablesPort(info);
    this.#make = make;
    const without = portElements(this.port, this.state(false));
    this.elements = { without, having: this.local.size > 0 ? portElements(this.port, this.state(true)) : without };
  }

  get usesExternalChain(): boolean {
    return usesExternalChain(this.port, this.state(false));
  }

  /** The external chain of nodes with local endpoints differs from that of the others. */
  get externalDependsOnLocal(): boolean {
    const having = hasExternalEndpoints(this.port, this.state(true));
    return this.usesExternalChain && having !== hasExternalEndpoints(this.port, this.state(false));
  }

  cluster(place: ProxyPlace): Choice {
    const key = this.choiceKey(place);
    const known = this.#choices.get(key);
    if (known) return known;
    const endpoints = this.clusterEndpoints(place);
    const choice = { key, endpoints, isReachable: new Set(endpoints) };
    this.#choices.set(key, choice);
    return choice;
  }

  /** `service-` and what stands behind it. */
  clusterLayer(place: ProxyPlace, family: Family): Layer {
    const { key, endpoints } = this.cluster(place);
    if (endpoints.length === 0) return NO_LAYER;
    const behind = this.endpointLayer(endpoints, family);
    const chain = this.#services.get(key) ?? this.#choice(this.port.chains.cluster, endpoints, family);
    this.#services.set(key, chain);
    return joined([behind, { chains: [chain], sets: [] }]);
  }

  /** `local-` of a node, and of what stands behind it what `service-` has no use for. */
  localLayer(place: ProxyPlace, family: Family): Layer {
    const endpoints = this.local.get(place.nodeName) ?? [];
    const shared = this.cluster(place).isReachable;
    const own = this.endpointLayer(
      endpoints.filter((endpoint) => !shared.has(endpoint)),
      family,
    );
    return joined([own, { chains: [this.#choice(this.port.chains.local, endpoints, family)], sets: [] }]);
  }

  #choice(name: string, endpoints: readonly EndpointInfo[], family: Family): MadeChain {
    return this.#make.chain({ name }, choiceRules(this.port, name, endpoints, family));
  }

  /** With ClientIP affinity, the chains of endpoints and the sets of their clients. */
  endpointLayer(endpoints: readonly EndpointInfo[], family: Family): Layer {
    if (!this.port.hasAffinity) return NO_LAYER;
    return joined(endpoints.map((endpoint) => this.#endpoint(endpoint, family)));
  }

  #endpoint(endpoint: EndpointInfo, family: Family): Layer {
    const known = this.#endpoints.get(endpoint);
    if (known) return known;
    const { port } = this;
    const set = this.#make.set(affinitySet(port, endpoint, family));
    const name = port.endpoint(endpoint).endpoint;
    const made: Layer = { sets: [set], chains: [this.#make.chain({ name }, endpointRules(port, endpoint, family))] };
    this.#endpoints.set(endpoint, made);
    return made;
  }

  /** Whether packets on the node may be sent to one of its own endpoints. */
  isReachable(endpoint: EndpointInfo, place: ProxyPlace): boolean {
    if (this.cluster(place).isReachable.has(endpoint)) return true;
    return this.local.get(place.nodeName)?.includes(endpoint) ?? false;
  }

  hairpin(endpoint: EndpointInfo): ElementLine {
    const known = this.#hairpins.get(endpoint) ?? hairpinElement(this.port, endpoint);
    this.#hairpins.set(endpoint, known);
    return known;
  }
}
