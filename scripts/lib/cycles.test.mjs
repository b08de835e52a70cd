import { expect, test } from 'vitest';
import { cycles } from './cycles.mjs';

const graph = (edges) => new Map(Object.entries(edges).map(([from, to]) => [from, new Set(to)]));

test.each([
  ['a line has none', { a: ['b'], b: ['c'] }, []],
  ['a diamond has none', { a: ['b', 'c'], b: ['d'], c: ['d'] }, []],
  ['a self edge does not count', { a: ['a'] }, []],
  ['two nodes', { a: ['b'], b: ['a'] }, [['a', 'b']]],
  ['a long way round, with a tail', { t: ['c'], c: ['a'], a: ['b'], b: ['c', 'z'] }, [['a', 'b', 'c']]],
  [
    'two apart',
    { a: ['b'], b: ['a', 'c'], c: ['d'], d: ['c'] },
    [
      ['c', 'd'],
      ['a', 'b'],
    ],
  ],
])('%s', (_, edges, want) => {
  expect(cycles(graph(edges))).toEqual(want);
});
