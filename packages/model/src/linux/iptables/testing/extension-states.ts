/** What the machine makes of each extension: found by rules at random, so that no list of them has to be kept true. */
import { plainStatements, type Rule } from '@podwire/engine';
import type { IpFamily, MatchExtension, RulePlace, TargetExtension } from '../base/extension.ts';
import { parseIptablesRule } from '../parse-rule.ts';
import { allMatches, allTargets } from '../registry.ts';
import { Dice, mend, randomOptions, randomPlace, randomProtocol } from './random-rule.ts';

/** evaluated; a choice (chance, a limit, a program); asked as a whole, or in part; without influence on the packet's fate. */
export type ExtensionState = 'evaluated' | 'choice' | 'in part' | 'asked' | 'no influence';

const CHOICES: ReadonlySet<string> = new Set(['limit', 'queue', 'statistic']);
const UNKNOWN: ReadonlySet<string> = new Set(['unmodelled', 'unmodelled-target']);

/** Header tests that an extension may want before it are no part of it. */
const HEADER: ReadonlySet<string> = new Set(['protocol', 'saddr', 'daddr', 'iif', 'oif', 'fragment']);

function stateOf({ body }: Rule): ExtensionState {
  const own = body.filter(({ kind }) => !HEADER.has(kind));
  const [statement = { kind: 'nothing' }] = own;
  if (UNKNOWN.has(statement.kind)) return 'asked';
  if (CHOICES.has(statement.kind)) return 'choice';
  if (statement.kind === 'note' || statement.kind === 'comment' || statement.kind === 'nfacct') return 'no influence';
  return plainStatements(own).some(({ kind }) => UNKNOWN.has(kind)) ? 'in part' : 'evaluated';
}

/** Of each family. */
const TRIES = 40;
const MENDS = 40;

interface Named {
  lead: '-m' | '-j';
  extension: MatchExtension | TargetExtension;
}

/** A rule with the extension that is not refused, if one is found in a few steps. */
function drawn(dice: Dice, { lead, extension }: Named, family: IpFamily, place: RulePlace): Rule | undefined {
  const protocol = randomProtocol(dice, extension);
  const chosen = randomOptions(dice, extension.options, family);
  for (let i = 0; i < MENDS; i++) {
    const words = [...protocol, lead, extension.name, ...[...chosen.values()].flat()];
    const read = parseIptablesRule(words, family, place);
    if ('rule' in read) return read.rule;
    mend(dice, chosen, read.error, extension.options, family);
  }
  return undefined;
}

/** By `-m NAME` and `-j NAME` the states met in rules of both families. */
export function extensionStates(seed: number): Map<string, Set<ExtensionState>> {
  const dice = new Dice(seed);
  const states = new Map<string, Set<ExtensionState>>();
  for (const family of ['ip', 'ip6'] as const) {
    const all: Named[] = [
      ...allMatches(family).map((extension) => ({ lead: '-m' as const, extension })),
      ...allTargets(family).map((extension) => ({ lead: '-j' as const, extension })),
    ];
    for (const one of all) {
      const name = `${one.lead} ${one.extension.name}`;
      const met = states.get(name) ?? new Set<ExtensionState>();
      states.set(name, met);
      for (let i = 0; i < TRIES; i++) {
        const rule = drawn(dice, one, family, randomPlace(dice, one.extension));
        if (rule) met.add(stateOf(rule));
      }
    }
  }
  return states;
}
