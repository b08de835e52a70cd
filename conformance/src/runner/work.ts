import { type Kind, type Outcome, type SuiteCase, TIME_LIMIT_MS } from './contract.ts';
import { Suite, type SuitePlace } from './suite.ts';

/** What a worker thread is asked to do. */
export interface Task {
  place: SuitePlace;
  /** Cases already done, to be passed over. */
  done: number;
  /** Only cases whose id contains this. */
  filter?: string;
}

/** What it reports, in this order for each case: `begin`, then `end`; last of all `finished` or `broken`. */
export type Report =
  | { is: 'begin'; id: string; variant?: string; timeLimitMs: number }
  | { is: 'end'; outcome: Outcome }
  | { is: 'finished' }
  | { is: 'broken'; why: string };

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

async function outcomeOf(suiteCase: SuiteCase): Promise<Outcome> {
  try {
    return await suiteCase.run();
  } catch (error) {
    return { is: 'fail', why: `threw ${messageOf(error)}` };
  }
}

/** Run a suite's cases one after another. Never throws: what goes wrong outside a case is reported as `broken`. */
export async function work(kind: Kind, task: Task, report: (what: Report) => void): Promise<void> {
  const timeLimitMs = kind.timeLimitMs ?? TIME_LIMIT_MS;
  let position = 0;
  try {
    for await (const suiteCase of kind.cases(new Suite(task.place))) {
      if (task.filter !== undefined && !suiteCase.id.includes(task.filter)) continue;
      position += 1;
      if (position <= task.done) continue;
      const { id, variant } = suiteCase;
      report({ is: 'begin', id, timeLimitMs, ...(variant === undefined ? {} : { variant }) });
      report({ is: 'end', outcome: await outcomeOf(suiteCase) });
    }
    report({ is: 'finished' });
  } catch (error) {
    report({ is: 'broken', why: messageOf(error) });
  }
}
