/** `-m set`: net/netfilter/xt_set.c. Options beyond the membership test are not modelled; a match with them keeps its text. */
import type { Match } from '@podwire/engine';
import {
  bang,
  byName,
  exclusive,
  type Given,
  inverted,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { parseLong } from '../base/numbers.ts';
import { checkSet, readSetFlags } from '../base/set-flags.ts';
import { bareWord } from '../base/words.ts';

const COUNTERS = ['packets-eq', 'packets-lt', 'packets-gt', 'bytes-eq', 'bytes-lt', 'bytes-gt'];
const FLAGS = ['return-nomatch', 'update-counters', 'update-subcounters'];

function readCounter(text: string): string {
  const value = parseLong(text);
  if (value === undefined) throw new Refusal(`Cannot parse ${text} as a counter value`);
  return value.toString();
}

export const set: MatchExtension = {
  name: 'set',
  options: [
    option('match-set', 2, { negatable: true, aliases: ['set'] }),
    option('return-nomatch', 0),
    option('update-counters', 0, { negatable: true }),
    option('update-subcounters', 0, { negatable: true }),
    ...COUNTERS.map((name) => option(name, 1, { negatable: name.endsWith('-eq') })),
  ],
  parse(given, context) {
    needOption(given, 'set', 'match-set');
    for (const unit of ['packets', 'bytes']) exclusive(given, 'set', [`${unit}-eq`, `${unit}-lt`, `${unit}-gt`]);
    const test = byName(given).get('match-set');
    const [name = '', flags = ''] = test?.values ?? [];
    checkSet(name, context);
    const match: Match = { kind: 'set', set: name, flags: readSetFlags(flags), ...inverted(test?.not) };
    // Counters are updated unless that is inverted.
    const says = (g: Given) => g.name !== 'match-set' && (g.not || !g.name.startsWith('update-'));
    const others = given.filter(says);
    if (others.length === 0) return match;
    const texts = [...FLAGS, ...COUNTERS].flatMap((key) =>
      others
        .filter((g) => g.name === key)
        .map((g) => `${bang(g.not)}--${key}${g.values.length ? ` ${readCounter(word(g))}` : ''}`),
    );
    const text = [printSet(match), ...texts].join(' ');
    const unknown: Match = { kind: 'unmodelled', text };
    // Whether counters are kept up decides nothing.
    if (others.every((g) => g.name.startsWith('update-'))) return { kind: 'extension', text, tests: [match] };
    const asksCounters = others.some((g) => COUNTERS.includes(g.name));
    const plain = asksCounters && !match.not && !others.some((g) => g.name === 'return-nomatch');
    // What an element has counted nobody knows, but it has to be there.
    return plain ? { kind: 'extension', text, tests: [match, unknown] } : unknown;
  },
};

export function printSet(match: Extract<Match, { kind: 'set' }>): string {
  return `-m set ${bang(match.not)}--match-set ${bareWord(match.set)} ${match.flags.join(',')}`;
}
