import { expect, test } from 'vitest';
import { expand } from './expand.ts';

const known: Record<string, string> = { A: '1', B: '$(A)', EMPTY: '' };

// The rows are those of Kubernetes' own page on dependent variables, and what its documentation of `value` says.
test.each([
  ['$(A)', '1'],
  ['x$(A)y$(A)', 'x1y1'],
  ['$(NONE)', '$(NONE)'],
  ['$$(A)', '$(A)'],
  ['$$$(A)', '$1'],
  ['$$', '$'],
  ['$', '$'],
  ['$A', '$A'],
  ['$(A', '$(A'],
  ['$(B)', '$(A)'],
  ['[$(EMPTY)]', '[]'],
  ['$()', '$()'],
  ['$($(A))', '$($(A))'],
])('%s becomes %s', (input, expected) => {
  expect(expand(input, (name) => known[name]).text).toBe(expected);
});

test('what was put in and what was not there is told', () => {
  expect(expand('$(A) $(C)', (name) => known[name])).toEqual({ text: '1 $(C)', used: ['A'], missing: ['C'] });
});
