/** kube-proxy in nftables mode: one table of each IP family on any node. */
import type { IPFamily } from '../../objects/kube.ts';
import { placeOf } from '../categorize-endpoints.ts';
import { OnceReported } from '../once-reported.ts';
import type { ProxyCompiler, ProxyConfig, ProxyObjects, ProxyRules } from '../proxy.ts';
import { FamilyPlan } from './family-plan.ts';
import { FamilyRules } from './family-rules.ts';
import { type NftablesSettings, nftablesSettings } from './settings.ts';

/** One family, with its rules by the settings in which nodes differ. */
class Family {
  readonly #plan: FamilyPlan;
  readonly #rules = new Map<boolean, FamilyRules>();

  constructor(plan: FamilyPlan) {
    this.#plan = plan;
  }

  get family(): IPFamily {
    return this.#plan.family;
  }

  rules(settings: NftablesSettings): FamilyRules {
    const { matchAll } = settings.nodePortAddresses;
    const rules = this.#rules.get(matchAll) ?? new FamilyRules(this.#plan, settings);
    this.#rules.set(matchAll, rules);
    return rules;
  }
}

/** It never wants `route_localnet`; what it sets of conntrack is the same in all modes. */
function sysctls(config: ProxyConfig): Record<string, number> {
  return config.conntrackTCPLiberal ? { 'net.netfilter.nf_conntrack_tcp_be_liberal': 1 } : {};
}

/**
 * Nodes with equal decisions share tables, chains, sets and rules by identity; `problems` that all nodes have come with the first node
 * compiled.
 */
export const nftablesCompiler: ProxyCompiler = {
  name: 'nftables',
  prepare(objects: ProxyObjects, config: ProxyConfig) {
    const problems = new OnceReported();
    const families = (['IPv4', 'IPv6'] as const).map(
      (family) => new Family(new FamilyPlan(objects, family, problems.report)),
    );
    return (node): ProxyRules => {
      const place = placeOf(node);
      const tables = families.map((family) => {
        const settings = nftablesSettings(config, objects.serviceCIDRs ?? [], node, family.family);
        return family.rules(settings).table(node, place, settings, problems.report);
      });
      return { tables, sysctls: sysctls(config), problems: problems.take() };
    };
  },
};
