import type { Statement } from '@podwire/engine';
import { expect, test } from 'vitest';
import { Random } from '../lab/random.ts';
import { generate } from './generate.ts';
import type { Scenario } from './scenario.ts';
import { shrink } from './shrink.ts';

const statementsOf = ({ network }: Scenario): Statement[] =>
  network.netnses.flatMap((netns) =>
    netns.netfilter.flatMap((table) => table.chains.flatMap((chain) => chain.rules.flatMap((rule) => rule.body))),
  );

test('what has nothing to do with it goes', async () => {
  const scenario = generate(new Random('shrink/3'), 12);
  const kept = scenario.events[5];
  const disagrees = (candidate: Scenario) =>
    Promise.resolve(
      candidate.events.some((event) => JSON.stringify(event) === JSON.stringify(kept)) &&
        statementsOf(candidate).some((statement) => statement.kind === 'accept'),
    );
  expect(await disagrees(scenario)).toBe(true);
  const small = await shrink(scenario, disagrees, 2000);
  expect(small.events).toEqual([kept]);
  expect(statementsOf(small).map((statement) => statement.kind)).toEqual(['accept']);
  expect(small.listening).toEqual([]);
  const tables = small.network.netnses.flatMap((netns) => netns.netfilter);
  expect(tables).toHaveLength(1);
  expect(small.network.netnses.flatMap((netns) => netns.tables.flatMap((table) => table.routes))).toEqual([]);
});

test('stops when it has tried often enough', async () => {
  let tries = 0;
  await shrink(
    generate(new Random('shrink/3'), 12),
    () => {
      tries++;
      return Promise.resolve(false);
    },
    7,
  );
  expect(tries).toBe(7);
});
