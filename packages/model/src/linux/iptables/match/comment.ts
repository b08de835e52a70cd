/** `-m comment`: always true. */
import type { Match } from '@podwire/engine';
import { byName, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { cutBytes, quoteWord } from '../base/words.ts';

/** XT_MAX_COMMENT_LEN, its terminating zero included: the tool cuts what is longer. */
const MAX_BYTES = 256;

export const comment: MatchExtension = {
  name: 'comment',
  options: [option('comment', 1)],
  parse(given) {
    needOption(given, 'comment', 'comment');
    return { kind: 'comment', text: cutBytes(word(byName(given).get('comment')), MAX_BYTES - 1) };
  },
};

export function printComment(match: Extract<Match, { kind: 'comment' }>): string {
  return `-m comment --comment ${quoteWord(match.text)}`;
}
