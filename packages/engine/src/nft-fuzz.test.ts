/** nftables on both machines, at random: they agree on every step, and the engine's memory does not grow. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { fuzz } from '../reference/fuzz/fuzz.ts';
import { createReference } from '../reference/index.ts';
import { createEngine, type Engine } from './engine.ts';
import type { Statement } from './rule.ts';
import type { NftSet, Selector } from './selector.ts';
import { accept, host, input, to4 } from './testing/nft.ts';

const wasm = (file: string) => new Uint8Array(readFileSync(new URL(`../dist/${file}`, import.meta.url)));

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ wasm: wasm('engine.wasm') });
});

test.each([
  ['as it is', false],
  ['every list indexed', true],
])('random tables of nftables, %s: the same steps as the reference', async (_, indexAll) => {
  const machine = await createEngine({ wasm: wasm('engine.debug.wasm'), indexAll });
  const options = { seed: 20251122, rulesets: 30, packets: 1200, nft: true };
  const { findings, walks } = fuzz(machine, createReference(), options);
  expect(findings.map(({ ruleset, mismatch }) => `seed ${options.seed}, ruleset ${ruleset}: ${mismatch.what}`)).toEqual(
    [],
  );
  expect(walks).toBeGreaterThanOrEqual(1200);
});

/** Sets that grow and age, hashes that are remembered, numbers that are drawn. */
function busy() {
  const seen: NftSet = {
    name: 'seen',
    type: ['ipv4_addr', 'integer'],
    dynamic: true,
    timeout: 1,
    size: 500,
    elements: [],
  };
  const key: Selector[] = [{ field: 'ip saddr' }, { field: 'th sport' }];
  const map: NftSet = {
    type: ['integer'],
    data: ['integer'],
    elements: Array.from({ length: 50 }, (_, i) => ({ key: [i], data: [i] })),
  };
  const mark = (selector: Selector): Statement => ({
    kind: 'set-meta',
    target: 'mark',
    value: { kind: 'map', key: [selector], map },
  });
  return host(
    input(
      [
        [{ kind: 'set-update', op: 'update', set: 'seen', key }],
        [mark({ field: 'jhash', key: [{ field: 'th sport' }], mod: 50, offset: 0 })],
        [mark({ field: 'numgen', mode: 'random', mod: 50, offset: 0 })],
        [mark({ field: 'numgen', mode: 'inc', mod: 50, offset: 0 })],
        [accept],
      ],
      { sets: [seen] },
    ),
  );
}

test('a hundred thousand packets through sets and hashes cost no memory between resets', () => {
  engine.load(busy());
  const some = (first: number) => {
    for (let i = 0; i < 1000; i++) {
      if (i % 50 === 0) engine.script([]);
      if (i % 100 === 0) engine.advance(100);
      engine.send('host', to4({ sport: 1024 + ((first + i) % 60_000), protocol: 17, tcpFlags: 0 }), { link: 'eth0' });
    }
    engine.reset();
  };
  for (let round = 0; round < 5; round++) some(round);
  const before = engine.bytes;
  for (let round = 0; round < 100; round++) some(round * 613);
  expect(engine.bytes).toBe(before);
});
