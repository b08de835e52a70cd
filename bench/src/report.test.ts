import { expect, test } from 'vitest';
import { printHost, printJson, printTable, type Report } from './report.ts';
import { type Row, ratioOf } from './row.ts';

const fast: Row = { name: 'lpm a tab', unit: 'ns', min: 3, median: 6, runs: 9, against: { figure: 2, by: 'target' } };
const late: Row = {
  name: 'process b',
  unit: 'ms',
  min: 90,
  median: 125,
  runs: 7,
  against: { figure: 100, by: 'limit' },
};
const bare: Row = { name: 'process c', unit: 'MB', min: 1234.5, median: 1234.5, runs: 1, note: 'highest' };

const report: Report = {
  host: { cpu: 'A', cores: 2, node: '20.0.0', v8: '11', commit: 'abc', load: { before: 0.5, after: 3.5 }, busy: true },
  seed: 7,
  quick: true,
  rows: [fast, late, bare],
};

test('targets are compared with the fastest run, limits with the median', () => {
  expect([fast, late, bare].map(ratioOf)).toEqual([1.5, 1.25, undefined]);
});

test('the table', () => {
  expect(printTable(report.rows)).toBe(
    [
      'case       unit  fastest  median      against  ratio  note',
      'lpm a tab  ns       3.00    6.00  target 2.00   1.50',
      'process b  ms       90.0     125    limit 100   1.25',
      'process c  MB       1235    1235                      highest',
      '',
    ].join('\n'),
  );
});

test('the head says what makes figures doubtful', () => {
  expect(printHost(report)).toBe(
    [
      'A, 2 cores, Node 20.0.0 (V8 11)',
      'commit abc, seed 7, load 0.50 before and 3.50 after',
      'quick: smaller inputs, few runs; nothing to compare',
      'BUSY: more work than cores; the figures say little about this program',
      '',
    ].join('\n'),
  );
});

test('JSON carries the ratios', () => {
  const { rows, seed, host } = JSON.parse(printJson(report));
  expect(rows.map((row: { ratio?: number }) => row.ratio)).toEqual([1.5, 1.25, undefined]);
  expect({ seed, busy: host.busy, commit: host.commit }).toEqual({ seed: 7, busy: true, commit: 'abc' });
});
