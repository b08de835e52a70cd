/** Rules that can go, against every packet there is: small rulesets whose packets can all be sent. */
import type { Chain, Rule, Table } from '@podwire/engine';
import { random } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { findShadows } from './shadow.ts';
import { PacketSpace } from './space/packet-space.ts';
import { TINY_SUBJECTS, tinyProbe, tinyTable } from './tiny.fixture.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const ROUNDS = Number(process.env.PODWIRE_ROUNDS ?? 30);

const ask = tinyProbe();
const nameOf = (chain: { name: string } | string, index: number) =>
  `${typeof chain === 'string' ? chain : chain.name} ${index + 1}`;

/** Rules that some packet matches. */
function everMatched(table: Table): Set<string> {
  const found = new Set<string>();
  for (const subject of TINY_SUBJECTS)
    for (const { chain, index } of ask(table, subject).matched) found.add(nameOf(chain, index));
  return found;
}

const fates = (table: Table): string =>
  TINY_SUBJECTS.map((subject) => {
    const { stopped, mark, connmark } = ask(table, subject);
    return `${stopped ? 'stopped' : mark} ${connmark}`;
  }).join('\n');

const withRules = (table: Table, chain: Chain, rules: Rule[]): Table => ({
  ...table,
  chains: table.chains.map((one) => (one === chain ? { ...chain, rules } : one)),
});

test.each([false, true])(
  `a rule never matches where no packet does, and only there (rules write marks: %s, seed ${SEED})`,
  (marks) => {
    let dead = 0;
    for (let n = 0; n < ROUNDS; n++) {
      const table = tinyTable(random(SEED * 7919 + n), marks);
      const { findings, unreached } = findShadows(new PacketSpace(), table);
      const never = [
        ...findings.filter(({ kind }) => kind !== 'redundant').map(({ chain, index }) => nameOf(chain, index)),
        ...unreached.flatMap(({ chain }) => chain.rules.map((_, index) => nameOf(chain, index))),
      ];
      const matched = everMatched(table);
      const all = table.chains.flatMap((chain) => chain.rules.map((_, index) => nameOf(chain, index)));
      expect(never.sort(), JSON.stringify({ n, table })).toEqual(all.filter((name) => !matched.has(name)).sort());
      dead += never.length;
    }
    expect(dead).toBeGreaterThan(ROUNDS / 2);
  },
);

test(`rules that shadow another do so without the rest (seed ${SEED})`, () => {
  let shadowed = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const table = tinyTable(random(SEED * 104_729 + n), false);
    for (const finding of findShadows(new PacketSpace(), table).findings) {
      if (finding.kind !== 'shadowed') continue;
      shadowed++;
      const { chain, index, by } = finding;
      const kept = chain.rules.filter((_, at) => by.includes(at) || at >= index);
      const reduced = withRules(table, chain, kept);
      expect(everMatched(reduced), JSON.stringify({ n, table, chain: chain.name, index, by })).not.toContain(
        nameOf(chain, by.length),
      );
    }
  }
  expect(shadowed).toBeGreaterThan(2);
});

test(`without a redundant rule every packet fares the same (seed ${SEED})`, () => {
  let redundant = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const table = tinyTable(random(SEED * 1_299_709 + n), true);
    for (const { kind, chain, index } of findShadows(new PacketSpace(), table).findings) {
      if (kind !== 'redundant') continue;
      redundant++;
      const without = withRules(
        table,
        chain,
        chain.rules.filter((_, at) => at !== index),
      );
      expect(fates(without), JSON.stringify({ n, table, chain: chain.name, index })).toBe(fates(table));
    }
  }
  expect(redundant).toBeGreaterThan(2);
});
