/** `-m length`: net/netfilter/xt_length.c, the length of the whole IP packet. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { printRange, range } from '../base/numbers.ts';

export const length: MatchExtension = {
  name: 'length',
  options: [option('length', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'length', 'length');
    const test = byName(given).get('length');
    return { kind: 'length', ...range('length', word(test), 0xffff), ...inverted(test?.not) };
  },
};

export function printLength(match: Extract<Match, { kind: 'length' }>): string {
  return `-m length ${bang(match.not)}--length ${printRange(match)}`;
}
