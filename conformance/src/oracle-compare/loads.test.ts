/** The rules of random clusters, in every mode and by both iptables, are listed back as they are written. */
import { expect, test } from 'vitest';
import { useLab } from '../lab/lab.fixture.ts';
import { Random } from '../lab/random.ts';
import { generate } from '../oracle/generate.ts';
import { worldOf } from '../oracle/world.ts';
import { listedOtherwise } from './loads.ts';

const labOf = useLab();

const CLUSTERS = 4;

test('random clusters', { timeout: 240_000 }, async (context) => {
  const lab = labOf(context);
  const seed = process.env.PODWIRE_SEED ?? `${Date.now()}`;
  for (let number = 1; number <= CLUSTERS; number++) {
    const scenario = generate(new Random(`${seed}/${number}`), true);
    for (const [proxyMode, backend] of [
      ['iptables', 'nft'],
      ['iptables', 'legacy'],
      ['nftables', 'nft'],
    ] as const) {
      const { dataplane } = await worldOf({ ...scenario, overrides: { ...scenario.overrides, proxyMode } });
      const where = `seed ${seed}, cluster ${number}, ${proxyMode}, ${backend}`;
      expect(await listedOtherwise(lab, dataplane, backend), where).toEqual([]);
    }
  }
});
