import { describe, expect, it } from 'vitest';
import type { IpFamily, MatchExtension, RulePlace, TargetExtension } from '../base/extension.ts';
import { splitRestoreWords } from '../base/words.ts';
import { parseIptablesRule } from '../parse-rule.ts';
import { printIptablesRule } from '../print-rule.ts';
import { allMatches, allTargets } from '../registry.ts';
import { Dice, mend, randomHeader, randomOptions, randomPlace, randomProtocol } from './random-rule.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20261121);
/** Enough of each extension, if they are found in so many tries. */
const TRIES = 300;
const ENOUGH = 12;

interface One {
  lead: string;
  extension: MatchExtension | TargetExtension;
}

const MENDS = 40;

/** Options of an extension that are not refused, if they are found in a few steps. */
function settle(dice: Dice, { lead, extension }: One, family: IpFamily, place: RulePlace): string[] {
  const protocol = randomProtocol(dice, extension);
  const chosen = randomOptions(dice, extension.options, family);
  const words = () => [...protocol, lead, extension.name, ...[...chosen.values()].flat()];
  for (let i = 0; i < MENDS; i++) {
    const read = parseIptablesRule(words(), family, place);
    if ('rule' in read) break;
    mend(dice, chosen, read.error, extension.options, family);
  }
  return words();
}

/** What was printed is read as the same rule, and printed alike. Undefined for a rule that is refused. */
function roundTrip(words: readonly string[], family: IpFamily, place: RulePlace): string | undefined {
  const read = parseIptablesRule(words, family, place);
  if ('error' in read) return undefined;
  const text = printIptablesRule(read.rule, family);
  const again = parseIptablesRule(splitRestoreWords(text) ?? [], family, place);
  expect(again, `${words.join(' ')}\n=> ${text}`).toEqual(read);
  if ('rule' in again) expect(printIptablesRule(again.rule, family)).toBe(text);
  return text;
}

describe.each(['ip', 'ip6'] as const)(`random rules of %s (PODWIRE_SEED=${SEED})`, (family) => {
  const all: One[] = [
    ...allMatches(family).map((extension) => ({ lead: '-m', extension })),
    ...allTargets(family).map((extension) => ({ lead: '-j', extension })),
  ];

  it.each(all.map((one) => [`${one.lead} ${one.extension.name}`, one] as const))(
    '%s is read again as it is printed',
    (_, { lead, extension }) => {
      const dice = new Dice(SEED);
      const seen = new Set<string>();
      for (let i = 0; i < TRIES && seen.size < ENOUGH; i++) {
        const place = randomPlace(dice, extension);
        const words = [...randomHeader(dice, family), ...settle(dice, { lead, extension }, family, place)];
        const text = roundTrip(words, family, place);
        if (text !== undefined) seen.add(text);
      }
      expect(seen.size, 'rules that were not refused').toBeGreaterThan(0);
    },
  );

  it('reads random matches and targets together', () => {
    const dice = new Dice(SEED);
    let read = 0;
    for (let i = 0; i < 300; i++) {
      const chosen = Array.from({ length: 1 + dice.below(3) }, () => dice.of(all));
      const matches = chosen.filter(({ lead }) => lead === '-m');
      const target = chosen.find(({ lead }) => lead === '-j');
      const place = randomPlace(dice, target?.extension ?? {});
      const words = [
        ...randomHeader(dice, family),
        ...[...matches, ...(target ? [target] : [])].flatMap((one) => settle(dice, one, family, place)),
      ];
      if (roundTrip(words, family, place) !== undefined) read++;
    }
    expect(read).toBeGreaterThan(30);
  });
});
