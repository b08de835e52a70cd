/** A random Linux configuration and what happens in it. */
import type { Random } from '../lab/random.ts';
import { addRouting } from './routing.ts';
import { addRulesets } from './rulesets.ts';
import type { Scenario } from './scenario.ts';
import { makeTopology } from './topology.ts';
import { makeEvents, makeListeners } from './traffic.ts';

export function generate(r: Random, events: number): Scenario {
  const plan = makeTopology(r);
  const hasRules = r.chance(0.8);
  const backend = r.chance(0.2) ? 'legacy' : 'nft';
  if (hasRules) addRulesets(r, plan, backend);
  if (r.chance(hasRules ? 0.6 : 0.95)) addRouting(r, plan);
  const listening = makeListeners(r, plan);
  return {
    network: { netnses: plan.netnses },
    listening,
    backend,
    events: makeEvents(r, plan, listening, events),
  };
}
