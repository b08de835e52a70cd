import { expect, test } from 'vitest';
import {
  addFractions,
  compareFractions,
  formatFraction,
  fraction,
  fractionToNumber,
  multiplyFractions,
} from './fraction.ts';

test.each([
  [6, 4, '3/2'],
  [0, 7, '0'],
  [7, 7, '1'],
  [2 ** 31, 2 ** 32, '1/2'],
])('%i over %i is %s', (numerator, denominator, text) => {
  expect(formatFraction(fraction(numerator, denominator))).toBe(text);
});

test('sums, products and order are exact', () => {
  const third = fraction(1, 3);
  expect(formatFraction(addFractions(third, fraction(1, 6)))).toBe('1/2');
  expect(formatFraction(multiplyFractions(third, fraction(3, 4)))).toBe('1/4');
  expect(compareFractions(third, fraction(333333333, 1000000000))).toBe(1);
  expect(compareFractions(third, fraction(2, 6))).toBe(0);
});

test('a negative part or a denominator of 0 is refused', () => {
  expect(() => fraction(1, 0)).toThrow(RangeError);
  expect(() => fraction(-1, 2)).toThrow(RangeError);
});

test('becomes the nearest double, however long its parts are', () => {
  expect(fractionToNumber(fraction(1, 3))).toBe(1 / 3);
  expect(fractionToNumber(fraction(10n ** 400n, 3n * 10n ** 400n))).toBe(1 / 3);
  expect(fractionToNumber(fraction(0))).toBe(0);
});
