/** `-j SET`: net/netfilter/xt_set.c. `--map-set` is not modelled and keeps its text. */
import type { Action } from '@podwire/engine';
import { byName, exclusive, needOption, option, Refusal, type TargetExtension, word } from '../base/extension.ts';
import { number } from '../base/numbers.ts';
import { checkSet, readSetFlags } from '../base/set-flags.ts';
import { bareWord } from '../base/words.ts';

const MODES = ['add-set', 'del-set', 'map-set'];
const MAPPED = ['map-mark', 'map-prio', 'map-queue'];

export const set: TargetExtension = {
  name: 'SET',
  options: [
    ...MODES.map((name) => option(name, 2)),
    option('exist', 0),
    option('timeout', 1),
    ...MAPPED.map((name) => option(name, 0)),
  ],
  parse(given, context) {
    needOption(given, 'SET', ...MODES);
    exclusive(given, 'SET', MODES);
    const g = byName(given);
    const asked = given.find((o) => MODES.includes(o.name));
    const [name = '', words = ''] = asked?.values ?? [];
    checkSet(name, context);
    const flags = readSetFlags(words);
    const mapped = MAPPED.filter((key) => g.has(key));
    if (asked?.name === 'map-set') {
      if (mapped.length === 0) throw new Refusal('SET: --map-set needs --map-mark, --map-prio or --map-queue');
      const options = mapped.map((key) => ` --${key}`).join('');
      return { kind: 'unmodelled-target', text: `-j SET --map-set ${bareWord(name)} ${flags.join(',')}${options}` };
    }
    if (mapped.length) throw new Refusal(`SET: --${mapped[0]} needs --map-set`);
    if (asked?.name === 'del-set') {
      if (g.has('exist') || g.has('timeout')) throw new Refusal('SET: --exist and --timeout need --add-set');
      return { kind: 'set-del', set: name, flags };
    }
    return {
      kind: 'set-add',
      set: name,
      flags,
      ...(g.has('exist') && { exist: true }),
      ...(g.has('timeout') && { timeout: number('timeout', word(g.get('timeout')), 0xfffffffe) }),
    };
  },
};

export function printSetAction(action: Extract<Action, { kind: 'set-add' | 'set-del' }>): string {
  return (
    `-j SET --${action.kind === 'set-add' ? 'add-set' : 'del-set'} ${bareWord(action.set)} ${action.flags.join(',')}` +
    (action.exist ? ' --exist' : '') +
    (action.timeout === undefined ? '' : ` --timeout ${action.timeout}`)
  );
}
