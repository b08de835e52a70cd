/**
 * The table of one IP family, for any node, out of layers: what all nodes hold, what the nodes of one zone hold (or one node, where hints
 * name nodes), what hangs on who is a local pod, and what is one node's own. A layer that would be empty is not made, so that nodes
 * without anything of their own share the very same table.
 */
import type { Table } from '@podwire/engine';
import type { Problem } from '../../problem.ts';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { ELSEWHERE } from '../endpoint-plan.ts';
import type { ProxyNode } from '../proxy.ts';
import type { FamilyPlan } from './family-plan.ts';
import type { Layer, MadeChain } from './maker.ts';
import { joined, type PortPlan } from './port-plan.ts';
import { allowsNode, externalRules, firewallRules } from './service-rules.ts';
import type { NftablesSettings } from './settings.ts';
import { nodePortElements, servicesRules, TOP_CHAINS, topRules } from './top-level.ts';
import { TopSets } from './top-sets.ts';

const SERVICES = 'services';

export class FamilyRules {
  readonly #plan: FamilyPlan;
  readonly #sets: TopSets;
  readonly #base: Table;
  readonly #layers = new Map<string, Table>();
  readonly #chains = new Map<string, MadeChain>();

  /** @param settings As of any node: what nodes differ in besides the detector is their own layer. */
  constructor(plan: FamilyPlan, settings: NftablesSettings) {
    this.#plan = plan;
    this.#sets = new TopSets(plan, settings);
    const { make } = plan;
    const sets = this.#sets.shared();
    const rules = topRules(settings);
    const top = TOP_CHAINS.map((line) =>
      make.chain(
        line,
        rules.filter(({ chain }) => chain === line.name),
      ),
    );
    const ports = plan.plans.flatMap((port): Layer[] => [
      ...(port.followsHints ? [] : [port.clusterLayer(ELSEWHERE, settings)]),
      {
        sets: [],
        chains: [
          ...(port.usesExternalChain && !port.port.info.externalPolicyLocal
            ? [this.#external(port, false, settings)]
            : []),
          ...(port.port.usesFirewallChain ? [this.#firewall(port, false, settings)] : []),
        ],
      },
    ]);
    this.#base = make.table(joined([{ sets, chains: top }, ...ports]));
  }

  table(node: ProxyNode, place: ProxyPlace, settings: NftablesSettings, report: (problem: Problem) => void): Table {
    const plan = this.#plan;
    const local = plan.places.localTo(node.name);
    const hairpins = plan
      .onNode(node.name)
      .flatMap(({ plan: port, endpoint }) => (port.isReachable(endpoint, place) ? [port.hairpin(endpoint)] : []));
    const nodePortIPs = nodePortElements(settings, node.interfaceAddresses, report);
    const firewalls = plan.firewalls.filter(({ port }) => allowsNode(port, node.nodeIPs[plan.family]));
    const external = local.filter((port) => port.externalDependsOnLocal);
    const own = joined([
      { sets: this.#sets.own(local, nodePortIPs, hairpins), chains: [] },
      ...local.map((port) => port.localLayer(place, settings)),
      {
        sets: [],
        chains: [
          ...external.map((port) => this.#external(port, true, settings)),
          ...firewalls.map((port) => this.#firewall(port, true, settings)),
        ],
      },
    ]);
    const base = this.#detecting(place, settings);
    return own.chains.length + own.sets.length === 0 ? base : plan.make.table(own, base);
  }

  #cached<T>(known: Map<string, T>, key: string, make: () => T): T {
    const found = known.get(key) ?? make();
    known.set(key, found);
    return found;
  }

  #external(port: PortPlan, hasLocal: boolean, settings: NftablesSettings): MadeChain {
    const { external } = port.port.chains;
    // Only policy Local asks who is a local pod.
    const detector = port.port.info.externalPolicyLocal ? JSON.stringify(settings.localDetector) : '';
    return this.#cached(this.#chains, `${external} ${hasLocal} ${detector}`, () =>
      this.#plan.make.chain({ name: external }, externalRules(port.port, port.state(hasLocal), settings)),
    );
  }

  #firewall(port: PortPlan, fromNode: boolean, settings: NftablesSettings): MadeChain {
    const { firewall } = port.port.chains;
    return this.#cached(this.#chains, `${firewall} ${fromNode}`, () =>
      this.#plan.make.chain({ name: firewall }, firewallRules(port.port, fromNode, settings)),
    );
  }

  /** The layer of all nodes to which hints give the same endpoints. */
  #place(place: ProxyPlace, settings: NftablesSettings): Table {
    const { hinted } = this.#plan.places;
    if (hinted.length === 0) return this.#base;
    return this.#cached(this.#layers, `place ${this.#plan.places.placeKey(place)}`, () =>
      this.#plan.make.table(joined(hinted.map((port) => port.clusterLayer(place, settings))), this.#base),
    );
  }

  /** What hangs on who is a local pod, for nodes without local endpoints. */
  #detecting(place: ProxyPlace, settings: NftablesSettings): Table {
    const base = this.#place(place, settings);
    const { places, detecting, make } = this.#plan;
    const key = `${places.hinted.length === 0 ? '' : places.placeKey(place)} ${JSON.stringify(settings.localDetector)}`;
    return this.#cached(this.#layers, `detector ${key}`, () =>
      make.table(
        {
          sets: [],
          chains: [
            this.#cached(this.#chains, `${SERVICES} ${JSON.stringify(settings.localDetector)}`, () =>
              make.chain({ name: SERVICES }, servicesRules(settings)),
            ),
            ...detecting.map((port) => this.#external(port, false, settings)),
          ],
        },
        base,
      ),
    );
  }
}
