/** Rulesets compared, against every packet there is; and witnesses, sent. */
import type { Table } from '@podwire/engine';
import { type ProbeResult, random } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { type Difference, rulesetDifference } from './equivalent.ts';
import { PacketSpace } from './space/packet-space.ts';
import { TINY_SUBJECTS, tinyPackets, tinyProbe, tinyTable } from './tiny.fixture.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const ROUNDS = Number(process.env.PODWIRE_ROUNDS ?? 30);

const ask = tinyProbe();

/** The mark of a packet that is gone is nobody's. */
const fate = ({ stopped, mark, connmark }: ProbeResult): string => `${stopped ? 'stopped' : mark} ${connmark}`;

/** The same, or another with one rule left out, swapped with its neighbour, or written once more. */
function changed(table: Table, n: number): Table {
  const r = random(SEED * 31 + n);
  const at = r.below(table.chains.length);
  return {
    ...table,
    chains: table.chains.map((chain, i) => {
      if (i !== at) return chain;
      const rules = [...chain.rules];
      const one = r.below(rules.length);
      const [taken] = rules.splice(one, 1);
      if (taken && r.chance(2, 3)) rules.splice(r.below(rules.length + 1), 0, taken);
      return { ...chain, rules };
    }),
  };
}

const differs = (one: Table, other: Table): boolean =>
  TINY_SUBJECTS.some((subject) => fate(ask(one, subject)) !== fate(ask(other, subject)));

test(`rulesets are alike where every packet fares alike, and only there (seed ${SEED})`, () => {
  let alike = 0;
  for (let n = 0; n < ROUNDS; n++) {
    const table = tinyTable(random(SEED * 15_485_863 + n), true);
    const other = changed(table, n);
    const space = new PacketSpace();
    const [one, two] = [{ tables: [table] }, { tables: [other] }];
    const difference: Difference | undefined = rulesetDifference(space, one, two, tinyPackets(space));
    const about = JSON.stringify({ n, table, other });
    expect(difference !== undefined, about).toBe(differs(table, other));
    if (difference) {
      const { packet } = difference;
      expect(fate(ask(table, packet)), about).not.toBe(fate(ask(other, packet)));
    } else alike++;
  }
  expect(alike).toBeGreaterThan(2);
  expect(alike).toBeLessThan(ROUNDS - 2);
});
