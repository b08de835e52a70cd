import { expect, test } from 'vitest';
import { explore, type Odds, tally } from './explore.ts';
import { formatFraction } from './fraction.ts';
import type { Machine } from './machine.ts';
import { ChoiceKind } from './terms.ts';
import type { Choice } from './walk.ts';

/** A machine that does nothing but meet choice points; `ask` returns the alternative. */
function dice() {
  let script: readonly number[] = [];
  let met: Choice[] = [];
  let resets = 0;
  const machine: Machine = {
    load: () => undefined,
    reset: () => {
      resets++;
      met = [];
      script = [];
    },
    script: (answers) => {
      script = answers;
      met = [];
    },
    choices: () => met,
    nth: () => undefined,
    advance: () => undefined,
    send: () => {
      throw new Error('not here');
    },
    answer: () => undefined,
    conntrack: () => [],
    flush: () => undefined,
  };
  const ask = (alternatives: number, weights?: number[]): number => {
    const taken = script[met.length] ?? 0;
    const kind = weights ? ChoiceKind.STATISTIC : ChoiceKind.UNMODELLED;
    met.push({ kind, alternatives, taken, netns: 'n', ...(weights ? { weights } : {}) });
    return taken;
  };
  return { machine, ask, resets: () => resets };
}

const text = ({ least, most }: Odds) => {
  const [low, high] = [formatFraction(least), formatFraction(most)];
  return low === high ? low : `${low}..${high}`;
};
const table = (odds: Map<string, Odds>) => Object.fromEntries([...odds].map(([key, value]) => [key, text(value)]));

test('three endpoints behind two weighted draws are each one third', () => {
  const { machine, ask } = dice();
  const run = () => {
    if (ask(2, [1, 2]) === 0) return 'a';
    return ask(2, [1, 1]) === 0 ? 'b' : 'c';
  };
  const found = explore(machine, run);
  expect(found.branches.map((b) => [b.script, formatFraction(b.odds), b.result])).toEqual([
    [[0], '1/3', 'a'],
    [[1, 0], '1/3', 'b'],
    [[1, 1], '1/3', 'c'],
  ]);
  expect(found.truncated).toBe(false);
  expect(table(tally(found, (result) => result))).toEqual({ a: '1/3', b: '1/3', c: '1/3' });
});

test('an open alternative does not matter where both ways agree', () => {
  const { machine, ask } = dice();
  const found = explore(machine, () => {
    ask(2);
    return ask(2, [1, 3]) === 0 ? 'a' : 'b';
  });
  expect(table(tally(found, (result) => result))).toEqual({ a: '1/4', b: '3/4' });
  expect(found.branches.every((branch) => branch.open.length === 1)).toBe(true);
});

test('where the ways differ the odds are bounds', () => {
  const { machine, ask } = dice();
  const found = explore(machine, () => (ask(2, [1, 1]) === 0 ? 'a' : ask(2) === 0 ? 'a' : 'drop'));
  expect(table(tally(found, (result) => result))).toEqual({ a: '1/2..1', drop: '0..1/2' });
});

test('what cannot happen is not run', () => {
  const { machine, ask } = dice();
  const found = explore(machine, () => ask(3, [0, 1, 0]));
  expect(found.branches.map((b) => b.result)).toEqual([1]);
});

test('a limit is reported, and the odds then leave room', () => {
  const { machine, ask } = dice();
  const found = explore(machine, () => String(ask(4, [1, 1, 1, 1])), { limit: 2 });
  expect(found.truncated).toBe(true);
  expect(table(tally(found, (result) => result))).toEqual({ 0: '1/4..3/4', 1: '1/4..3/4' });
});

test('every branch starts from the loaded state, after the traffic that went before', () => {
  const { machine, ask, resets } = dice();
  const order: string[] = [];
  explore(machine, () => order.push(`run ${ask(2, [1, 1])}`), { prepare: () => order.push('prepare') });
  expect(order).toEqual(['prepare', 'run 0', 'prepare', 'run 1']);
  expect(resets()).toBe(2);
});
