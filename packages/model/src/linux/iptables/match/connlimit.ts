/** `-m connlimit`: net/netfilter/xt_connlimit.c. How many connections there are nobody knows, so that the match keeps its text. */
import { prefixLength } from '../base/address.ts';
import { byName, exclusive, type MatchExtension, option, Refusal, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

export const connlimit: MatchExtension = {
  name: 'connlimit',
  options: [
    option('connlimit-upto', 1, { negatable: true }),
    option('connlimit-above', 1, { negatable: true }),
    option('connlimit-mask', 1),
    option('connlimit-saddr', 0),
    option('connlimit-daddr', 0),
  ],
  parse(given, { family }) {
    exclusive(given, 'connlimit', ['connlimit-upto', 'connlimit-above']);
    exclusive(given, 'connlimit', ['connlimit-saddr', 'connlimit-daddr']);
    const g = byName(given);
    const limit = g.get('connlimit-upto') ?? g.get('connlimit-above');
    if (!limit) throw new Refusal('You must specify "--connlimit-above" or "--connlimit-upto".');
    // Not up to is above.
    const upto = (limit.name === 'connlimit-upto') !== limit.not;
    const mask = g.get('connlimit-mask');
    const length = prefixLength(family, mask && word(mask));
    const side = g.has('connlimit-daddr') ? 'daddr' : 'saddr';
    return {
      kind: 'limit',
      text:
        `-m connlimit --connlimit-${upto ? 'upto' : 'above'} ${number(limit.name, word(limit))}` +
        ` --connlimit-mask ${length} --connlimit-${side}`,
    };
  },
};
