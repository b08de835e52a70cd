/** `-m mark` and `-m connmark`: net/netfilter/xt_mark.c, xt_connmark.c: (mark & mask) == value. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { hex, valueAndMask } from '../base/numbers.ts';

function extension(kind: 'mark' | 'connmark'): MatchExtension {
  return {
    name: kind,
    options: [option('mark', 1, { negatable: true })],
    parse(given) {
      needOption(given, kind, 'mark');
      const test = byName(given).get('mark');
      const { value, mask } = valueAndMask('mark', word(test));
      return { kind, value, mask: mask ?? 0xffffffff, ...inverted(test?.not) };
    },
  };
}

export const mark = extension('mark');
export const connmark = extension('connmark');

export function printMark(match: Extract<Match, { kind: 'mark' | 'connmark' }>): string {
  const mask = match.mask === 0xffffffff ? '' : `/${hex(match.mask)}`;
  return `-m ${match.kind} ${bang(match.not)}--mark ${hex(match.value)}${mask}`;
}
