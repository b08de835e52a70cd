import { describe, expect, it } from 'vitest';
import type { RulePlace } from '../iptables/base/extension.ts';
import { splitRestoreWords } from '../iptables/base/words.ts';
import { Dice, mend, randomOptions } from '../iptables/testing/random-rule.ts';
import { headerOptions } from './header.ts';
import { parseArptablesRule, parseArptablesRules, printArptablesRule } from './index.ts';
import { targets } from './targets.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 20261121);

/** What is written -> what arptables-save 1.8.9 printed (Linux 6.18); null: it refused. */
const rows: [string, string | null, RulePlace?][] = [
  ['', ''],
  ['-s 1.2.3.4 -j DROP', '-j DROP -s 1.2.3.4'],
  ['-s 10.0.0.0/8 -i eth0 -j ACCEPT', '-j ACCEPT -i eth0 -s 10.0.0.0/8'],
  ['--opcode Reply -j ACCEPT', '-j ACCEPT --opcode 2'],
  ['--opcode Nothing', null],
  ['--h-length 7', null],
  ['-o eth0', null, { table: 'filter', chain: 'INPUT' }],
  ['-i eth0', null, { table: 'filter', chain: 'OUTPUT' }],
  ['-j mangle', null],
  [
    '-j mangle --mangle-ip-s 10.0.0.1 --mangle-target DROP -d 10.0.0.2',
    '-j mangle -d 10.0.0.2 --mangle-ip-s 10.0.0.1 --mangle-target DROP',
  ],
  ['! -s 1.2.3.4,5.6.7.8', null],
  ['-j "a b"', null],
];

describe('a rule of arptables', () => {
  it.each(rows)('%s', (written, expected, place = {}) => {
    const read = parseArptablesRule(splitRestoreWords(written) ?? [], place);
    if (expected === null) {
      expect(read).toHaveProperty('error');
      return;
    }
    if ('error' in read) throw new Error(read.error);
    const printed = printArptablesRule(read.rule);
    expect(printed).toBe(expected);
    expect(parseArptablesRule(splitRestoreWords(printed) ?? [], place)).toEqual(read);
  });

  it('becomes several for a list of addresses', () => {
    const read = parseArptablesRules(['-s', '1.2.3.4,5.6.7.8', '-j', 'DROP']);
    if ('error' in read) throw new Error(read.error);
    expect(read.rules.map(printArptablesRule)).toEqual(['-j DROP -s 1.2.3.4', '-j DROP -s 5.6.7.8']);
  });

  it.each([...targets.map(({ name }) => name), 'DROP'])(`at random with target %s (PODWIRE_SEED=${SEED})`, (name) => {
    const dice = new Dice(SEED);
    const tests = headerOptions.filter((spec) => spec.name !== 'jump');
    const own = targets.find((target) => target.name === name)?.options ?? [];
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const chosen = randomOptions(dice, tests, 'ip');
      const options = randomOptions(dice, own, 'ip');
      const words = () => [...[...chosen.values()].flat(), '-j', name, ...[...options.values()].flat()];
      for (let k = 0; k < 40; k++) {
        const read = parseArptablesRule(words());
        if ('rule' in read) break;
        const { error } = read;
        if (error.startsWith(name) || own.some((spec) => error.includes(spec.name)))
          mend(dice, options, error, own, 'ip');
        else mend(dice, chosen, error, tests, 'ip');
      }
      const read = parseArptablesRule(words());
      if ('error' in read) continue;
      // Counters are no part of the rule's text.
      const { body } = read.rule;
      const text = printArptablesRule(read.rule);
      expect(parseArptablesRule(splitRestoreWords(text) ?? []), `${words().join(' ')}\n=> ${text}`).toEqual({
        rule: { body },
      });
      seen.add(text);
    }
    expect(seen.size).toBeGreaterThan(10);
  });
});
