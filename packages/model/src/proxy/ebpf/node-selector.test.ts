import { expect, test } from 'vitest';
import { matchesNodeSelector } from './node-selector.ts';

const labels = { zone: 'a', 'example.com/rank': '3', edge: '' };

test.each([
  ['', true],
  ['zone=a', true],
  ['zone==b', false],
  ['zone!=b,edge', true],
  ['absent!=b', true],
  ['zone in (b, a),!absent', true],
  ['zone notin (a)', false],
  ['absent notin (a)', true],
  ['absent in (a,)', false],
  ['example.com/rank>2', true],
  ['example.com/rank<2', false],
  ['zone>2', false],
  ['zone in a', undefined],
  ['=', undefined],
])('%s', (selector, expected) => {
  expect(matchesNodeSelector(selector, labels)).toBe(expected);
});
