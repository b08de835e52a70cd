import { expect, test } from 'vitest';
import { progressOn } from './progress.ts';

function written(isTTY: boolean, isShown: boolean): string {
  let text = '';
  const progress = progressOn({ isTTY, write: (part) => (text += part) }, isShown);
  progress.clear();
  progress.show('reading');
  progress.show('sending');
  progress.clear();
  progress.clear();
  return text;
}

test('a step replaces the one before and is erased at the end', () => {
  expect(written(true, true)).toBe('\r\u001b[Kreading…\r\u001b[Ksending…\r\u001b[K');
});

test('nothing is written where no terminal is, or nobody wants it', () => {
  expect(written(false, true)).toBe('');
  expect(written(true, false)).toBe('');
});
