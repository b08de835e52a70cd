import { beforeAll, describe, expect, test } from 'vitest';
import { compileEngine } from './compile.ts';
import { createFlowMap, type FlowKey, NO_FLOW } from './flows.ts';
import type { Family } from './packet.ts';
import { Random } from './testing/random.ts';

/** Printed in the titles; another one each time, unless given. */
const seed = Number(process.env.PODWIRE_SEED ?? Date.now() % 1_000_000_007);

let wasm: WebAssembly.Module;
beforeAll(async () => {
  wasm = await compileEngine();
});

/** Few values of each field, so that keys differ in one field only, and come again. */
function randomKey(random: Random, family: Family, spread: number): FlowKey {
  const address = () =>
    family === 4
      ? `10.${random.below(2)}.${random.below(4)}.${random.below(spread)}`
      : `fd00:${random.below(2)}::${random.below(4)}:0:0:${random.below(spread).toString(16)}`;
  return {
    saddr: address(),
    daddr: address(),
    sport: 32768 + random.below(spread),
    dport: random.pick([53, 80, 443]),
    protocol: random.pick([6, 17]),
    zone: random.below(2),
    netns: random.below(3),
  };
}

describe.each([4, 6] as const)('IPv%s', (family) => {
  test.each([2, 30])(`agrees with a Map of texts, spread %s, seed ${seed}`, async (spread) => {
    const random = new Random(seed + spread);
    const map = await createFlowMap({ family, wasm });
    const slow = new Map<string, number>();
    for (let i = 0; i < 30_000; i++) {
      const key = randomKey(random, family, spread);
      const text = JSON.stringify(key);
      expect(map.get(key)).toBe(slow.get(text));
      if (random.below(5) < 2) {
        expect(map.delete(key)).toBe(slow.delete(text));
      } else {
        map.set(key, i);
        slow.set(text, i);
      }
      if (i === 20_000) {
        map.clear();
        slow.clear();
      }
    }
    expect(map.size).toBe(slow.size);
    for (const [text, value] of slow) expect(map.get(JSON.parse(text))).toBe(value);
  });

  test(`many at once, seed ${seed}`, async () => {
    const random = new Random(seed);
    const map = await createFlowMap({ family, wasm });
    const wanted = new Map<string, number>();
    const texts: string[] = [];
    const keys = new Uint32Array(5000 * map.keyWords);
    for (let i = 0; i < 5000; i++) {
      const key = randomKey(random, family, 200);
      map.encode(key, keys, i);
      texts.push(JSON.stringify(key));
    }
    const half = 2500 * map.keyWords;
    map.setMany(
      keys.subarray(0, half),
      Uint32Array.from({ length: 2500 }, (_, i) => i),
    );
    for (let i = 0; i < 2500; i++) wanted.set(texts[i] as string, i);
    const values = new Uint32Array(5000);
    map.getMany(keys, values);
    expect([...values]).toEqual(texts.map((text) => wanted.get(text) ?? NO_FLOW));
    map.deleteMany(keys.subarray(half), values);
    for (const text of texts.slice(2500)) wanted.delete(text);
    map.getMany(keys, values);
    expect([...values]).toEqual(texts.map((text) => wanted.get(text) ?? NO_FLOW));
    expect(map.size).toBe(wanted.size);
  });

  test(`of equal keys in one call the last one counts, seed ${seed}`, async () => {
    const random = new Random(seed);
    const map = await createFlowMap({ family, wasm });
    const pool = Array.from({ length: 400 }, () => randomKey(random, family, 200));
    const wanted = new Map<string, number>();
    for (let round = 0; round < 10; round++) {
      const keys = new Uint32Array(1500 * map.keyWords);
      const values = new Uint32Array(1500);
      for (let i = 0; i < 1500; i++) {
        const key = pool[random.below((round + 1) * 40)] as FlowKey;
        map.encode(key, keys, i);
        values[i] = round * 1500 + i;
        wanted.set(JSON.stringify(key), round * 1500 + i);
      }
      map.setMany(keys, values);
      expect(map.size).toBe(wanted.size);
    }
    for (const [text, value] of wanted) expect(map.get(JSON.parse(text))).toBe(value);
  });

  test('flows of a full table keep their only place when others leave', async () => {
    // As many as there is room for: many stand in another group than their own.
    const count = 13 * 256;
    const map = await createFlowMap({ family, wasm, capacity: count });
    const keys = new Uint32Array(count * map.keyWords);
    const [saddr, daddr] = family === 4 ? ['10.0.0.1', '10.0.0.2'] : ['fd00::1', 'fd00::2'];
    for (let i = 0; i < count; i++) map.encode({ saddr, daddr, sport: i, dport: 80, protocol: 6 }, keys, i);
    const values = Uint32Array.from({ length: count }, (_, i) => i);
    const found = new Uint32Array(count);
    map.setMany(keys, values);
    const half = keys.subarray(0, keys.length / 2);
    map.deleteMany(half, found);
    map.setMany(keys.subarray(half.length), values.subarray(count / 2));
    expect(map.size).toBe(count / 2);
    map.deleteMany(keys.subarray(half.length), found);
    map.getMany(keys, found);
    expect([map.size, found.every((value) => value === NO_FLOW)]).toEqual([0, true]);
  });

  test('flows come and go without end in the same room', async () => {
    const map = await createFlowMap({ family, capacity: 1000, wasm });
    const { bytes, keyWords } = map;
    const keys = new Uint32Array(1000 * keyWords);
    const values = new Uint32Array(1000).fill(7);
    for (let round = 0; round < 300; round++) {
      for (let i = 0; i < 1000; i++) keys[i * keyWords] = round * 1000 + i;
      map.setMany(keys, values);
      expect(map.size).toBe(1000);
      map.deleteMany(keys, values);
      expect(values.every((value) => value === 7)).toBe(true);
      expect(map.size).toBe(0);
    }
    expect(map.bytes).toBe(bytes);
  });
});

test('zone, protocol and namespace tell flows apart', async () => {
  const map = await createFlowMap({ family: 4, wasm });
  const key: FlowKey = { saddr: '10.0.0.1', daddr: '10.0.0.2', sport: 1, dport: 2, protocol: 6 };
  map.set(key, 1);
  map.set({ ...key, zone: 1 }, 2);
  map.set({ ...key, protocol: 17 }, 3);
  map.set({ ...key, netns: 1 }, 4);
  map.set({ ...key, sport: 2, dport: 1 }, 5);
  map.set({ ...key, saddr: '10.0.0.2', daddr: '10.0.0.1' }, 6);
  expect(map.size).toBe(6);
  expect(map.get(key)).toBe(1);
  expect(map.get({ ...key, zone: 1, netns: 1 })).toBeUndefined();
});

describe.each([4, 6] as const)('IPv%s flows that differ in nothing but', (family) => {
  const address = (i: number) =>
    family === 4 ? `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` : `fd00::${i.toString(16)}:0:0:1`;

  test.each<[keyof FlowKey, (i: number) => string | number]>([
    ['saddr', address],
    ['daddr', address],
    ['sport', (i) => i],
    ['dport', (i) => i],
    ['zone', (i) => i],
    ['netns', (i) => i << 8],
  ])('%s', async (field, fieldOf) => {
    const map = await createFlowMap({ family, wasm });
    const key: FlowKey = { saddr: address(1), daddr: address(2), sport: 1, dport: 2, protocol: 6 };
    for (let i = 0; i < 4000; i++) map.set({ ...key, [field]: fieldOf(2 * i) }, i);
    for (let i = 0; i < 4000; i++) {
      expect(map.get({ ...key, [field]: fieldOf(2 * i) })).toBe(i);
      expect(map.get({ ...key, [field]: fieldOf(2 * i + 1) })).toBeUndefined();
    }
  });
});

test.each([
  [{ saddr: '10.0.0.1.2' }, 'BAD_ADDRESS'],
  [{ daddr: 'fd00::1' }, 'BAD_ADDRESS'],
  [{ sport: 65536 }, 'BAD_VALUE'],
  [{ dport: -1 }, 'BAD_VALUE'],
  [{ protocol: 256 }, 'BAD_VALUE'],
  [{ zone: 65536 }, 'BAD_VALUE'],
  [{ netns: 1.5 }, 'BAD_VALUE'],
])('refuses %j', async (wrong, code) => {
  const map = await createFlowMap({ family: 4, wasm });
  const key: FlowKey = { saddr: '10.0.0.1', daddr: '10.0.0.2', sport: 1, dport: 2, protocol: 6, ...wrong };
  expect(() => map.set(key, 1)).toThrow(expect.objectContaining({ code }));
  expect(() => map.set({ ...key, saddr: '10.0.0.1', ...wrong }, NO_FLOW)).toThrow();
});
