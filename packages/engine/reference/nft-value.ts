/** What registers hold: nft_data, compared as unsigned numbers in network byte order (nft_cmp.c, nft_range.c). */
import { formatAddress, parseAddress, type Scalar, type ValueRange, type ValueType } from '../src/index.ts';

export interface Value {
  type: ValueType;
  /** Everything but names. */
  n: bigint;
  /** Interface names alone. */
  name: string;
}

export const integer = (n: number | bigint): Value => ({ type: 'integer', n: BigInt(n), name: '' });

export const ifname = (name: string): Value => ({ type: 'ifname', n: 0n, name });

export function address(text: string): Value {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(`not an address: ${text}`);
  const [a, b, c, d] = parsed.words.map((word) => BigInt(word >>> 0)) as [bigint, bigint, bigint, bigint];
  if (parsed.family === 4) return { type: 'ipv4_addr', n: d, name: '' };
  return { type: 'ipv6_addr', n: (a << 96n) | (b << 64n) | (c << 32n) | d, name: '' };
}

export const ether = (text: string): Value => ({
  type: 'ether_addr',
  n: BigInt(`0x${text.replaceAll(':', '')}`),
  name: '',
});

/** As text that the machine's NAT takes. */
export function addressText({ type, n }: Value): string {
  const words = [96n, 64n, 32n, 0n].map((shift) => Number((n >> shift) & 0xffffffffn));
  const [a = 0, b = 0, c = 0, d = 0] = words;
  return formatAddress(type === 'ipv4_addr' ? { family: 4, words: [0, 0, 0, d] } : { family: 6, words: [a, b, c, d] });
}

/** As a constant of a rule or an element. */
export function scalarOf(value: Value): Scalar {
  switch (value.type) {
    case 'integer':
      return Number(value.n);
    case 'ifname':
      return value.name;
    case 'ether_addr':
      return value.n
        .toString(16)
        .padStart(12, '0')
        .replace(/..(?!$)/g, '$&:');
    default:
      return addressText(value);
  }
}

/** A constant as a value of the type that the packet's side has; undefined where it is of another (an address of the other family). */
export function constant(scalar: Scalar, type: ValueType): Value | undefined {
  switch (type) {
    case 'ifname':
      return ifname(String(scalar));
    case 'ether_addr':
      return ether(String(scalar));
    case 'integer':
      return integer(BigInt(scalar));
    default: {
      const value = address(String(scalar));
      return value.type === type ? value : undefined;
    }
  }
}

/** First and last number of a range, of the type; undefined for names and for the other family. */
export function boundsOf(range: ValueRange, type: ValueType): [bigint, bigint] | undefined {
  if (type === 'ifname') return undefined;
  const [from, to] = typeof range === 'object' ? [range.from, range.to] : [range, range];
  const [first, last] = [constant(from, type), constant(to, type)];
  return first && last && [first.n, last.n];
}

/** A trailing `*` of a name stands for any rest. */
function nameFits(name: string, range: ValueRange): boolean {
  if (typeof range === 'object') throw new Error('interface names have no ranges');
  const wanted = String(range);
  return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted;
}

export function fits(value: Value, range: ValueRange): boolean {
  if (value.type === 'ifname') return nameFits(value.name, range);
  const bounds = boundsOf(range, value.type);
  return bounds !== undefined && value.n >= bounds[0] && value.n <= bounds[1];
}

export const fitsAll = (values: readonly Value[], ranges: readonly ValueRange[]): boolean =>
  values.length === ranges.length && values.every((value, i) => fits(value, ranges[i] as ValueRange));

const WIDTHS: Record<ValueType, bigint> = {
  integer: 32n,
  ipv4_addr: 32n,
  ipv6_addr: 128n,
  ether_addr: 48n,
  ifname: 0n,
};

/** ((value & mask) ^ xor) and a shift, within the width of the type (nft_bitwise.c). */
export function altered(value: Value, ops: { mask?: Scalar; xor?: Scalar; shift?: number }): Value | undefined {
  if (value.type === 'ifname') return value;
  const width = WIDTHS[value.type];
  const all = (1n << width) - 1n;
  const mask = ops.mask === undefined ? all : constant(ops.mask, value.type)?.n;
  const xor = ops.xor === undefined ? 0n : constant(ops.xor, value.type)?.n;
  if (mask === undefined || xor === undefined) return undefined;
  const { shift = 0 } = ops;
  const bits = (value.n & mask) ^ xor;
  return { ...value, n: (shift < 0 ? bits << BigInt(-shift) : bits >> BigInt(shift)) & all };
}

/** The first `bytes` bytes of a register that holds the number in network byte order, filled up to whole words with zeros. */
export function wordsOf({ n }: Value, bytes: number): number[] {
  const words = Math.ceil(bytes / 4);
  const filled = n << BigInt((words * 4 - bytes) * 8);
  return Array.from({ length: words }, (_, i) => Number((filled >> BigInt((words - 1 - i) * 32)) & 0xffffffffn));
}
