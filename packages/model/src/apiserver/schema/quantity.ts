/** Amounts as apimachinery/pkg/api/resource reads and writes them: exact, in their canonical form. */

/** In billionths of the unit: nothing smaller is kept. */
const NANO = 1_000_000_000n;

const BINARY: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];

type Format = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

interface Amount {
  nano: bigint;
  format: Format;
}

export const QUANTITY_FAULT =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Away from zero. */
function divideUp(value: bigint, by: bigint): bigint {
  const whole = value / by;
  if (value % by === 0n) return whole;
  return value < 0n ? whole - 1n : whole + 1n;
}

function power(exponent: number): bigint {
  return 10n ** BigInt(exponent);
}

function parse(text: string): Amount | undefined {
  const match = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([eE])([+-]?\d+)|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))$/.exec(text);
  if (match === null) return undefined;
  const [, sign, digits = '', letter, exponent = '0', suffix = ''] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  const mantissa = BigInt(`${whole}${fraction}` || '0') * (sign === '-' ? -1n : 1n);
  const bits = BINARY[suffix];
  if (bits !== undefined) {
    return { nano: divideUp(mantissa * (1n << BigInt(bits)) * NANO, power(fraction.length)), format: 'BinarySI' };
  }
  const scale = letter === undefined ? (DECIMAL.indexOf(suffix) - 3) * 3 : Number(exponent);
  const shift = scale + 9 - fraction.length;
  if (Math.abs(shift) > 400) return undefined;
  const nano = shift >= 0 ? mantissa * power(shift) : divideUp(mantissa, power(-shift));
  return { nano, format: letter === undefined ? 'DecimalSI' : 'DecimalExponent' };
}

function print({ nano, format }: Amount): string {
  if (nano === 0n) return '0';
  if (format === 'BinarySI' && (nano >= 1024n * NANO || nano <= -1024n * NANO)) {
    let value = divideUp(nano, NANO);
    let step = 0;
    for (; value % 1024n === 0n && step < 6; step++) value /= 1024n;
    return `${value}${['', ...Object.keys(BINARY)][step]}`;
  }
  let value = nano;
  let exponent = -9;
  while (value % 1000n === 0n && exponent < 18) {
    value /= 1000n;
    exponent += 3;
  }
  if (format !== 'DecimalExponent') return `${value}${DECIMAL[exponent / 3 + 3]}`;
  return exponent === 0 ? `${value}` : `${value}e${exponent}`;
}

/** The canonical form: `0.5` is `500m`, `1024Mi` is `1Gi`. Undefined for what is no amount. */
export function canonicalQuantity(text: string): string | undefined {
  const amount = parse(text.trim());
  return amount && print(amount);
}

/** In billionths, of an amount in canonical form. */
export function nanoOf(quantity: string): bigint {
  return parse(quantity)?.nano ?? 0n;
}
