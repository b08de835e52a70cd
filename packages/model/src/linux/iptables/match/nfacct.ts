/** `-m nfacct`: counts and always matches. */
import type { Match } from '@podwire/engine';
import { byName, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { quoteWord } from '../base/words.ts';

/** NFACCT_NAME_MAX, its terminating zero included. */
const MAX_LENGTH = 32;

export const nfacct: MatchExtension = {
  name: 'nfacct',
  options: [option('nfacct-name', 1)],
  parse(given) {
    needOption(given, 'nfacct', 'nfacct-name');
    const name = word(byName(given).get('nfacct-name'));
    if (name === '' || name.length >= MAX_LENGTH) throw new Refusal(`nfacct: bad length of name "${name}"`);
    return { kind: 'nfacct', name };
  },
};

/** The tool writes two blanks before the name. */
export function printNfacct(match: Extract<Match, { kind: 'nfacct' }>): string {
  return `-m nfacct --nfacct-name  ${quoteWord(match.name)}`;
}
