// A Vitest reporter that counts, with the reason of every skip and the name of every failure, for the end of `npm test`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** A skip that gives no reason counts under this one, and as a failure. */
export const NO_REASON = 'no reason given';

const firstLine = (error) =>
  stripVTControlCharacters(`${error?.message ?? error}`)
    .trim()
    .split('\n', 1)[0];

export default class CountingReporter {
  counts = { passed: 0, failed: 0, skipped: {}, failures: [] };

  /** `where`: file and test. One failure, however many errors it has. */
  fail(where, errors) {
    this.counts.failed += 1;
    this.counts.failures.push(`${where}: ${firstLine(errors[0] ?? 'no error given')}`);
  }

  onTestCaseResult(testCase) {
    const { state, note, errors } = testCase.result();
    if (state === 'passed') this.counts.passed += 1;
    else if (state === 'failed') this.fail(`${testCase.module.relativeModuleId} > ${testCase.fullName}`, errors);
    else if (state === 'skipped') {
      const reason = note ?? NO_REASON;
      this.counts.skipped[reason] = (this.counts.skipped[reason] ?? 0) + 1;
    }
  }

  /** What fails before and after the tests of a `describe`. */
  onTestSuiteResult(suite) {
    const errors = suite.errors();
    if (errors.length > 0) this.fail(`${suite.module.relativeModuleId} > ${suite.fullName}`, errors);
  }

  /** A file that does not load or whose own hooks fail, and an error outside any test, are failures too. */
  onTestRunEnd(modules, errors) {
    for (const module of modules) {
      const own = module.errors();
      if (own.length > 0) this.fail(module.relativeModuleId, own);
    }
    for (const error of errors) this.fail('outside any test', [error]);
    const file = process.env.PODWIRE_TEST_COUNTS;
    if (file === undefined) return;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(this.counts));
  }
}
