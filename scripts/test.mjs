// `npm test`: set up, build, check types, lint, look for unused code, tidy, run the unit tests; close with the counts.
// A test that cannot run here skips with a reason that starts with `needs NAME:`. PODWIRE_REQUIRE=NAME,... makes
// such skips failures, and a skip without a reason always is one.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { dev } from './dev.mjs';
import { NO_REASON } from './lib/reporter.mjs';
import { root, toolEnvironment } from './lib/root.mjs';
import { run } from './lib/run.mjs';
import { setup } from './setup.mjs';

const NAMED_MAX = 20;
const NAME_LENGTH_MAX = 300;
const countsFile = join(root, '.cache', 'unit-counts.json');
const required = (process.env.PODWIRE_REQUIRE ?? '').split(',').filter((name) => name !== '');

const checks = {
  build: () => dev('build'),
  typecheck: () => dev('typecheck'),
  lint: () => dev('lint'),
  unused: () => dev('unused'),
  tidy: () => run(process.execPath, [join(root, 'scripts/tidy.mjs')], { cwd: root }),
};

async function unitTests() {
  rmSync(countsFile, { force: true });
  const env = { ...toolEnvironment(), PODWIRE_TEST_COUNTS: countsFile };
  const code = await dev('unit', ['--reporter=default', '--reporter=./scripts/lib/reporter.mjs'], { env });
  const exit = `unit tests ended with exit ${code}`;
  if (!existsSync(countsFile)) return { passed: 0, failed: 1, skipped: {}, failures: [`${exit} and no counts`] };
  const counts = JSON.parse(readFileSync(countsFile, 'utf8'));
  if (code !== 0 && counts.failed === 0) {
    counts.failed = 1;
    counts.failures.push(exit);
  }
  return counts;
}

/** A required skip is a failure, and so is one that gives no reason. */
function mustNotSkip(reason) {
  return reason === NO_REASON || required.some((name) => reason.startsWith(`needs ${name}:`));
}

if (process.argv.length > 2) {
  console.error('npm test takes no arguments; one package: node scripts/dev.mjs unit packages/model');
  process.exit(2);
}
await setup();

const total = { passed: 0, failed: 0 };
const failedNames = [];
for (const [name, check] of Object.entries(checks)) {
  const started = performance.now();
  const ok = (await check()) === 0;
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  total[ok ? 'passed' : 'failed'] += 1;
  if (!ok) failedNames.push(name);
}

const unit = await unitTests();
total.passed += unit.passed;
total.failed += unit.failed;
failedNames.push(...unit.failures);

for (const [reason, count] of Object.entries(unit.skipped).sort()) {
  const fails = mustNotSkip(reason);
  if (fails) {
    total.failed += count;
    failedNames.push(`${count} skipped: ${reason}`);
  }
  console.log(`${count} skipped: ${reason}${fails ? ' (counts as failed)' : ''}`);
}
// By name once more at the very end, where a log that was cut still has them. `.ci/run` repeats these lines.
for (const name of failedNames.slice(0, NAMED_MAX)) console.log(`failed: ${name.slice(0, NAME_LENGTH_MAX)}`);
if (failedNames.length > NAMED_MAX) console.log(`failed: and ${failedNames.length - NAMED_MAX} more`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
