import type { Outcome } from './contract.ts';
import type { SuitePlace } from './suite.ts';
import type { Report, Task } from './work.ts';

export interface CaseResult {
  id: string;
  variant?: string;
  outcome: Outcome;
}

/** The part of a worker thread that supervision needs. */
export interface WorkerLike {
  on(event: 'message', listener: (report: Report) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<number>;
}

/** For what happens between two cases: starting the worker, reading the suite. */
const PREPARE_LIMIT_MS = 120_000;

const OVERLONG = `the suite's next case was not read within ${PREPARE_LIMIT_MS} ms`;

interface Round {
  /** The case that was running when the worker was stopped or died; absent when it came to its end. */
  stopped?: { id: string; variant?: string };
  why: string;
  finished: boolean;
}

/** Let one worker run until the suite ends, the worker dies or a case takes too long. */
function runRound(worker: WorkerLike, results: CaseResult[]): Promise<Round> {
  return new Promise((resolve) => {
    let current: { id: string; variant?: string } | undefined;
    let timer = setTimeout(() => settle(false, OVERLONG), PREPARE_LIMIT_MS);
    let settled = false;
    const settle = (finished: boolean, why: string): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      const round = { finished, why, ...(current === undefined ? {} : { stopped: current }) };
      void worker.terminate().then(() => resolve(round));
    };
    worker.on('message', (report) => {
      if (settled) return;
      clearTimeout(timer);
      if (report.is === 'begin') {
        current = { id: report.id, ...(report.variant === undefined ? {} : { variant: report.variant }) };
        timer = setTimeout(() => settle(false, `ran over its ${report.timeLimitMs} ms`), report.timeLimitMs);
      } else if (report.is === 'end' && current !== undefined) {
        results.push({ ...current, outcome: report.outcome });
        current = undefined;
        timer = setTimeout(() => settle(false, OVERLONG), PREPARE_LIMIT_MS);
      } else if (report.is === 'broken') {
        settle(true, report.why);
      } else {
        settle(true, '');
      }
    });
    worker.on('error', (error) => settle(false, `ended the worker: ${error.message}`));
    worker.on('exit', (code) => settle(false, `ended the worker with code ${code}`));
  });
}

/**
 * Run one suite in worker threads: a case that hangs, exhausts memory or kills its thread fails, and a fresh worker goes on behind it.
 * What stops a suite outside any case is a failure with the id `(suite)`.
 */
export async function supervise(
  place: SuitePlace,
  filter: string | undefined,
  start: (task: Task) => WorkerLike,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (;;) {
    const done = results.length;
    const task = { place, done, ...(filter === undefined ? {} : { filter }) };
    const { stopped, why, finished } = await runRound(start(task), results);
    if (stopped !== undefined) {
      results.push({ ...stopped, outcome: { is: 'fail', why } });
    } else {
      if (why !== '') results.push({ id: '(suite)', outcome: { is: 'fail', why } });
      return results;
    }
    if (finished) return results;
  }
}
