/** What is drawn: valid clusters, in which every feature comes up, and no rules where kube-proxy has none. */
import { printIptablesSave, printNftTables } from '@podwire/model';
import { expect, test } from 'vitest';
import { createMachine } from '../lab/machine.ts';
import { FEATURE_NAMES, featuresOf } from './features.ts';
import { isUnruled } from './generate-service.ts';
import { scenarioOf } from './make-scenario.ts';

const CLUSTERS = 90;

test('every feature is drawn, and rules speak of no Service without any', { timeout: 120_000 }, async () => {
  const seed = process.env.PODWIRE_SEED ?? 'features';
  const machine = await createMachine('wasm');
  const drawn = new Set<string>();
  for (let number = 1; number <= CLUSTERS; number++) {
    const mode = number % 2 === 0 ? 'iptables' : 'nftables';
    const { scenario, world } = await scenarioOf({ seed, probes: 24, kind: 'service' }, machine, number, mode);
    for (const name of featuresOf(scenario, world)) drawn.add(name);
    const unruled = scenario.objects.filter((object) => object.kind === 'Service' && isUnruled(object));
    const text = world.network.netnses
      .map(({ netfilter }) =>
        [printIptablesSave(netfilter, 'ip'), printIptablesSave(netfilter, 'ip6'), printNftTables(netfilter)].join('\n'),
      )
      .join('\n');
    for (const { metadata } of unruled)
      expect(text, `seed ${seed}, cluster ${number}`).not.toContain(`default/${metadata.name}`);
  }
  expect(
    FEATURE_NAMES.filter((name) => !drawn.has(name)),
    `seed ${seed}`,
  ).toEqual([]);
});
