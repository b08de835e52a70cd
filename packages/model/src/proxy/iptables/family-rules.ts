/**
 * The tables of one IP family under one setting, for any node, out of three layers: what all nodes hold, what the nodes of one zone hold
 * (or one node, where hints name nodes), and what is one node's own. A layer that would be empty is not made, so that nodes without
 * anything of their own share the very same tables.
 */
import type { Chain, Table } from '@podwire/engine';
import { emptyTable } from '../../linux/iptables/tables.ts';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { ELSEWHERE } from '../endpoint-plan.ts';
import type { ProxyNode } from '../proxy.ts';
import { CANARY, forwardRules, JUMPS, KUBELET_FIREWALL, localnetRules, masqueradeRules } from './base-chains.ts';
import { clusterIPMasquerade } from './endpoint-chains.ts';
import type { FamilyPlan } from './family-plan.ts';
import type { PortPlan } from './port-plan.ts';
import type { RuleLine } from './rule-line.ts';
import { allowsNode, externalChain } from './service-chains.ts';
import type { IptablesSettings } from './settings.ts';
import type { TopLevel } from './top-level.ts';

type TableName = 'mangle' | 'filter' | 'nat';

export class FamilyRules {
  readonly #plan: FamilyPlan;
  readonly #topLevel: TopLevel;
  readonly #settings: IptablesSettings;
  readonly #mangle: Table;
  readonly #filter: Table;
  readonly #nat: Table;
  readonly #places = new Map<string, Table>();
  readonly #serviceChains = new Map<PortPlan, Map<string, Chain>>();

  constructor(plan: FamilyPlan, topLevel: TopLevel, settings: IptablesSettings) {
    this.#plan = plan;
    this.#topLevel = topLevel;
    this.#settings = settings;
    this.#mangle = this.#table('mangle', this.#always('mangle'));
    this.#filter = this.#table('filter', [...this.#always('filter'), ...topLevel.shared('filter')]);
    const services = plan.plans.flatMap((port) => this.#sharedChains(port));
    this.#nat = this.#table('nat', [...this.#always('nat'), ...topLevel.shared('nat'), ...services]);
  }

  /** @param nodePortJumps The node's jumps to KUBE-NODEPORTS. */
  tables(node: ProxyNode, place: ProxyPlace, nodePortJumps: readonly RuleLine[]): Table[] {
    const local = this.#plan.places.localTo(node.name);
    const filter = this.#topLevel.own('filter', local, nodePortJumps);
    const nat = [
      ...this.#topLevel.own('nat', local, nodePortJumps),
      ...this.#firewallChains(node.nodeIPs[this.#plan.family]),
      ...local.flatMap((plan) => this.#localChains(plan, place)),
    ];
    return [this.#mangle, this.#layer(filter, this.#filter), this.#layer(nat, this.#placeTable(place))];
  }

  #table(name: TableName, chains: Chain[], base?: Table): Table {
    return { family: this.#plan.make.family, name, ...(base && { base }), chains };
  }

  #layer(chains: Chain[], base: Table): Table {
    return chains.length === 0 ? base : { family: base.family, name: base.name, base, chains };
  }

  /** Chains that hang on the settings alone. */
  #always(table: TableName): Chain[] {
    const { make } = this.#plan;
    const { chains } = emptyTable(make.family, table);
    for (const chain of chains) {
      chain.rules = make.rules(JUMPS.filter((jump) => jump.table === table && jump.chain === chain.name));
    }
    chains.push({ name: CANARY, rules: [] });
    if (table === 'filter') {
      chains.push(make.chain(KUBELET_FIREWALL, localnetRules(this.#settings)));
      chains.push(make.chain('KUBE-FORWARD', forwardRules(this.#settings)));
    }
    if (table === 'nat') {
      for (const name of ['KUBE-MARK-MASQ', 'KUBE-POSTROUTING']) {
        const lines = masqueradeRules(this.#settings).filter((line) => line.chain === name);
        chains.push(make.chain(name, lines));
      }
    }
    return chains;
  }

  /** The chains of one port that are the same on every node, or hidden by a node's own. */
  #sharedChains(plan: PortPlan): Chain[] {
    return [
      ...(plan.usesExternalChain ? [this.#external(plan, false)] : []),
      ...(plan.usesFirewallChain ? [plan.firewall(false)] : []),
      ...(plan.followsHints ? [] : this.#clusterChains(plan, ELSEWHERE)),
    ];
  }

  #cached(plan: PortPlan, key: string, make: () => Chain): Chain {
    const chains = this.#serviceChains.get(plan) ?? new Map<string, Chain>();
    this.#serviceChains.set(plan, chains);
    const known = chains.get(key);
    if (known) return known;
    const chain = make();
    chains.set(key, chain);
    return chain;
  }

  #external(plan: PortPlan, hasLocal: boolean): Chain {
    return this.#cached(plan, hasLocal ? 'external, local endpoints' : 'external', () =>
      this.#plan.make.chain(plan.port.chains.external, externalChain(plan.port, plan.state(hasLocal), this.#settings)),
    );
  }

  /** KUBE-SVC and every KUBE-SEP behind it. */
  #clusterChains(plan: PortPlan, place: ProxyPlace): Chain[] {
    const { port } = plan;
    const { key, endpoints, rules } = plan.cluster(place);
    if (endpoints.length === 0) return [];
    const service = this.#cached(plan, `cluster ${key}`, () => {
      const isInternal = !port.info.internalPolicyLocal;
      const opening = isInternal ? clusterIPMasquerade(port, plan.state(false), this.#settings) : [];
      return { name: port.chains.cluster, rules: [...this.#plan.make.rules(opening), ...rules] };
    });
    return [service, ...endpoints.map((endpoint) => plan.endpointChain(endpoint))];
  }

  /** The layer of all nodes to which hints give the same endpoints. */
  #placeTable(place: ProxyPlace): Table {
    const { hinted } = this.#plan.places;
    if (hinted.length === 0) return this.#nat;
    const key = this.#plan.places.placeKey(place);
    const known = this.#places.get(key);
    if (known) return known;
    const chains = hinted.flatMap((plan) => this.#clusterChains(plan, place));
    const table = this.#table('nat', chains, this.#nat);
    this.#places.set(key, table);
    return table;
  }

  #firewallChains(nodeIP: string | undefined): Chain[] {
    const letThrough = this.#plan.firewalls.filter((plan) => allowsNode(plan.port, nodeIP));
    return letThrough.map((plan) => plan.firewall(true));
  }

  /** KUBE-SVL, each KUBE-SEP that KUBE-SVC has no use for, and the KUBE-EXT that leads to KUBE-SVL. */
  #localChains(plan: PortPlan, place: ProxyPlace): Chain[] {
    const { port } = plan;
    const endpoints = plan.local.get(place.nodeName) ?? [];
    const isInternal = port.info.internalPolicyLocal;
    const opening = isInternal ? clusterIPMasquerade(port, plan.state(true), this.#settings) : [];
    const name = port.chains.local;
    const rules = [...this.#plan.make.rules(opening), ...plan.choice(name, endpoints)];
    const shared = new Set(plan.cluster(place).endpoints);
    const others = endpoints.filter((endpoint) => !shared.has(endpoint));
    return [
      ...(plan.externalDependsOnLocal ? [this.#external(plan, true)] : []),
      { name, rules },
      ...others.map((endpoint) => plan.endpointChain(endpoint)),
    ];
  }
}
