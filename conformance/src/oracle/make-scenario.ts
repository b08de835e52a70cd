/** From a seed and a number to a scenario with its probes. */
import type { Machine } from '@podwire/engine';
import { Random } from '../lab/random.ts';
import type { OracleArguments } from './arguments.ts';
import { chooseProbes } from './choose-probes.ts';
import { formerOf } from './former.ts';
import { generate } from './generate.ts';
import { LeftOvers } from './left-over.ts';
import type { Scenario } from './scenario.ts';
import { type World, worldOf } from './world.ts';

/** Share of the datagrams that were sent before, where that is drawn. */
const LEFT_OVER = 0.5;

/** Cluster number `number` of a seed, in one mode of kube-proxy: but for that, it is the same in all. */
export async function scenarioOf(
  { seed, probes: count, kind }: Pick<OracleArguments, 'seed' | 'probes' | 'kind'>,
  machine: Machine,
  number: number,
  proxyMode: OracleArguments['modes'][number],
): Promise<{ scenario: Scenario; world: World }> {
  const random = new Random(`${seed}/${number}`);
  const isService = kind === 'service';
  const made = generate(random, isService);
  const scenario = { ...made, overrides: { ...made.overrides, proxyMode } };
  const world = await worldOf(scenario);
  const probes = chooseProbes(random, scenario, world, count, isService);
  if (!isService) return { scenario: { ...scenario, probes }, world };
  const former = await worldOf(formerOf(random, scenario));
  const leftOvers = new LeftOvers(random, machine, former, world);
  const after = probes.map((probe) => (random.chance(LEFT_OVER) ? leftOvers.of(probe) : probe));
  return { scenario: { ...scenario, probes: after }, world };
}
