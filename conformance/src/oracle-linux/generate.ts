/** A random Linux configuration and what happens in it. */
import type { Random } from '../lab/random.ts';
import { addArrangements } from './arrangements.ts';
import { WINDOW_SETTINGS } from './conversations.ts';
import { makeNftRulesets } from './nft-rulesets.ts';
import { withTables } from './nft-tables.ts';
import { addRouting, forgetRoutes } from './routing.ts';
import { addRulesets } from './rulesets.ts';
import type { Scenario } from './scenario.ts';
import { addStale } from './stale.ts';
import { makeTopology, type Plan } from './topology.ts';
import { makeEvents, makeListeners } from './traffic.ts';

/** `rules`: which kind it has at least, where it has any. */
export function generate(r: Random, events: number, rules?: 'nft'): Scenario {
  const plan = makeTopology(r);
  const hasRules = r.chance(0.8);
  const backend = r.chance(0.2) ? 'legacy' : 'nft';
  const native = hasRules && backend === 'nft' && (rules === 'nft' || r.chance(0.4));
  if (hasRules && !(native && r.chance(0.8))) addRulesets(r, plan, backend);
  const nft = native ? makeNftRulesets(r, plan) : {};
  if (r.chance(hasRules ? 0.6 : 0.95)) addRouting(r, plan);
  if (r.chance(0.5)) addArrangements(r, plan);
  for (const netns of plan.netnses) forgetRoutes(netns);
  const windows = hasRules && r.chance(0.25);
  if (windows) addWindows(r, plan);
  const listening = makeListeners(r, plan, windows);
  const scenario: Scenario = {
    network: { netnses: plan.netnses },
    listening,
    backend,
    ...(Object.keys(nft).length > 0 && { nft }),
    events: [],
  };
  const whole = withTables(scenario).network.netnses as Plan['netnses'];
  const made = makeEvents(r, { ...plan, netnses: whole }, listening, events, windows);
  if (!windows && r.chance(0.2)) addStale(r, plan, made);
  return { ...scenario, events: made };
}

function addWindows(r: Random, { netnses }: Plan): void {
  for (const { sysctls } of netnses)
    for (const [name, values] of WINDOW_SETTINGS) sysctls[`net.netfilter.nf_conntrack_${name}`] = r.pick(values);
}
