/** Exact non-negative fractions, always in lowest terms. */

export interface Fraction {
  numerator: bigint;
  denominator: bigint;
}

export const ZERO: Fraction = { numerator: 0n, denominator: 1n };
export const ONE: Fraction = { numerator: 1n, denominator: 1n };

function commonDivisor(a: bigint, b: bigint): bigint {
  // Odds of `statistic` are counted in units of 2^-31. Of a power of two the divisors are found without division, which matters for the
  // products of hundreds of them that a Service with many endpoints makes.
  if (a > 0n && (b & (b - 1n)) === 0n) {
    const lowest = a & -a;
    return lowest < b ? lowest : b;
  }
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** Throws for a denominator of 0 or anything negative. */
export function fraction(numerator: bigint | number, denominator: bigint | number = 1n): Fraction {
  const [n, d] = [BigInt(numerator), BigInt(denominator)];
  if (d <= 0n || n < 0n) throw new RangeError(`not a fraction: ${n}/${d}`);
  const divisor = commonDivisor(n, d);
  return { numerator: n / divisor, denominator: d / divisor };
}

export const addFractions = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator);

export const multiplyFractions = (a: Fraction, b: Fraction): Fraction =>
  fraction(a.numerator * b.numerator, a.denominator * b.denominator);

/** Negative, 0 or positive, as `sort` wants it. */
export function compareFractions(a: Fraction, b: Fraction): number {
  const difference = a.numerator * b.denominator - b.numerator * a.denominator;
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

/** `1/3`; whole numbers without a denominator. */
export const formatFraction = ({ numerator, denominator }: Fraction): string =>
  denominator === 1n ? `${numerator}` : `${numerator}/${denominator}`;

/** The nearest double. */
export function fractionToNumber({ numerator, denominator }: Fraction): number {
  // Scaled so that the quotient keeps 64 bits, which a double rounds once.
  const shift = BigInt(Math.max(0, 64 - numerator.toString(2).length + denominator.toString(2).length));
  const scaled = Number((numerator << shift) / denominator);
  return scaled / 2 ** Number(shift);
}
