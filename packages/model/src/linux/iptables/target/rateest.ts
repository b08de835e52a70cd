/** `-j RATEEST`: net/netfilter/xt_RATEEST.c, a moving average of what passes (net/core/gen_estimator.c). */
import { dictionary } from '../base/dictionary.ts';
import { type Given, Refusal } from '../base/extension.ts';
import { bare, row, type TextExtension } from '../base/table.ts';

const SECOND_US = 1_000_000;
const UNITS: Readonly<Record<string, number>> = dictionary({
  '': 1,
  s: SECOND_US,
  sec: SECOND_US,
  secs: SECOND_US,
  ms: 1000,
  msec: 1000,
  msecs: 1000,
  us: 1,
  usec: 1,
  usecs: 1,
});
const NAME_MAX = 15;

/** `250ms`; microseconds where no unit is named. */
function readTime(option: string, text: string): number {
  const m = /^\s*(\d*\.?\d+|\d+\.)([a-zA-Z]*)$/.exec(text);
  const unit = UNITS[m?.[2]?.toLowerCase() ?? ''];
  if (!m || unit === undefined) throw new Refusal(`RATEEST: bad ${option} value "${text}"`);
  return Math.floor(Number(m[1]) * unit);
}

function printTime(us: number): string {
  if (us >= SECOND_US) return `${(us / SECOND_US).toFixed(1)}s`;
  if (us >= 1000) return `${(us / 1000).toFixed(1)}ms`;
  return `${us}us`;
}

/** The kernel knows intervals of a quarter of a second, doubled up to five times. */
function interval(us: number): number {
  for (let power = 0; power <= 5; power++) {
    const full = (SECOND_US / 4) * 2 ** power;
    if (us <= full) return full;
  }
  throw new Refusal('RATEEST: interval value is too large');
}

/** The time that the average looks back, as power of two of intervals. */
function ewmaLog(intervalUs: number, wantedUs: number): number {
  let log = 1;
  while (log < 32 && intervalUs / -Math.log(1 - 1 / 2 ** log) <= wantedUs) log++;
  if (log === 1 || log - 1 >= 31) throw new Refusal('RATEEST: ewmalog value is out of range');
  return log - 1;
}

const value = (given: readonly Given[], name: string): string => given.find((g) => g.name === name)?.values[0] ?? '';

export const rateEstimator: TextExtension = {
  name: 'RATEEST',
  rows: [
    row('rateest-name', bare(NAME_MAX)),
    row('rateest-interval', ([text = '']) => printTime(interval(readTime('interval', text)))),
    row('rateest-ewmalog', ([text = ''], { given }) => {
      const asked = readTime('interval', value(given, 'rateest-interval'));
      return printTime(interval(asked) * 2 ** ewmaLog(asked, readTime('ewmalog', text)));
    }),
  ],
  need: [['rateest-name'], ['rateest-interval'], ['rateest-ewmalog']],
};
