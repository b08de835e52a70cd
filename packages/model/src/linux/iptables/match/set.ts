/** `-m set`: net/netfilter/xt_set.c. Options beyond the membership test are not modelled; a match with them keeps its text. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, needOption, option, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { readSetFlags } from '../base/set-flags.ts';

const COUNTERS = ['packets-eq', 'packets-lt', 'packets-gt', 'bytes-eq', 'bytes-lt', 'bytes-gt'];
const FLAGS = ['return-nomatch', 'update-counters', 'update-subcounters'];

export const set: MatchExtension = {
  name: 'set',
  options: [
    option('match-set', 2, { negatable: true, aliases: ['set'] }),
    option('return-nomatch', 0),
    option('update-counters', 0, { negatable: true }),
    option('update-subcounters', 0, { negatable: true }),
    ...COUNTERS.map((name) => option(name, 1, { negatable: name.endsWith('-eq') })),
  ],
  parse(given) {
    needOption(given, 'set', 'match-set');
    const test = byName(given).get('match-set');
    const [name = '', flags = ''] = test?.values ?? [];
    const match: Match = { kind: 'set', set: name, flags: readSetFlags(flags), ...inverted(test?.not) };
    const others = given.filter((g) => g.name !== 'match-set');
    if (others.length === 0) return match;
    const texts = [...FLAGS, ...COUNTERS].flatMap((key) =>
      others
        .filter((g) => g.name === key)
        .map(
          (g) => `${bang(g.not)}--${key}${g.values.length ? ` ${number(key, word(g), Number.MAX_SAFE_INTEGER)}` : ''}`,
        ),
    );
    return { kind: 'unmodelled', text: [printSet(match), ...texts].join(' ') };
  },
};

export function printSet(match: Extract<Match, { kind: 'set' }>): string {
  return `-m set ${bang(match.not)}--match-set ${match.set} ${match.flags.join(',')}`;
}
