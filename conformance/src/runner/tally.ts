import type { Ledger } from './ledger.ts';
import type { SuitePlace } from './suite.ts';
import type { CaseResult } from './supervise.ts';

export interface SuiteTally {
  name: string;
  kind: string;
  /** passed + failed + ledger + all of skipped. */
  cases: number;
  passed: number;
  failed: number;
  skipped: Record<string, number>;
  /** Failing cases that the ledger explains. */
  ledger: number;
  failures: { id: string; why: string }[];
  /** By variant, where the suite has such: how many of those that were run hold, ledger or not. */
  rates?: Record<string, { held: number; run: number }>;
}

export interface Tally {
  suites: SuiteTally[];
  passed: number;
  failed: number;
  skipped: number;
}

export const NOT_SUPPORTED = 'kind not supported yet';

function emptyTally(place: SuitePlace, cases: number): SuiteTally {
  const { name, kind } = place;
  return { name, kind, cases, passed: 0, failed: 0, skipped: {}, ledger: 0, failures: [] };
}

export function tallyUnsupported(place: SuitePlace, cases: number): SuiteTally {
  return { ...emptyTally(place, cases), skipped: { [NOT_SUPPORTED]: cases } };
}

/** Count a suite's results. A failure in the ledger is no failure; a pass in the ledger is one, so that entries do not outlive their reason. */
export function tallySuite(place: SuitePlace, results: readonly CaseResult[], ledger: Ledger): SuiteTally {
  const tally = emptyTally(place, results.length);
  const failed = (id: string, why: string): void => {
    tally.failed += 1;
    tally.failures.push({ id, why });
  };
  for (const { id, variant, outcome } of results) {
    const explained = ledger.has(place.kind, id, variant);
    if (variant !== undefined && outcome.is !== 'skip') {
      tally.rates ??= {};
      const rate = tally.rates[variant] ?? { held: 0, run: 0 };
      tally.rates[variant] = { held: rate.held + (outcome.is === 'pass' ? 1 : 0), run: rate.run + 1 };
    }
    if (outcome.is === 'skip') {
      tally.skipped[outcome.reason] = (tally.skipped[outcome.reason] ?? 0) + 1;
    } else if (outcome.is === 'fail') {
      if (explained) tally.ledger += 1;
      else failed(id, outcome.why);
    } else if (explained) {
      failed(id, 'passes, but the ledger says that it fails: remove its entry');
    } else {
      tally.passed += 1;
    }
  }
  return tally;
}

export function sumSkipped(tally: SuiteTally): number {
  return Object.values(tally.skipped).reduce((sum, count) => sum + count, 0);
}

export function tallyAll(suites: SuiteTally[]): Tally {
  const sum = (count: (suite: SuiteTally) => number): number =>
    suites.reduce((total, suite) => total + count(suite), 0);
  return {
    suites,
    passed: sum((suite) => suite.passed),
    failed: sum((suite) => suite.failed),
    skipped: sum(sumSkipped),
  };
}
