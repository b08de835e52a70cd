/** `-m connlimit`: net/netfilter/xt_connlimit.c. How many connections there are nobody knows, so that the match keeps its text. */
import { byName, exclusive, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';

export const connlimit: MatchExtension = {
  name: 'connlimit',
  options: [
    option('connlimit-upto', 1),
    option('connlimit-above', 1),
    option('connlimit-mask', 1),
    option('connlimit-saddr', 0),
    option('connlimit-daddr', 0),
  ],
  parse(given, { family }) {
    needOption(given, 'connlimit', 'connlimit-upto', 'connlimit-above');
    exclusive(given, 'connlimit', ['connlimit-upto', 'connlimit-above']);
    exclusive(given, 'connlimit', ['connlimit-saddr', 'connlimit-daddr']);
    const g = byName(given);
    const limit = g.get('connlimit-upto') ?? g.get('connlimit-above');
    const whole = family === 'ip' ? 32 : 128;
    const mask = g.has('connlimit-mask') ? number('connlimit-mask', word(g.get('connlimit-mask')), whole) : whole;
    const side = g.has('connlimit-daddr') ? 'daddr' : 'saddr';
    const count = number(limit?.name ?? '', word(limit));
    return {
      kind: 'limit',
      text: `-m connlimit --${limit?.name} ${count} --connlimit-mask ${mask} --connlimit-${side}`,
    };
  },
};
