/** `-m nfacct`: counts and always matches. */
import type { Match } from '@podwire/engine';
import { byName, type MatchExtension, needOption, option, Refusal, word } from '../base/extension.ts';
import { cutBytes, quoteWord } from '../base/words.ts';

/** NFACCT_NAME_MAX, its terminating zero included. */
const MAX_LENGTH = 32;

export const nfacct: MatchExtension = {
  name: 'nfacct',
  options: [option('nfacct-name', 1)],
  parse(given, { place }) {
    needOption(given, 'nfacct', 'nfacct-name');
    const name = cutBytes(word(byName(given).get('nfacct-name')), MAX_LENGTH - 1);
    if (name === '') throw new Refusal('Argument must have a minimum length of 1 characters');
    if (place.objects?.nfacct?.has(name) === false) {
      throw new Refusal(`nfacct: accounting object \`${name}' does not exist`);
    }
    return { kind: 'nfacct', name };
  },
};

/** The tool writes two blanks before the name. */
export function printNfacct(match: Extract<Match, { kind: 'nfacct' }>): string {
  return `-m nfacct --nfacct-name  ${quoteWord(match.name)}`;
}
