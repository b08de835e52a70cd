/** `-m tos`: net/netfilter/xt_dscp.c:tos_mt(): (tos & mask) == value. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { printTosValue, readTos } from '../base/tos.ts';

export const tos: MatchExtension = {
  name: 'tos',
  options: [option('tos', 1, { negatable: true })],
  parse(given) {
    needOption(given, 'tos', 'tos');
    const test = byName(given).get('tos');
    return { kind: 'tos', ...readTos('tos', word(test)), ...inverted(test?.not) };
  },
};

export function printTos(match: Extract<Match, { kind: 'tos' }>): string {
  return `-m tos ${bang(match.not)}--tos ${printTosValue(match)}`;
}
