/** `-m statistic`: net/netfilter/xt_statistic.c. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

/** The kernel compares 31 random bits with the probability. */
const ONE = 0x80000000;
const DIGITS = 11;

function readProbability(text: string): number {
  const p = /^[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?$/.test(text) || /^[0-9]+\.$/.test(text) ? Number(text) : Number.NaN;
  if (!(p >= 0 && p <= 1)) throw new Refusal('statistic: --probability must be between 0 and 1');
  return Math.round(p * ONE);
}

/** `%.11f` of probability / 2^31, halves to even as the C library rounds. */
function formatProbability(probability: number): string {
  const scaled = BigInt(probability) * 10n ** BigInt(DIGITS);
  const unit = BigInt(ONE);
  let quotient = scaled / unit;
  const twice = (scaled % unit) * 2n;
  if (twice > unit || (twice === unit && quotient % 2n === 1n)) quotient++;
  const digits = quotient.toString().padStart(DIGITS + 1, '0');
  return `${digits.slice(0, -DIGITS)}.${digits.slice(-DIGITS)}`;
}

export const statistic: MatchExtension = {
  name: 'statistic',
  options: [
    option('mode', 1),
    option('probability', 1, { negatable: true }),
    option('every', 1, { negatable: true }),
    option('packet', 1),
  ],
  parse(given) {
    needOption(given, 'statistic', 'mode');
    if (given.some((o) => o.name === 'every') !== given.some((o) => o.name === 'packet')) {
      throw new Refusal('statistic: "--every" and "--packet" require each other.');
    }
    const g = byName(given);
    const mode = word(g.get('mode'));
    if (mode === 'random') {
      needOption(given, 'statistic', 'probability');
      const test = g.get('probability');
      if (g.has('every') || g.has('packet')) throw new Refusal('statistic: --every and --packet need "--mode nth"');
      return { kind: 'statistic', mode, probability: readProbability(word(test)), ...inverted(test?.not) };
    }
    if (mode !== 'nth') throw new Refusal(`Bad mode "${mode}"`);
    if (g.has('probability')) throw new Refusal('statistic: --probability needs "--mode random"');
    needOption(given, 'statistic', 'every');
    needOption(given, 'statistic', 'packet');
    const test = g.get('every');
    const every = number('every', word(test), 0xffffffff, 1);
    const packet = number('packet', word(g.get('packet')), 0xffffffff);
    if (packet >= every) throw new Refusal('the --packet p must be 0 <= p <= n-1');
    return { kind: 'statistic', mode, every, packet, ...inverted(test?.not) };
  },
};

export function printStatistic(match: Extract<Match, { kind: 'statistic' }>): string {
  return match.mode === 'random'
    ? `-m statistic --mode random ${bang(match.not)}--probability ${formatProbability(match.probability)}`
    : `-m statistic --mode nth ${bang(match.not)}--every ${match.every} --packet ${match.packet}`;
}
