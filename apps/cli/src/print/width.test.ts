import { expect, test } from 'vitest';
import { styleOf } from './style.ts';
import { displayWidth, padEnd, wrap } from './width.ts';

// Expected columns: Unicode Standard Annex 11 (East Asian Width) and how terminals show emoji.
test.each([
  ['', 0],
  ['web', 3],
  ['naïve', 5],
  ['e\u0301', 1],
  ['日本語', 6],
  ['한국', 4],
  ['ｆｕｌｌ', 8],
  ['🚀', 2],
  ['a\u200bb', 2],
  [styleOf(true)('red', 'red', 'bold'), 3],
])('%j takes %i columns', (text, columns) => {
  expect(displayWidth(text)).toBe(columns);
});

test('padding counts columns, not characters', () => {
  expect(padEnd('日本', 6)).toBe('日本  ');
  expect(padEnd('long', 2)).toBe('long');
});

test('wrapping breaks at blanks and leaves long words whole', () => {
  expect(wrap('one two three', 8)).toEqual(['one two', 'three']);
  expect(wrap('a extraordinarily b', 5)).toEqual(['a', 'extraordinarily', 'b']);
  expect(wrap('', 5)).toEqual(['']);
});
