import { random } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { MUTATIONS, mutate, mutateBy } from './mutate.ts';

const text = 'default via 10.0.0.1 dev "eth0"\n10.0.0.0/24 dev eth0\n{"metric": 5}\nblackhole 10.1.0.0/16\n';
const others = ['table inet fw {\n}\n', '*filter\n-A INPUT -j ACCEPT\nCOMMIT\n'];

test.each(MUTATIONS)('%s changes the text, the same way for the same seed', (name) => {
  const made = Array.from({ length: 30 }, (_, seed) => mutateBy(name, text, random(seed), others));
  expect(made).toEqual(Array.from({ length: 30 }, (_, seed) => mutateBy(name, text, random(seed), others)));
  expect(made.some((one) => one !== text)).toBe(true);
  expect(new Set(made).size).toBeGreaterThan(name === 'ends' ? 3 : 2);
});

test.each(MUTATIONS)('%s takes the empty text', (name) => {
  for (let seed = 0; seed < 30; seed++) expect(typeof mutateBy(name, '', random(seed), others)).toBe('string');
});

test('what was asked for is there: long lines, many lines, foreign words, line ends', () => {
  const longest = (made: string) => Math.max(...made.split('\n').map((line) => line.length));
  const all = (name: string) => Array.from({ length: 20 }, (_, seed) => mutateBy(name, text, random(seed), others));
  expect(Math.max(...all('long-line').map(longest))).toBeGreaterThanOrEqual(1_000_000);
  expect(Math.max(...all('many-lines').map((made) => made.split('\n').length))).toBeGreaterThanOrEqual(100_000);
  expect(all('foreign').some((made) => made.includes('COMMIT'))).toBe(true);
  expect(all('ends').some((made) => /\r(?!\n)/.test(made))).toBe(true);
  expect(all('digits').some((made) => /[\u0660-\u0669]/.test(made))).toBe(true);
});

test('damage is named, and one text in thirty becomes large', () => {
  const made = Array.from({ length: 900 }, (_, seed) => mutate(text, random(seed), others));
  for (const { by } of made) for (const name of by) expect(MUTATIONS).toContain(name);
  const large = made.filter(({ text: { length } }) => length > 10_000).length;
  expect(large).toBeGreaterThan(5);
  expect(large).toBeLessThan(90);
});
