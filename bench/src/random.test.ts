import { expect, test } from 'vitest';
import { Random, Zipf } from './random.ts';

test('the same seed draws the same', () => {
  const draw = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.below(1000));
  };
  expect(draw(5)).toEqual(draw(5));
  expect(draw(5)).not.toEqual(draw(6));
});

test('a permutation has every number once', () => {
  const order = new Random(3).permutation(100);
  expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
  expect(new Set(order)).toEqual(new Set(Array.from({ length: 100 }, (_, i) => i)));
});

test('the second favourite comes half as often as the first', () => {
  const zipf = new Zipf(1000, new Random(9));
  const counts = new Map<number, number>();
  for (let i = 0; i < 200_000; i++) {
    const drawn = zipf.next();
    counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
  }
  const [first = 0, second = 0, third = 0] = [...counts.values()].sort((a, b) => b - a);
  expect(first / second).toBeCloseTo(2, 0);
  expect(first / third).toBeCloseTo(3, 0);
});
