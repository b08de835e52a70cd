/** Longest prefix match, as users of the package call it: `PrefixMap.lookupMany`, 4,096 addresses in one call. */
import { createPrefixMap, type PrefixMapOptions } from '@podwire/engine';
import { measureBatch, rowOf } from './batches.ts';
import { bgp4, bgp6, cluster, type PrefixTable } from './lpm-tables.ts';
import { Random, Zipf } from './random.ts';
import type { Row, Settings, Subject } from './row.ts';
import { wasm } from './wasm.ts';

interface LpmCase {
  name: string;
  profile: NonNullable<PrefixMapOptions['profile']>;
  table(quick: boolean, random: Random): PrefixTable;
}

const CASES: readonly LpmCase[] = [
  { name: 'k8s4', profile: 'speed', table: () => cluster(4, 5000) },
  { name: 'k8s4-compact', profile: 'compact', table: () => cluster(4, 5000) },
  { name: 'bgp4', profile: 'speed', table: (quick, random) => bgp4(quick ? 100_000 : 900_000, random) },
  { name: 'bgp4-compact', profile: 'compact', table: (quick, random) => bgp4(quick ? 100_000 : 900_000, random) },
  { name: 'k8s6', profile: 'auto', table: () => cluster(6, 5000) },
  { name: 'bgp6', profile: 'auto', table: (quick, random) => bgp6(quick ? 40_000 : 160_000, random) },
];

/** How addresses are drawn: in a random prefix, anywhere, in prefixes of which some are asked for often. */
const KEYS = ['tab', 'uni', 'zipf'] as const;
const BATCH = 4096;

/** A random address in the prefix that begins at `records[at]`, written to `keys` at `to`. */
function hostIn(table: PrefixTable, at: number, random: Random, keys: Uint32Array, to: number): void {
  const length = (table.records[at + 4] as number) + (table.family === 4 ? 96 : 0);
  const first = table.family === 4 ? 3 : 0;
  for (let word = first; word < 4; word++) {
    const fixed = Math.min(32, Math.max(0, length - word * 32));
    const open = fixed === 32 ? 0 : 0xffffffff >>> fixed;
    keys[to + word - first] = ((table.records[at + word] as number) | (random.word() & open)) >>> 0;
  }
}

function drawKeys(table: PrefixTable, kind: (typeof KEYS)[number], count: number, random: Random): Uint32Array {
  const width = table.family === 4 ? 1 : 4;
  const keys = new Uint32Array(count * width);
  const zipf = kind === 'zipf' ? new Zipf(table.count, random) : undefined;
  for (let i = 0; i < count; i++) {
    if (kind === 'uni') for (let word = 0; word < width; word++) keys[i * width + word] = random.word();
    else hostIn(table, (zipf ? zipf.next() : random.below(table.count)) * 6, random, keys, i * width);
  }
  return keys;
}

async function* measure(one: LpmCase, { seed, quick }: Settings): AsyncIterable<Row> {
  const random = new Random(seed);
  const table = one.table(quick, random);
  const name = `lpm ${one.name}`;
  const map = await createPrefixMap({ family: table.family, profile: one.profile, wasm: await wasm() });
  const first = new Uint32Array(table.family === 4 ? 1 : 4);
  const started = performance.now();
  map.setMany(table.records);
  map.lookupMany(first, new Uint32Array(1));
  const build = ((performance.now() - started) * 1e6) / table.count;
  yield { ...rowOf(`${name} build`, 'ns', [build]), note: `${map.size} prefixes from words, the first time` };
  const bytes = rowOf(`${name} bytes`, 'B', [map.bytes / map.size]);
  yield { ...bytes, note: `per prefix; ${(map.bytes / 1e6).toFixed(1)} MB with the table of all prefixes` };
  const count = quick ? BATCH * 64 : BATCH * 488;
  const matches = new Uint32Array(BATCH);
  for (const kind of KEYS) {
    const keys = drawKeys(table, kind, count, random);
    const width = table.family === 4 ? 1 : 4;
    yield measureBatch(`${name} ${kind}`, quick ? 3 : 15, {
      operations: count,
      parts: count / BATCH,
      run: (part) => map.lookupMany(keys.subarray(part * BATCH * width, (part + 1) * BATCH * width), matches),
    });
  }
}

export const lpm: Subject = {
  name: 'lpm',
  what: 'longest prefix match: ns per address in large batches, from JavaScript and back',
  async *run(settings, wants) {
    for (const one of CASES) if (wants(`lpm ${one.name}`)) yield* measure(one, settings);
  },
};
