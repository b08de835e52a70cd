/** kube-proxy in IPVS mode: virtual services, ipsets, the dummy link and a few rules of both IP families on any node. */
import type { Address, Chain, Link, Table } from '@podwire/engine';
import { emptyTable } from '../../linux/iptables/tables.ts';
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { placeOf } from '../categorize-endpoints.ts';
import { tableFamily } from '../ip.ts';
import { ChainMaker } from '../iptables/chains.ts';
import { ALWAYS, type RuleLine, restoreLine } from '../iptables/rule-line.ts';
import { OnceReported } from '../once-reported.ts';
import type { ProxyCompiler, ProxyConfig, ProxyNode, ProxyObjects, ProxyRules } from '../proxy.ts';
import { type BoundAddress, FamilyPlan, type FamilyState } from './family-plan.ts';
import { DUMMY_LINK } from './names.ts';
import { JUMPS, TOP_LEVEL_CHAINS } from './rules.ts';
import { ipvsConfig, ipvsSettings, ipvsSysctls } from './settings.ts';

/** As EnsureDummyDevice makes it (pkg/proxy/ipvs/netlink_linux.go); its addresses do not need it up. */
const LINK: Link = { name: DUMMY_LINK, kind: 'dummy', up: false, cause: ALWAYS };

/** Those of the kernel (net/netfilter/ipvs/Kconfig). */
const SCHEDULERS: ReadonlySet<string> = new Set([
  'rr',
  'wrr',
  'lc',
  'wlc',
  'fo',
  'ovf',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'mh',
  'sed',
  'nq',
  'twos',
]);

/** One family; what nodes have alike is the same object. */
class Family {
  readonly family: IPFamily;
  readonly #plan: FamilyPlan;
  readonly #make: ChainMaker;
  readonly #tables = new Map<string, Table[]>();
  readonly #addresses = new Map<readonly BoundAddress[], Address[]>();

  constructor(objects: ProxyObjects, family: IPFamily, scheduler: string, report: (problem: Problem) => void) {
    this.family = family;
    this.#plan = new FamilyPlan(objects, family, scheduler, report);
    this.#make = new ChainMaker(tableFamily(family), report);
  }

  on(node: ProxyNode, config: ProxyConfig): FamilyState {
    const nodeIP = node.nodeIPs[this.family];
    const settings = ipvsSettings(config, node, this.family);
    const found = {
      place: placeOf(node),
      ...(nodeIP !== undefined && { nodeIP }),
      addresses: node.interfaceAddresses,
    };
    const state = this.#plan.on(found, settings);
    if (settings.nodePortAddresses.matchAll) return state;
    // Among the addresses that kube-proxy finds at its second sync are those that it has bound itself.
    const all = [...node.interfaceAddresses, ...state.bound.map(({ ip }) => ip)];
    return this.#plan.on({ ...found, nodePortAddresses: all }, settings);
  }

  tables(rules: readonly RuleLine[]): Table[] {
    const key = rules.map(restoreLine).join('\n');
    const known = this.#tables.get(key);
    if (known) return known;
    const tables = (['filter', 'nat'] as const).map((name): Table => {
      const { family, chains } = emptyTable(this.#make.family, name);
      const lines = (from: readonly RuleLine[], chain: string) =>
        from.filter((rule) => rule.table === name && rule.chain === chain);
      for (const chain of chains) chain.rules = this.#make.rules(lines(JUMPS, chain.name));
      const own = TOP_LEVEL_CHAINS[name].map((chain): Chain => this.#make.chain(chain, lines(rules, chain)));
      return { family, name, chains: [...chains, ...own] };
    });
    this.#tables.set(key, tables);
    return tables;
  }

  addresses(bound: readonly BoundAddress[]): Address[] {
    const length = this.family === 'IPv4' ? 32 : 128;
    const known =
      this.#addresses.get(bound) ??
      bound.map(({ ip, cause }) => ({ link: DUMMY_LINK, address: `${ip}/${length}`, cause }));
    this.#addresses.set(bound, known);
    return known;
  }
}

/**
 * Nodes with equal decisions share services, sets, tables and addresses by identity; `problems` that all nodes have come with the first
 * node compiled.
 */
export const ipvsCompiler: ProxyCompiler = {
  name: 'ipvs',
  prepare(objects: ProxyObjects, config: ProxyConfig) {
    const problems = new OnceReported();
    const { scheduler } = ipvsConfig(config);
    if (!SCHEDULERS.has(scheduler)) {
      problems.report({
        severity: 'error',
        code: 'unknown-scheduler',
        message: `IPVS has no scheduler "${scheduler}": kube-proxy makes no virtual service with it.`,
        mend: `Set ipvs.scheduler to one of ${[...SCHEDULERS].join(', ')}.`,
        field: 'ipvs.scheduler',
      });
    }
    const families = (['IPv4', 'IPv6'] as const).map(
      (family) => new Family(objects, family, scheduler, problems.report),
    );
    return (node): ProxyRules => {
      const states = families.map((family) => ({ family, state: family.on(node, config) }));
      return {
        tables: states.flatMap(({ family, state }) => family.tables(state.rules)),
        sysctls: ipvsSysctls(config),
        problems: problems.take(),
        ipvs: {
          services: states.flatMap(({ state }) => state.services),
          sets: states.flatMap(({ state }) => state.sets),
          link: LINK,
          addresses: states.flatMap(({ family, state }) => family.addresses(state.bound)),
        },
      };
    };
  },
};
