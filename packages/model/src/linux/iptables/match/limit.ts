/** `-m limit`: net/netfilter/xt_limit.c. How full the bucket is nobody knows, so that the match keeps its text. */
import { bang, byName, type MatchExtension, option, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { printRate, readRate } from '../base/rate.ts';

/** XT_LIMIT_SCALE. */
const SCALE = 10_000;
const DEFAULT_RATE = '3/hour';
const DEFAULT_BURST = 5;

export const limit: MatchExtension = {
  name: 'limit',
  options: [option('limit', 1), option('limit-burst', 1)],
  parse(given) {
    const g = byName(given);
    const rate = g.get('limit');
    const burst = g.has('limit-burst') ? number('limit-burst', word(g.get('limit-burst')), 10_000) : DEFAULT_BURST;
    const text = printRate(readRate(rate ? word(rate) : DEFAULT_RATE, SCALE), SCALE);
    return {
      kind: 'limit',
      text: `-m limit ${bang(rate?.not)}--limit ${text}${burst === DEFAULT_BURST ? '' : ` --limit-burst ${burst}`}`,
    };
  },
};
