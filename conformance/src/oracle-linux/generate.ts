/** A random Linux configuration and what happens in it. */
import type { Random } from '../lab/random.ts';
import { addArrangements } from './arrangements.ts';
import { WINDOW_SETTINGS } from './conversations.ts';
import { addRouting, forgetRoutes } from './routing.ts';
import { addRulesets } from './rulesets.ts';
import type { Scenario } from './scenario.ts';
import { makeTopology, type Plan } from './topology.ts';
import { makeEvents, makeListeners } from './traffic.ts';

export function generate(r: Random, events: number): Scenario {
  const plan = makeTopology(r);
  const hasRules = r.chance(0.8);
  const backend = r.chance(0.2) ? 'legacy' : 'nft';
  if (hasRules) addRulesets(r, plan, backend);
  if (r.chance(hasRules ? 0.6 : 0.95)) addRouting(r, plan);
  if (r.chance(0.5)) addArrangements(r, plan);
  for (const netns of plan.netnses) forgetRoutes(netns);
  const windows = hasRules && r.chance(0.25);
  if (windows) addWindows(r, plan);
  const listening = makeListeners(r, plan, windows);
  return {
    network: { netnses: plan.netnses },
    listening,
    backend,
    events: makeEvents(r, plan, listening, events, windows),
  };
}

function addWindows(r: Random, { netnses }: Plan): void {
  for (const { sysctls } of netnses)
    for (const [name, values] of WINDOW_SETTINGS) sysctls[`net.netfilter.nf_conntrack_${name}`] = r.pick(values);
}
