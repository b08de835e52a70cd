/** The state that our own plugins and daemons make, after each step of a case, beside what was recorded. */
import { fail, type Outcome, pass, type SuiteCase, skip } from '../../runner/contract.ts';
import type { Suite } from '../../runner/suite.ts';
import { Comparison } from './compare.ts';
import { stateAfter } from './lab.ts';
import { type CallStep, NotPlayed, type PlayedLab, Player } from './player.ts';

function judge(lab: PlayedLab): Outcome {
  const player = new Player(lab);
  const comparison = new Comparison(lab, player);
  // The nodes are taken as they were first recorded: what was done before stands in that.
  const first = Math.max(
    lab.steps.findIndex(({ state }) => state !== undefined),
    0,
  );
  for (const [index, step] of lab.steps.entries()) {
    if (index < first) continue;
    const outcome = player.play(step);
    comparison.learn(index);
    const where = `step ${index} (${step.op}${'pod' in step ? ` ${String(step.pod)}` : ''})`;
    const different = outcome && comparison.call(step as CallStep, outcome);
    if (different !== undefined) return fail(`${where}: ${different}`);
    for (const netns of Object.keys(step.state ?? {})) {
      const recorded = stateAfter(lab.steps, step, netns);
      const wrong = recorded && comparison.state(netns, recorded);
      if (wrong !== undefined) return fail(`${where}: ${wrong}`);
    }
  }
  return pass;
}

export function compiledCase(suite: Suite, id: string, path: string): SuiteCase {
  return {
    id,
    variant: 'compiled',
    run() {
      try {
        return judge(suite.json<PlayedLab>(path));
      } catch (error) {
        if (error instanceof NotPlayed) return skip(error.message);
        throw error;
      }
    },
  };
}
