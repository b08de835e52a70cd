/** Prefix tables to look up in, made from a seed. */
import type { Random } from './random.ts';

export interface PrefixTable {
  family: 4 | 6;
  /** Six words each, as `PrefixMap.setMany` takes them. */
  records: Uint32Array;
  /** Number of prefixes. */
  count: number;
}

type Lengths = readonly (readonly [length: number, share: number])[];

/** Shares of prefix lengths, roughly those of the Internet's tables: most of IPv4 is /24 to /20, most of IPv6 is /48 and /32. */
const LENGTHS_4: Lengths = [
  [8, 16],
  [9, 13],
  [10, 40],
  [11, 100],
  [12, 300],
  [13, 580],
  [14, 1200],
  [15, 2100],
  [16, 13_600],
  [17, 8300],
  [18, 14_000],
  [19, 25_500],
  [20, 45_000],
  [21, 50_000],
  [22, 107_000],
  [23, 97_000],
  [24, 540_000],
];
const LENGTHS_6: Lengths = [
  [20, 20],
  [24, 40],
  [28, 150],
  [29, 5200],
  [30, 700],
  [32, 24_500],
  [33, 2500],
  [34, 2200],
  [35, 1000],
  [36, 8000],
  [38, 1500],
  [40, 12_500],
  [42, 2200],
  [44, 14_000],
  [46, 4500],
  [47, 2800],
  [48, 75_000],
  [56, 500],
  [64, 1500],
];
/** First words of address space given out: what lies in it is dense, what lies outside is empty. */
const ALLOCATED_6 = [0x20010000, 0x24000000, 0x240e0000, 0x26000000, 0x28000000, 0x2a000000, 0x2a0e0000, 0x2c000000];
/** How often a prefix follows directly on the last one of its length: holders announce neighbours. */
const NEIGHBOUR = 0.6;
/** Different values: routers have few next hops. */
const NEXT_HOPS = 64;

function draw(lengths: Lengths, random: Random): number {
  let rest = random.fraction() * lengths.reduce((sum, [, share]) => sum + share, 0);
  for (const [length, share] of lengths) {
    rest -= share;
    if (rest < 0) return length;
  }
  return (lengths.at(-1) as readonly [number, number])[0];
}

/** Draws `count` distinct prefixes of up to 64 bits; `fresh` draws an address, as its first 64 bits. */
function drawTable(family: 4 | 6, count: number, lengths: Lengths, random: Random, fresh: () => bigint): PrefixTable {
  const width = family === 4 ? 32n : 64n;
  const seen = new Set<bigint>();
  const last = new Map<number, bigint>();
  const records = new Uint32Array(count * 6);
  while (seen.size < count) {
    const length = draw(lengths, random);
    const host = width - BigInt(length);
    const before = last.get(length);
    const drawn = before !== undefined && random.fraction() < NEIGHBOUR ? before + 1n : fresh() >> host;
    const prefix = BigInt.asUintN(length, drawn);
    last.set(length, prefix);
    const address = prefix << host;
    const isUnicast = family === 6 || (address >> 24n >= 1n && address >> 24n <= 223n);
    const key = (address << 8n) | BigInt(length);
    if (!isUnicast || seen.has(key)) continue;
    const low = Number(address & 0xffffffffn);
    const words = family === 4 ? [0, 0, 0, low] : [Number(address >> 32n), low, 0, 0];
    records.set([...words, length, random.below(NEXT_HOPS)], seen.size * 6);
    seen.add(key);
  }
  return { family, records, count };
}

/** A table like the Internet's, IPv4. */
export function bgp4(count: number, random: Random): PrefixTable {
  return drawTable(4, count, LENGTHS_4, random, () => BigInt(random.word()));
}

/** A table like the Internet's, IPv6. */
export function bgp6(count: number, random: Random): PrefixTable {
  return drawTable(6, count, LENGTHS_6, random, () => {
    const allocated = ALLOCATED_6[random.below(ALLOCATED_6.length)] as number;
    return (BigInt(allocated + random.below(2 ** 24)) << 32n) | BigInt(random.word());
  });
}

/** A large cluster: a pod network for each node, and 30 pods in each with a route of their own. */
export function cluster(family: 4 | 6, nodes: number): PrefixTable {
  const records: number[] = [];
  for (let node = 0; node < nodes; node++) {
    const words = (host: number): number[] =>
      family === 4 ? [0, 0, 0, ((10 << 24) | (node << 8)) + host] : [0xfd000010, 0x02440000 + node, 0, host];
    records.push(...words(0), family === 4 ? 24 : 64, node);
    for (let pod = 0; pod < 30; pod++) records.push(...words(2 + pod), family === 4 ? 32 : 128, node * 30 + pod);
  }
  return { family, records: Uint32Array.from(records), count: records.length / 6 };
}
