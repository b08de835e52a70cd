/** `-m physdev`: net/netfilter/xt_physdev.c. */
import type { Match } from '@podwire/engine';
import { bang, byName, inverted, type MatchExtension, option, Refusal, refuseIn, word } from '../base/extension.ts';
import { bareWord, interfaceName } from '../base/words.ts';

const negatable = { negatable: true };

export const physdev: MatchExtension = {
  name: 'physdev',
  options: [
    option('physdev-in', 1, negatable),
    option('physdev-out', 1, negatable),
    option('physdev-is-in', 0, negatable),
    option('physdev-is-out', 0, negatable),
    option('physdev-is-bridged', 0, negatable),
  ],
  parse(given, context) {
    if (given.length === 0) throw new Refusal('PHYSDEV: no physdev option specified');
    const g = byName(given);
    const bridged = g.get('physdev-is-bridged');
    // Routed packets have no port to leave by yet.
    if ((g.has('physdev-out') || g.has('physdev-is-out')) && (!bridged || bridged.not)) {
      refuseIn(
        context,
        ['OUTPUT'],
        'physdev: --physdev-out and --physdev-is-out only supported in the FORWARD and POSTROUTING chains with bridged traffic',
      );
    }
    const name = (key: string) => {
      const test = g.get(key);
      return test && { name: interfaceName(word(test)), ...inverted(test.not) };
    };
    const flag = (key: string) => {
      const test = g.get(key);
      return test && inverted(test.not);
    };
    const input = name('physdev-in');
    const output = name('physdev-out');
    const isIn = flag('physdev-is-in');
    const isOut = flag('physdev-is-out');
    const isBridged = flag('physdev-is-bridged');
    return {
      kind: 'physdev',
      ...(input && { in: input }),
      ...(output && { out: output }),
      ...(isIn && { isIn }),
      ...(isOut && { isOut }),
      ...(isBridged && { isBridged }),
    };
  },
};

export function printPhysdev(match: Extract<Match, { kind: 'physdev' }>): string {
  const flag = (name: string, test: { not?: boolean } | undefined) =>
    test ? ` ${bang(test.not)}--physdev-${name}` : '';
  const device = (name: string, test: typeof match.in) => (test ? `${flag(name, test)} ${bareWord(test.name)}` : '');
  return (
    `-m physdev${flag('is-in', match.isIn)}${device('in', match.in)}` +
    `${flag('is-out', match.isOut)}${device('out', match.out)}${flag('is-bridged', match.isBridged)}`
  );
}
