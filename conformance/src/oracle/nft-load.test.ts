/** The tables of nftables mode load into this kernel, and nft lists them as we print them. */
import { printNftTables } from '@podwire/model';
import { expect, test } from 'vitest';
import { readBlocks } from '../kinds/kube-proxy-real-nft.ts';
import { useLab } from '../lab/lab.fixture.ts';
import { planOf } from '../lab/plan.ts';
import { Random } from '../lab/random.ts';
import { generate } from './generate.ts';
import { worldOf } from './world.ts';

const labOf = useLab();

const CLUSTERS = 6;

/** Other tables may stand beside it: iptables' own, which nft lists too. */
const ours = (listing: string) =>
  Object.fromEntries(Object.entries(readBlocks(listing)).filter(([name]) => /^table ip6? kube-proxy\b/.test(name)));

test('random clusters, listed back the same', { timeout: 120_000 }, async (context) => {
  const lab = labOf(context);
  const seed = process.env.PODWIRE_SEED ?? `${Date.now()}`;
  for (let number = 1; number <= CLUSTERS; number++) {
    const scenario = generate(new Random(`${seed}/${number}`));
    const overrides = { ...scenario.overrides, proxyMode: 'nftables' as const };
    const { network, dataplane } = await worldOf({ ...scenario, overrides });
    await lab.build(planOf(network, scenario.listening, scenario.backend));
    for (const { name, netfilter } of network.netnses) {
      if (!dataplane.nodes.has(name)) continue;
      const listed = ours(await lab.output(name, ['nft', 'list', 'ruleset']));
      expect(listed, `seed ${seed}, cluster ${number}, ${name}`).toEqual(ours(printNftTables(netfilter)));
      expect(Object.keys(listed).length).toBeGreaterThan(40);
    }
  }
});
