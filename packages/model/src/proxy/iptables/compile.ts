/** kube-proxy in iptables mode: the tables of both IP families on any node. */
import type { IPFamily } from '../../objects/kube.ts';
import { placeOf } from '../categorize-endpoints.ts';
import { OnceReported } from '../once-reported.ts';
import type { ProxyCompiler, ProxyConfig, ProxyObjects, ProxyRules } from '../proxy.ts';
import { FamilyPlan } from './family-plan.ts';
import { FamilyRules } from './family-rules.ts';
import { nodePortJumps } from './node-ports.ts';
import { type IptablesSettings, iptablesSettings } from './settings.ts';
import { TopLevel, topLevelKey } from './top-level.ts';

/** One family, with its rules by the settings in which nodes differ. */
class Family {
  readonly #plan: FamilyPlan;
  readonly #topLevels = new Map<string, TopLevel>();
  readonly #rules = new Map<string, FamilyRules>();

  constructor(plan: FamilyPlan) {
    this.#plan = plan;
  }

  get family(): IPFamily {
    return this.#plan.family;
  }

  /** Nodes may differ in the CIDR of their pods, and in node port addresses where those are `primary`. */
  rules(settings: IptablesSettings): FamilyRules {
    const topKey = topLevelKey(settings);
    const key = `${topKey} ${JSON.stringify(settings.localDetector)}`;
    const known = this.#rules.get(key);
    if (known) return known;
    const topLevel = this.#topLevels.get(topKey) ?? new TopLevel(this.#plan, settings);
    this.#topLevels.set(topKey, topLevel);
    const rules = new FamilyRules(this.#plan, topLevel, settings);
    this.#rules.set(key, rules);
    return rules;
  }
}

function sysctls(config: ProxyConfig, ipv4: IptablesSettings): Record<string, number> {
  return {
    ...(ipv4.localhostNodePorts && { 'net.ipv4.conf.all.route_localnet': 1 }),
    ...(config.conntrackTCPLiberal && { 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 }),
  };
}

/**
 * Nodes with equal decisions share tables, chains and rules by identity; `problems` that all nodes have come with the first node compiled.
 */
export const iptablesCompiler: ProxyCompiler = {
  name: 'iptables',
  prepare(objects: ProxyObjects, config: ProxyConfig) {
    const problems = new OnceReported();
    const families = (['IPv4', 'IPv6'] as const).map(
      (family) => new Family(new FamilyPlan(objects, family, problems.report)),
    );
    return (node): ProxyRules => {
      const place = placeOf(node);
      const tables = families.flatMap((family) => {
        const settings = iptablesSettings(config, node, family.family);
        const jumps = nodePortJumps(settings, node.interfaceAddresses);
        for (const problem of jumps.problems) problems.report(problem);
        return family.rules(settings).tables(node, place, jumps.rules);
      });
      return {
        tables,
        sysctls: sysctls(config, iptablesSettings(config, node, 'IPv4')),
        problems: problems.take(),
      };
    };
  },
};
