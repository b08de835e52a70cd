/** Choice points: the script answers, the machine records what else was possible. */
import { type Choice, EngineError } from '../src/index.ts';
import type { Run } from './state.ts';

/** Takes the next answer of the script, 0 past its end; returns the alternative. */
export function choose(run: Run, choice: Omit<Choice, 'taken'>): number {
  const { world } = run;
  const taken = world.answers[world.choices.length] ?? 0;
  const { alternatives } = choice;
  if (!Number.isInteger(taken) || taken < 0 || taken >= alternatives)
    throw new EngineError(
      'NO_SUCH_ALTERNATIVE',
      `choice ${world.choices.length} has alternatives 0 to ${alternatives - 1}, not ${taken}`,
    );
  run.steps.push({ kind: 'choice', choice: world.choices.length });
  world.choices.push({ ...choice, taken });
  return taken;
}
