/** Numbers by chance in the engine: choices between what a statement can tell apart (docs/machine.md, "Numbers by chance"). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createEngine, type Engine } from './engine.ts';
import type { Packet } from './packet.ts';
import type { Statement } from './rule.ts';
import type { NftSet, Selector, ValueRange } from './selector.ts';
import { ChoiceKind, Reason } from './terms.ts';
import { accept, chain, drop, host, input, passed, path, rule, rulesOf, to4 } from './testing/nft.ts';
import type { Choice } from './walk.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({
    wasm: new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url))),
  });
});

const send = (packet: Packet) => engine.send('host', packet, { link: 'eth0' });
const numgen = (mod: number, offset = 0): Selector => ({ field: 'numgen', mode: 'random', mod, offset });
const verdicts = (elements: [ValueRange, string][]): NftSet => ({
  type: ['integer'],
  data: 'verdict',
  elements: elements.map(([value, name]) => ({ key: [value], verdict: { kind: 'goto', chain: name } })),
});
const web = ['a', 'b', 'c'].map((name) => chain(name, [rule(accept)]));
const shapes = (choices: readonly Choice[]) => choices.map(({ kind, weights, taken }) => ({ kind, weights, taken }));

describe('numgen random', () => {
  const map = verdicts([
    [0, 'a'],
    [1, 'b'],
    [{ from: 2, to: 4 }, 'c'],
  ]);
  const balance: Statement = { kind: 'verdict-map', key: [numgen(6)], map };

  test('before a map: one alternative per element, and one for what none has', () => {
    engine.load(host(input([[balance], [drop]], { others: web })));
    for (const [taken, expected] of [['a'], ['b'], ['c'], []].entries()) {
      engine.script([taken]);
      const { steps } = send(to4());
      expect(rulesOf(steps).flatMap(({ target }) => target ?? [])).toEqual(expected);
      expect(shapes(engine.choices())).toEqual([{ kind: ChoiceKind.NUMBER, weights: [1, 1, 3, 1], taken }]);
    }
  });

  test('in a relation: holds or does not, in the order of the first number', () => {
    const test = (op: 'eq' | 'ge', value: number): Statement => ({
      kind: 'compare',
      key: [numgen(10)],
      op,
      values: [value],
    });
    engine.load(host(input([[test('ge', 3), accept]])));
    expect(passed(send(to4()).end)).toBe(false);
    engine.script([1]);
    expect(passed(send(to4()).end)).toBe(true);
    expect(shapes(engine.choices())).toEqual([{ kind: ChoiceKind.NUMBER, weights: [3, 7], taken: 1 }]);
    engine.load(host(input([[test('ge', 0), accept]])));
    expect(passed(send(to4()).end)).toBe(true);
    expect(engine.choices()).toEqual([]);
  });

  test('with an offset and with bits taken out', () => {
    const low: Selector = { ...numgen(8), mask: 1 };
    engine.load(host(input([[{ kind: 'compare', key: [low], op: 'eq', values: [1] }, accept]])));
    send(to4());
    expect(shapes(engine.choices())).toEqual([{ kind: ChoiceKind.NUMBER, weights: [4, 4], taken: 0 }]);
    const set: NftSet = { type: ['integer'], elements: [{ key: [100] }, { key: [101] }] };
    engine.load(host(input([[{ kind: 'lookup', key: [numgen(3, 100)], set }, accept]])));
    engine.script([2]);
    expect(passed(send(to4()).end)).toBe(false);
    expect(shapes(engine.choices())).toEqual([{ kind: ChoiceKind.NUMBER, weights: [1, 1, 1], taken: 2 }]);
  });

  test('as a value to set: each number is an alternative, up to 4096', () => {
    const mark = (mod: number): Statement => ({
      kind: 'set-meta',
      target: 'mark',
      value: { kind: 'selectors', key: [numgen(mod, 10)] },
    });
    engine.load(host(input([[mark(4096), accept]])));
    engine.script([77]);
    expect(send(to4()).end.packet.mark).toBe(87);
    expect(engine.choices()[0]?.alternatives).toBe(4096);
    engine.load(host(input([[mark(4097), accept]])));
    expect(send(to4()).end.packet.mark).toBe(0);
    expect(engine.choices()).toMatchObject([{ kind: ChoiceKind.UNMODELLED, alternatives: 2 }]);
    engine.script([1]);
    expect(send(to4()).end.reason).toBe(Reason.RULE);
  });

  test('a great range is counted, not tried', () => {
    const half: Statement = { kind: 'compare', key: [numgen(0xffffffff)], op: 'lt', values: [0x80000000] };
    engine.load(host(input([[half, accept]])));
    send(to4());
    expect(engine.choices()[0]?.weights).toEqual([0x80000000, 0x7fffffff]);
  });
});

test('numgen inc counts per rule, or is a choice where nobody knows the counter', () => {
  const key: Selector[] = [{ field: 'numgen', mode: 'inc', mod: 3, offset: 0 }];
  const map = verdicts([
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
  ]);
  engine.load(host(input([[{ kind: 'verdict-map', key, map }]], { others: web })));
  const target = () => rulesOf(send(to4()).steps)[0]?.target;
  expect([target(), target(), target(), target()]).toEqual(['a', 'b', 'c', 'a']);
  expect(engine.choices()).toEqual([]);
  engine.nth('choice');
  expect(target()).toBe('a');
  expect(engine.choices()).toMatchObject([{ kind: ChoiceKind.NUMBER, weights: [1, 1, 1] }]);
  engine.nth('count');
});

describe('hashes whose seed nobody knows', () => {
  const sticky: Selector = { field: 'jhash', key: [{ field: 'ip saddr' }], mod: 4, offset: 0 };
  const map = verdicts([
    [0, 'a'],
    [1, 'b'],
    [{ from: 2, to: 3 }, 'c'],
  ]);

  test('jhash: the same key has the same value within a script', () => {
    engine.load(host(input([[{ kind: 'verdict-map', key: [sticky], map }]], { others: web })));
    const target = (saddr: string) => rulesOf(send(to4({ saddr })).steps)[0]?.target;
    engine.script([1, 2]);
    expect([target('10.0.0.2'), target('10.0.0.2'), target('10.0.0.3'), target('10.0.0.2')]).toEqual([
      'b',
      'b',
      'c',
      'b',
    ]);
    expect(shapes(engine.choices())).toEqual([
      { kind: ChoiceKind.NUMBER, weights: [1, 1, 2], taken: 1 },
      { kind: ChoiceKind.NUMBER, weights: [1, 1, 2], taken: 2 },
    ]);
    engine.script([]);
    expect(target('10.0.0.2')).toBe('a');
  });

  test('a statement that tells more apart asks again, within what is known', () => {
    const low: Statement = { kind: 'compare', key: [{ field: 'symhash', mod: 8, offset: 0 }], op: 'lt', values: [6] };
    const exact: Statement = { kind: 'compare', key: [{ field: 'symhash', mod: 8, offset: 0 }], op: 'eq', values: [2] };
    engine.load(
      host(
        input([
          [low, exact, accept],
          [low, drop],
        ]),
      ),
    );
    engine.script([0, 1]);
    const { steps } = send(to4());
    expect(path(steps)).toEqual(['INPUT 0 ACCEPT']);
    expect(shapes(engine.choices())).toEqual([
      { kind: ChoiceKind.NUMBER, weights: [6, 2], taken: 0 },
      { kind: ChoiceKind.NUMBER, weights: [5, 1], taken: 1 },
    ]);
  });

  test('symhash: both directions of a flow have one value', () => {
    const low: Statement = { kind: 'compare', key: [{ field: 'symhash', mod: 8, offset: 0 }], op: 'lt', values: [4] };
    engine.load(host(input([[low, accept]])));
    send(to4());
    const other = to4({ saddr: '10.0.0.1', daddr: '10.0.0.2', sport: 80, dport: 40000 });
    engine.send('host', other);
    send(to4({ sport: 40001 }));
    expect(engine.choices()).toHaveLength(2);
  });
});

describe('what is not modelled', () => {
  const secret: Selector = { field: 'unmodelled', text: 'socket mark', type: 'integer' };

  test('in a relation or look-up: holds as written, or does not', () => {
    const set: NftSet = { type: ['integer'], elements: [{ key: [5] }] };
    for (const not of [false, true]) {
      engine.load(host(input([[{ kind: 'lookup', key: [secret], set, not }, accept]])));
      expect(passed(send(to4()).end)).toBe(true);
      expect(engine.choices()).toMatchObject([{ kind: ChoiceKind.UNMODELLED, alternatives: 2, text: 'socket mark' }]);
      engine.script([1]);
      expect(passed(send(to4()).end)).toBe(false);
    }
  });

  test('before a map: no element, then each in order', () => {
    const map = verdicts([
      [9, 'b'],
      [3, 'a'],
    ]);
    engine.load(host(input([[{ kind: 'verdict-map', key: [secret], map }], [drop]], { others: web })));
    const target = (answer: number) => {
      engine.script([answer]);
      return rulesOf(send(to4()).steps)[0]?.target;
    };
    expect([target(0), target(1), target(2)]).toEqual([undefined, 'b', 'a']);
    expect(engine.choices()[0]).toMatchObject({ kind: ChoiceKind.UNMODELLED, alternatives: 3 });
  });

  test('a limit of an element may end the rule', () => {
    const set: NftSet = {
      type: ['integer'],
      elements: [{ key: [80], statements: [{ kind: 'limit', text: 'limit rate 5/second' }] }],
    };
    engine.load(host(input([[{ kind: 'lookup', key: [{ field: 'th dport' }], set }, accept]])));
    expect(passed(send(to4()).end)).toBe(true);
    engine.script([1]);
    expect(passed(send(to4()).end)).toBe(false);
    expect(engine.choices()).toMatchObject([{ kind: ChoiceKind.LIMIT, text: 'limit rate 5/second' }]);
  });
});
