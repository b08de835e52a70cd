/** `-m limit`: net/netfilter/xt_limit.c. How full the bucket is nobody knows, so that the match keeps its text. */
import { byName, type MatchExtension, option, Refusal, type RulePlace, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { printRate, readRate } from '../base/rate.ts';

/** XT_LIMIT_SCALE. */
const SCALE = 10_000;
const DEFAULT_RATE = '3/hour';
const DEFAULT_BURST = 5;
/** HZ * CREDITS_PER_JIFFY of kernels with 250 or 1000 ticks. */
const CREDITS_PER_SECOND = 32_000;

/** net/netfilter/xt_limit.c:user2credits(), which keeps to 32 bits. */
function credits(period: number): number {
  return period > 0xffffffff / CREDITS_PER_SECOND
    ? Math.floor(period / SCALE) * CREDITS_PER_SECOND
    : Math.floor((period * CREDITS_PER_SECOND) / SCALE);
}

/** net/netfilter/xt_limit.c:limit_mt_check(). nftables has its own limit, in which no burst at all means the usual one. */
function checkBurst(period: number, burst: number, { backend }: RulePlace): number {
  if (backend !== 'legacy') return burst === 0 ? DEFAULT_BURST : burst;
  const product = Number((BigInt(period) * BigInt(burst)) & 0xffffffffn);
  if (burst === 0 || credits(product) < credits(period)) {
    throw new Refusal(`limit: Overflow, try lower: ${period}/${burst}`);
  }
  return burst;
}

export const limit: MatchExtension = {
  name: 'limit',
  options: [option('limit', 1), option('limit-burst', 1)],
  parse(given, { place }) {
    const g = byName(given);
    const rate = g.get('limit');
    const period = readRate(rate ? word(rate) : DEFAULT_RATE, SCALE);
    const asked = g.has('limit-burst') ? number('limit-burst', word(g.get('limit-burst')), 10_000) : DEFAULT_BURST;
    const burst = checkBurst(period, asked, place);
    return {
      kind: 'limit',
      text: `-m limit --limit ${printRate(period, SCALE)}${burst === DEFAULT_BURST ? '' : ` --limit-burst ${burst}`}`,
    };
  },
};
