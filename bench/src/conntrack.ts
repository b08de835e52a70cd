/** The connection table on its own: a million flows in a `FlowMap`, 2,048 keys in one call. */
import { createFlowMap, type FlowMap } from '@podwire/engine';
import { measureBatch, rowOf, type Work } from './batches.ts';
import { Random, Zipf } from './random.ts';
import type { Row, Settings, Subject } from './row.ts';
import { wasm } from './wasm.ts';

const BATCH = 2048;

/** Connections of 150,000 pods to 10,000 Services, whose ports are `port`; all different. */
function drawFlows(map: FlowMap, count: number, port: number, random: Random): Uint32Array {
  const keys = new Uint32Array(count * map.keyWords);
  const seen = new Set<number>();
  const address = (net: number, host: number) => ({
    family: map.family,
    words: (map.family === 4 ? [0, 0, 0, net + host] : [0xfd000000, net, 0, host]) as [number, number, number, number],
  });
  while (seen.size < count) {
    const client = random.below(150_000);
    const service = random.below(10_000);
    const sport = 32_768 + random.below(28_232);
    const identity = (client * 10_000 + service) * 2 ** 15 + (sport - 32_768);
    if (seen.has(identity)) continue;
    const key = { saddr: address(0x0a000000, client), daddr: address(0x0a600000, service), sport, dport: port };
    map.encode({ ...key, protocol: 6 }, keys, seen.size);
    seen.add(identity);
  }
  return keys;
}

/** The flows of `numbers`, one key each. */
function gather(keys: Uint32Array, width: number, numbers: Iterable<number>, count: number): Uint32Array {
  const gathered = new Uint32Array(count * width);
  let at = 0;
  for (const number of numbers) {
    gathered.set(keys.subarray(number * width, (number + 1) * width), at);
    at += width;
  }
  return gathered;
}

/** Keys in parts of BATCH. */
function inParts(map: FlowMap, keys: Uint32Array, run: (part: Uint32Array, first: number) => void): Work {
  const operations = keys.length / map.keyWords;
  return {
    operations,
    parts: Math.ceil(operations / BATCH),
    run: (part) => {
      const first = part * BATCH;
      run(keys.subarray(first * map.keyWords, (first + BATCH) * map.keyWords), first);
    },
  };
}

async function* measure(family: 4 | 6, { seed, quick }: Settings): AsyncIterable<Row> {
  const random = new Random(seed);
  const count = quick ? 100_000 : 1_000_000;
  const runs = quick ? 3 : 15;
  const name = `conntrack ipv${family}`;
  const options = { family, wasm: await wasm() };
  const map = await createFlowMap({ ...options, capacity: count });
  const stored = drawFlows(map, count, 80, random);
  const others = drawFlows(map, count, 81, random);
  const values = Uint32Array.from({ length: count }, (_, i) => i);
  const found = new Uint32Array(BATCH);
  const insert = inParts(map, stored, (part, first) => map.setMany(part, values.subarray(first, first + BATCH)));
  const inserted = measureBatch(`${name} insert`, runs, { ...insert, before: () => map.clear() });
  yield {
    ...inserted,
    note: 'new flows in one call; the map was full before and is cleared: no growth, no first touch of memory',
  };
  yield { ...rowOf(`${name} bytes`, 'B', [map.bytes / map.size]), note: 'per flow and direction' };
  const zipf = new Zipf(count, random);
  const lookups: Record<string, Uint32Array> = {
    hit: gather(stored, map.keyWords, random.permutation(count), count),
    zipf: gather(
      stored,
      map.keyWords,
      Array.from({ length: count }, () => zipf.next()),
      count,
    ),
    miss: others,
  };
  for (const [kind, keys] of Object.entries(lookups)) {
    const row = measureBatch(
      `${name} ${kind}`,
      runs,
      inParts(map, keys, (part) => map.getMany(part, found)),
    );
    yield { ...row, note: 'many in one call; a look-up on its own waits for memory alone' };
  }
  const growing = await createFlowMap(options);
  const started = performance.now();
  growing.setMany(stored, values);
  const time = ((performance.now() - started) * 1e6) / count;
  yield { ...rowOf(`${name} insert-growing`, 'ns', [time]), note: 'from an empty map, all growth included, once' };
}

export const conntrack: Subject = {
  name: 'conntrack',
  what: 'connection table of 1,000,000 flows: ns per key in large batches, from JavaScript and back',
  async *run(settings, wants) {
    for (const family of [4, 6] as const) {
      if (wants(`conntrack ipv${family}`)) yield* measure(family, settings);
    }
  },
};
