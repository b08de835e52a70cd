// A Vitest reporter that counts, with the reason of every skip, for the closing line of `npm test`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** A skip that gives no reason counts under this one, and as a failure. */
export const NO_REASON = 'no reason given';

export default class CountingReporter {
  counts = { passed: 0, failed: 0, skipped: {} };

  onTestCaseResult(testCase) {
    const { state, note } = testCase.result();
    if (state === 'passed') this.counts.passed += 1;
    else if (state === 'failed') this.counts.failed += 1;
    else if (state === 'skipped') {
      const reason = note ?? NO_REASON;
      this.counts.skipped[reason] = (this.counts.skipped[reason] ?? 0) + 1;
    }
  }

  /** A file that does not load, and an error outside any test, are failures too. */
  onTestRunEnd(modules, errors) {
    this.counts.failed += errors.length + modules.filter((module) => module.errors().length > 0).length;
    const file = process.env.PODWIRE_TEST_COUNTS;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(this.counts));
  }
}
