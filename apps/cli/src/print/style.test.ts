import { expect, test } from 'vitest';
import { styleOf, wantsColor } from './style.ts';

test.each([
  ['auto', {}, true, true],
  ['auto', {}, false, false],
  ['auto', { NO_COLOR: '1' }, true, false],
  ['auto', { NO_COLOR: '' }, true, true],
  ['auto', { FORCE_COLOR: '1' }, false, true],
  ['auto', { FORCE_COLOR: '0' }, true, false],
  ['auto', { NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
  ['auto', { TERM: 'dumb' }, true, false],
  ['always', { NO_COLOR: '1' }, false, true],
  ['never', { FORCE_COLOR: '1' }, true, false],
] as const)('--color %s with %j, terminal %s: %s', (mode, env, isTerminal, expected) => {
  expect(wantsColor(mode, env, isTerminal)).toBe(expected);
});

test('without colour a text is left alone', () => {
  expect(styleOf(false)('text', 'red')).toBe('text');
  expect(styleOf(true)('text', 'red')).toBe('\u001b[31mtext\u001b[39m');
});
