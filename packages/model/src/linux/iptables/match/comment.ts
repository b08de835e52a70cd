/** `-m comment`: always true. */
import type { Match } from '@podwire/engine';
import { byName, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { quoteWord } from '../base/words.ts';

/** XT_MAX_COMMENT_LEN, its terminating zero included. */
const MAX_BYTES = 256;

export const comment: MatchExtension = {
  name: 'comment',
  options: [option('comment', 1)],
  parse(given) {
    needOption(given, 'comment', 'comment');
    const text = word(byName(given).get('comment'));
    if (new TextEncoder().encode(text).length >= MAX_BYTES)
      throw new Refusal(`comment: longer than ${MAX_BYTES - 1} bytes`);
    return { kind: 'comment', text };
  },
};

export function printComment(match: Extract<Match, { kind: 'comment' }>): string {
  return `-m comment --comment ${quoteWord(match.text)}`;
}
