/** Bytes per second as `-m hashlimit` keeps them: a cost of 32 bits for each 16 bytes (extensions/libxt_hashlimit.c). */
import { Refusal } from './extension.ts';

const COST_MAX = 0xffffffffn;
/** XT_HASHLIMIT_BYTE_SHIFT. */
const SHIFT = 4n;
const U64 = 1n << 64n;

const FACTORS: Readonly<Record<string, bigint>> = { m: 1n << 20n, k: 1n << 10n };
const UNITS = [
  ['m', 1n << 20n],
  ['k', 1n << 10n],
  ['', 1n],
] as const;

export function bytesToCost(bytes: bigint): bigint {
  return COST_MAX / (((bytes >> SHIFT) & COST_MAX) + 1n);
}

export function costToBytes(cost: bigint): bigint {
  const count = cost === 0n ? COST_MAX : COST_MAX / cost;
  return (count - 1n) << SHIFT;
}

/** `4kb/s`; undefined for what is no rate of bytes. */
export function readByteRate(text: string): bigint | undefined {
  const mode = text.indexOf('b/s');
  const digits = /^\s*(\d+)/.exec(text)?.[1];
  if (mode <= 0 || digits === undefined || BigInt(digits) === 0n) return undefined;
  const rate = BigInt(digits) * (FACTORS[text.charAt(mode - 1)] ?? 1n);
  if (rate >= U64) throw new Refusal(`Rate value too large "${rate}" (max ${U64 - 1n})`);
  return rate;
}

/** Packets up to `max`, or bytes where a unit follows: `400kb`. */
export function readByteBurst(text: string, max: bigint): bigint {
  const m = /^(\d+)(.?)/.exec(text);
  const value = m?.[1] === undefined ? 0n : BigInt(m[1]);
  if (!m || value === 0n || value >= U64 || (m[2] === '' && value > max)) {
    throw new Refusal(`bad value for option "--hashlimit-burst", or out of range (1-${max}).`);
  }
  return value * (FACTORS[m[2] ?? ''] ?? 1n);
}

/** The largest unit that says the same cost. */
export function printByteRate(cost: bigint): string {
  const bytes = costToBytes(cost);
  const fits = ([, size]: (typeof UNITS)[number]) => bytes >= size && bytesToCost(bytes - (bytes % size)) === cost;
  const [name, size] = UNITS.slice(0, 2).find(fits) ?? UNITS[2];
  return `${bytes / size}${name}b/s`;
}

export function printByteBurst(bytes: bigint): string {
  const [name, size] = UNITS.slice(0, 2).find(([, unit]) => bytes >= unit) ?? UNITS[2];
  return `${bytes / size}${name}b`;
}
