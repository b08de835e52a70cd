import type { Suite } from './suite.ts';

/** What one case came to. `why` and `reason` are sentences without a full stop; reasons are counted, so keep them few. */
export type Outcome = { is: 'pass' } | { is: 'fail'; why: string } | { is: 'skip'; reason: string };

export const pass: Outcome = { is: 'pass' };
export const fail = (why: string): Outcome => ({ is: 'fail', why });
export const skip = (reason: string): Outcome => ({ is: 'skip', reason });

/** One case, not run yet. */
export interface SuiteCase {
  /** As the suite spells it. */
  id: string;
  /**
   * Tells cases of one kind apart that share an id, by something the case itself says (a mode, an address family).
   * Never the suite's name or folder.
   */
  variant?: string;
  /** May throw: that fails this case and no other. */
  run(): Outcome | Promise<Outcome>;
}

/** How suites of one kind are read and judged. One module per kind, listed in `kinds/index.ts`. */
export interface Kind {
  /** As in `suite.json`. */
  kind: string;
  /** For one case, in milliseconds; absent: `TIME_LIMIT_MS`. */
  timeLimitMs?: number;
  /**
   * The suite's cases, lazily and always in the same order: after a case that ran over its time limit the suite is read
   * again from the start and the cases that are done are passed over.
   */
  cases(suite: Suite): Iterable<SuiteCase> | AsyncIterable<SuiteCase>;
}

export const TIME_LIMIT_MS = 30_000;
