import { beforeAll, describe, expect, test } from 'vitest';
import {
  addToAddress,
  containsAddress,
  formatAddress,
  formatPrefix,
  type IpAddress,
  type IpPrefix,
  maskOf,
  networkOf,
  parsePrefix,
  type Words,
} from './address.ts';
import { compileEngine } from './compile.ts';
import { createPrefixMap, matchLength, matchValue, type PrefixMap, type PrefixMatch } from './lpm.ts';
import type { Family } from './packet.ts';
import { Random } from './testing/random.ts';

/** Printed in the titles; another one each time, unless given. */
const seed = Number(process.env.PODWIRE_SEED ?? Date.now() % 1_000_000_007);

let wasm: WebAssembly.Module;
beforeAll(async () => {
  wasm = await compileEngine();
});

/** The obvious way: looks at every prefix. */
class SlowPrefixMap {
  readonly entries = new Map<string, { prefix: IpPrefix; value: number }>();

  lookup(address: IpAddress, shorterThan = 129): PrefixMatch | undefined {
    let best: PrefixMatch | undefined;
    for (const { prefix, value } of this.entries.values()) {
      if (prefix.length >= shorterThan || !containsAddress(prefix, address)) continue;
      if (!best || prefix.length > best.length) best = { length: prefix.length, value };
    }
    return best;
  }
}

/** Prefixes that overlap: addresses near a few bases, lengths of all sizes, hosts and the default route among them. */
function randomPrefix(random: Random, family: Family, bases: readonly Words[]): IpPrefix {
  const width = family === 4 ? 32 : 128;
  const base = random.pick(bases);
  const bit = random.below(width);
  const words = base.map((word, i) => {
    const at = family === 4 ? bit + 96 : bit;
    return Math.floor(at / 32) === i ? (word ^ (1 << (31 - (at % 32)))) >>> 0 : word;
  }) as Words;
  const length = random.pick([0, width, width, width - 1, 24, 64, random.below(width + 1), random.below(width + 1)]);
  return networkOf({ family, words, length: Math.min(length, width) });
}

/** First and last address of a prefix, and their neighbours outside. */
function edges(prefix: IpPrefix): IpAddress[] {
  const { family } = prefix;
  const mask = maskOf(family, prefix.length);
  const width = family === 4 ? [0, 0, 0, 0xffffffff] : [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff];
  const first: IpAddress = { family, words: networkOf(prefix).words };
  const words = first.words.map((w, i) => (w | (~(mask[i] as number) & (width[i] as number))) >>> 0) as Words;
  const last: IpAddress = { family, words };
  const behind = addToAddress(last, 1);
  return behind ? [first, last, behind] : [first, last];
}

function flat(addresses: readonly IpAddress[], family: Family): Uint32Array {
  return Uint32Array.from(addresses.flatMap(({ words }) => (family === 4 ? [words[3]] : words)));
}

function lookupMany(map: PrefixMap, addresses: readonly IpAddress[]): (PrefixMatch | undefined)[] {
  const matches = new Uint32Array(addresses.length);
  map.lookupMany(flat(addresses, map.family), matches);
  return [...matches].map((m) => (m === 0 ? undefined : { length: matchLength(m), value: matchValue(m) }));
}

/** The matches that differ, as text. */
function differences(map: PrefixMap, slow: SlowPrefixMap, addresses: readonly IpAddress[]): string[] {
  const many = lookupMany(map, addresses);
  return addresses.flatMap((address, i) => {
    const wanted = JSON.stringify(slow.lookup(address));
    const found = { one: map.lookup(address), many: many[i] };
    return Object.entries(found)
      .filter(([, match]) => JSON.stringify(match) !== wanted)
      .map(([how, match]) => `${how} ${formatAddress(address)}: ${JSON.stringify(match)}, not ${wanted}`);
  });
}

describe.each([
  { family: 4, profile: 'compact' },
  { family: 4, profile: 'speed' },
  { family: 6, profile: 'auto' },
] as const)('IPv$family, $profile', ({ family, profile }) => {
  test(`agrees with looking at every prefix, seed ${seed}`, async () => {
    const random = new Random(seed);
    const map = await createPrefixMap({ family, profile, wasm });
    const slow = new SlowPrefixMap();
    const bases = Array.from({ length: 6 }, (_, i): Words => {
      const low = i === 0 ? 0 : i === 1 ? 0xffffffff : random.word();
      return family === 4 ? [0, 0, 0, low] : i < 2 ? [low, low, low, low] : [random.word(), random.word(), 0, low];
    });
    for (let round = 0; round < 60; round++) {
      const probes: IpAddress[] = [];
      for (let i = 0; i < 12; i++) {
        const isDeletion = random.below(3) === 0 && slow.entries.size > 0;
        const prefix = isDeletion
          ? random.pick([...slow.entries.values()]).prefix
          : randomPrefix(random, family, bases);
        const key = formatPrefix(prefix);
        if (isDeletion) {
          expect(map.delete(prefix)).toBe(slow.entries.delete(key));
        } else {
          const value = random.below(0x1000000);
          map.set(key, value);
          slow.entries.set(key, { prefix, value });
          expect(map.get(prefix)).toBe(value);
        }
        probes.push(...edges(prefix));
      }
      probes.push(...bases.map((words) => ({ family, words })));
      expect(differences(map, slow, probes)).toEqual([]);
      expect(map.size).toBe(slow.entries.size);
      for (const address of probes.slice(0, 6)) {
        const below = random.below(family === 4 ? 33 : 129);
        expect(map.lookup(address, below)).toEqual(slow.lookup(address, below));
      }
    }
    for (const { prefix } of [...slow.entries.values()]) map.delete(prefix);
    slow.entries.clear();
    expect(
      differences(
        map,
        slow,
        bases.map((words) => ({ family, words })),
      ),
    ).toEqual([]);
    expect(map.size).toBe(0);
  });

  test(`takes many prefixes at once, seed ${seed}`, async () => {
    const random = new Random(seed + 1);
    const map = await createPrefixMap({ family, profile, wasm });
    const slow = new SlowPrefixMap();
    const records: number[] = [];
    for (let i = 0; i < 3000; i++) {
      const top = 0x0a000000 + random.below(0x40000);
      const length = (family === 4 ? 0 : 96) + random.pick([16, 20, 24, 24, 28, 32, 32]);
      const words: Words = family === 4 ? [0, 0, 0, top] : [0xfd000010, 0x2440000 + random.below(9), 0, top];
      const prefix = networkOf({ family, words, length });
      slow.entries.set(formatPrefix(prefix), { prefix, value: i });
      records.push(...words, length, i);
    }
    map.setMany(Uint32Array.from(records));
    const probes = [...slow.entries.values()].slice(0, 400).flatMap(({ prefix }) => edges(prefix));
    expect(differences(map, slow, probes)).toEqual([]);
    expect(map.size).toBe(slow.entries.size);
  });
});

test('a default route, a nested one, a host', async () => {
  const map = await createPrefixMap({ family: 4, wasm });
  map.set('0.0.0.0/0', 1);
  map.set('10.0.0.0/8', 2);
  map.set('10.1.2.3', 3);
  expect(map.lookup('10.1.2.3')).toEqual({ length: 32, value: 3 });
  expect(map.lookup('10.1.2.3', 32)).toEqual({ length: 8, value: 2 });
  expect(map.lookup('10.1.2.3', 8)).toEqual({ length: 0, value: 1 });
  expect(map.lookup('10.1.2.3', 0)).toBeUndefined();
  expect(map.lookup('11.0.0.0')).toEqual({ length: 0, value: 1 });
  expect(map.delete('0.0.0.0/0')).toBe(true);
  expect(map.delete('0.0.0.0/0')).toBe(false);
  expect(map.lookup('11.0.0.0')).toBeUndefined();
});

test('a small table costs little, and a large one changes to the fast tables', async () => {
  const map = await createPrefixMap({ family: 4, wasm });
  for (let i = 0; i < 10; i++) map.set(`10.0.${i}.0/24`, i);
  expect(map.lookup('10.0.7.9')).toEqual({ length: 24, value: 7 });
  expect(map.bytes).toBeLessThan(4096);
  const records = Array.from({ length: 40_000 }, (_, i) => [0, 0, 0, (20 << 24) + (i << 8), 24, i]);
  map.setMany(Uint32Array.from(records.flat()));
  expect(map.bytes).toBeGreaterThan(64e6);
  expect(map.lookup('10.0.7.9')).toEqual({ length: 24, value: 7 });
  expect(map.lookup('20.0.255.1')).toEqual({ length: 24, value: 255 });
});

test('memory is used again when a map changes over and over', async () => {
  const map = await createPrefixMap({ family: 6, wasm });
  const change = (i: number) => {
    map.set(parsePrefix(`2001:db8:${(i % 500).toString(16)}::/48`) as IpPrefix, i);
    map.lookup('2001:db8::1');
  };
  for (let i = 0; i < 1000; i++) change(i);
  const bytes = map.bytes;
  for (let i = 0; i < 20_000; i++) change(i);
  expect(map.bytes).toBe(bytes);
});

test.each([
  ['10.0.0.0/33', 1, 'BAD_ADDRESS'],
  ['10.0.0/8', 1, 'BAD_ADDRESS'],
  ['::/0', 1, 'BAD_ADDRESS'],
  ['10.0.0.0/8', -1, 'BAD_VALUE'],
  ['10.0.0.0/8', 1.5, 'BAD_VALUE'],
  ['10.0.0.0/8', 0x1000000, 'BAD_VALUE'],
])('refuses %s = %s', async (prefix, value, code) => {
  const map = await createPrefixMap({ family: 4, wasm });
  expect(() => map.set(prefix, value)).toThrow(expect.objectContaining({ code }));
  expect(map.size).toBe(0);
});
