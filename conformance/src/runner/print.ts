import { NOT_SUPPORTED, type SuiteTally, sumSkipped, type Tally } from './tally.ts';

const FAILURES_SHOWN = 10;

function columns(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const pad = (text: string, column: number): string =>
    /^\d+$/.test(text) ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(pad).join('  ').trimEnd());
}

function details(suite: SuiteTally): string[] {
  const lines: string[] = [];
  for (const [reason, count] of Object.entries(suite.skipped)) {
    if (reason !== NOT_SUPPORTED) lines.push(`  skipped ${count}: ${reason}`);
  }
  const rates = Object.entries(suite.rates ?? {}).map(
    ([variant, { held, run }]) => `${variant} ${held} of ${run} (${Math.floor((held / run) * 100)} %)`,
  );
  if (rates.length > 1) lines.push(`  ${rates.join(', ')}`);
  for (const { id, why } of suite.failures.slice(0, FAILURES_SHOWN)) lines.push(`  FAIL ${id}: ${why}`);
  const more = suite.failures.length - FAILURES_SHOWN;
  if (more > 0) lines.push(`  and ${more} more failures: -o json lists them all`);
  return lines.length === 0 ? [] : [`${suite.name}:`, ...lines];
}

export function summaryLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed`;
}

/** The human form: one row per suite, then what failed or was skipped, then the sum. */
export function printTable(tally: Tally): string {
  const head = ['SUITE', 'KIND', 'CASES', 'PASSED', 'FAILED', 'SKIPPED', 'LEDGER', ''];
  const rows = tally.suites.map((suite) => [
    suite.name,
    suite.kind,
    ...[suite.cases, suite.passed, suite.failed, sumSkipped(suite), suite.ledger].map(String),
    NOT_SUPPORTED in suite.skipped ? NOT_SUPPORTED : '',
  ]);
  const lines = columns([head, ...rows]);
  const below = tally.suites.flatMap(details);
  if (below.length > 0) lines.push('', ...below);
  lines.push('', summaryLine(tally));
  return `${lines.join('\n')}\n`;
}
