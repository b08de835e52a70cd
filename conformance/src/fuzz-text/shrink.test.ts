import { expect, test } from 'vitest';
import { shrinkText } from './shrink.ts';

const forever = 60_000;

test('lines and characters that do not matter go', async () => {
  const text = `${'noise\n'.repeat(50)}a needle here\n${'noise\n'.repeat(50)}`;
  expect(await shrinkText(text, async (part) => part.includes('needle'), forever)).toBe('needle');
});

test('lines that matter together stay together', async () => {
  const text = Array.from({ length: 40 }, (_, i) => `l${i};`).join('\n');
  const both = async (part: string) => part.includes('l3;') && part.includes('l31;');
  expect((await shrinkText(text, both, forever)).split('\n').join('')).toBe('l3;l31;');
});

test('half a surrogate pair can be left over', async () => {
  expect(await shrinkText('xy\u{1f600}z', async (part) => part.includes('\ud83d'), forever)).toBe('\ud83d');
});

test('without time, what failed is returned whole', async () => {
  expect(await shrinkText('a\nb\nc', async () => true, -1)).toBe('a\nb\nc');
});
