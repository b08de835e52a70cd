import { expect, test } from 'vitest';
import { bgp4, bgp6, cluster, type PrefixTable } from './lpm-tables.ts';
import { Random } from './random.ts';

const prefixes = ({ records, count }: PrefixTable): number[][] =>
  Array.from({ length: count }, (_, i) => [...records.subarray(i * 6, i * 6 + 5)]);

/** True if the bits behind the prefix are 0. */
function isPrefix(family: 4 | 6, [a = 0, b = 0, c = 0, d = 0, length = 0]: number[]): boolean {
  const value = (BigInt(a) << 96n) | (BigInt(b) << 64n) | (BigInt(c) << 32n) | BigInt(d);
  const host = BigInt((family === 4 ? 32 : 128) - length);
  return host >= 0n && value === (value >> host) << host;
}

test.each([
  ['bgp4', 4, bgp4(20_000, new Random(1)), 20_000],
  ['bgp6', 6, bgp6(5000, new Random(1)), 5000],
  ['cluster, IPv4', 4, cluster(4, 300), 300 * 31],
  ['cluster, IPv6', 6, cluster(6, 300), 300 * 31],
] as const)('%s: distinct prefixes without host bits', (_, family, table, count) => {
  const all = prefixes(table);
  expect(new Set(all.map(String)).size).toBe(count);
  expect(all.filter((prefix) => !isPrefix(family, prefix))).toEqual([]);
});

test('a table of the Internet is mostly /24, and the same for the same seed', () => {
  const table = bgp4(20_000, new Random(1));
  const share = prefixes(table).filter(([, , , , length]) => length === 24).length / table.count;
  expect(share).toBeGreaterThan(0.5);
  expect(share).toBeLessThan(0.7);
  expect(bgp4(20_000, new Random(1)).records).toEqual(table.records);
});
