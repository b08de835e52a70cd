/** `-m recent`: net/netfilter/xt_recent.c. */
import type { Match } from '@podwire/engine';
import { address } from '../base/address.ts';
import {
  bang,
  byName,
  exclusive,
  inverted,
  type MatchExtension,
  needOption,
  option,
  Refusal,
  word,
} from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { bareWord, cutBytes, procName } from '../base/words.ts';

const ACTIONS = ['set', 'rcheck', 'update', 'remove'] as const;
/** XT_RECENT_NAME_LEN, the terminating zero included. */
const MAX_NAME = 200;
const ALL_ONES = { ip: '255.255.255.255', ip6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' };

export const recent: MatchExtension = {
  name: 'recent',
  options: [
    ...ACTIONS.map((name) => option(name, 0, { negatable: true })),
    option('seconds', 1),
    option('reap', 0),
    option('hitcount', 1),
    option('rttl', 0),
    option('name', 1),
    option('rsource', 0),
    option('rdest', 0),
    option('mask', 1),
  ],
  parse(given, { family }) {
    needOption(given, 'recent', ...ACTIONS);
    exclusive(given, 'recent', ACTIONS);
    const g = byName(given);
    const action = ACTIONS.find((name) => g.has(name)) ?? 'set';
    const looks = action === 'rcheck' || action === 'update';
    for (const only of ['seconds', 'hitcount', 'rttl']) {
      if (g.has(only) && !looks) throw new Refusal(`recent: --${only} may only be used with --rcheck or --update`);
    }
    if (g.has('reap') && !g.has('seconds')) throw new Refusal('recent: --reap needs --seconds');
    const seconds = g.get('seconds');
    const name = g.has('name') ? procName(cutBytes(word(g.get('name')), MAX_NAME - 1)) : 'DEFAULT';
    if (name === '') throw new Refusal('recent: the list has no name');
    const hitcount = g.get('hitcount');
    // No hits at all is no test.
    const hits = hitcount && number('hitcount', word(hitcount), 65535);
    const mask = g.get('mask');
    return {
      kind: 'recent',
      name,
      action,
      // Source and destination stand for one field: what was said last holds.
      side: given.findLast((o) => o.name === 'rsource' || o.name === 'rdest')?.name === 'rdest' ? 'dest' : 'source',
      mask: mask ? address(family, word(mask)) : ALL_ONES[family],
      ...(seconds && { seconds: number('seconds', word(seconds), 0xffffffff, 1) }),
      ...(g.has('reap') && { reap: true }),
      ...(hits !== undefined && hits > 0 && { hitcount: hits }),
      ...(g.has('rttl') && { rttl: true }),
      ...inverted(g.get(action)?.not),
    };
  },
};

export function printRecent(match: Extract<Match, { kind: 'recent' }>): string {
  return (
    `-m recent ${bang(match.not)}--${match.action}` +
    (match.seconds === undefined ? '' : ` --seconds ${match.seconds}`) +
    (match.reap ? ' --reap' : '') +
    (match.hitcount === undefined ? '' : ` --hitcount ${match.hitcount}`) +
    (match.rttl ? ' --rttl' : '') +
    ` --name ${bareWord(match.name)} --mask ${match.mask} --r${match.side}`
  );
}
