/** statistic_mt (net/netfilter/xt_statistic.c). */
import { ChoiceKind, type Match } from '../src/index.ts';
import type { Place } from './chain.ts';
import { choose } from './choice.ts';
import type { Host, Run } from './state.ts';

const WHOLE = 2 ** 31;

/** Alternative 0: the statement holds as written. */
function draw(run: Run, host: Host, { table, chain, index }: Place, weights: [number, number]): boolean {
  const rule = { table, chain, index };
  return choose(run, { kind: ChoiceKind.STATISTIC, alternatives: 2, weights, netns: host.netns.name, rule }) === 0;
}

export function matchStatistic(run: Run, host: Host, place: Place, match: Match & { kind: 'statistic' }): boolean {
  const not = match.not === true;
  if (match.mode === 'random') {
    if (match.probability <= 0 || match.probability >= WHOLE) return match.probability > 0 !== not;
    const { probability } = match;
    return draw(run, host, place, not ? [WHOLE - probability, probability] : [probability, WHOLE - probability]);
  }
  if (match.every <= 1) return !not;
  if (run.world.nthMode === 'choice') return draw(run, host, place, not ? [match.every - 1, 1] : [1, match.every - 1]);
  // The counter starts so that the packet numbered `packet` (from 0) is the first to match.
  const count = host.nth.get(match) ?? match.every - 1 - match.packet;
  const next = count === match.every - 1 ? 0 : count + 1;
  host.nth.set(match, next);
  return (next === 0) !== not;
}
