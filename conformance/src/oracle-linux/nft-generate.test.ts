/** Random tables of nftables: what they hold, that they read back, and that they load. */
import { printNftRuleset } from '@podwire/model';
import { describe, expect, test } from 'vitest';
import { withListeners } from '../lab/listeners.ts';
import { createMachine } from '../lab/machine.ts';
import { planOf } from '../lab/plan.ts';
import { Random } from '../lab/random.ts';
import { generate } from './generate.ts';
import { readObjects, withTables } from './nft-tables.ts';

const scenarios = Array.from({ length: 200 }, (_, i) => generate(new Random(`nft/${i}`), 8, 'nft'));
const texts = scenarios.flatMap(({ nft = {} }) => Object.values(nft));
const whole = texts.flat().join('\n');

describe('random tables of nftables', () => {
  test('are the same for the same seed, and plain data', () => {
    const again = generate(new Random('nft/7'), 8, 'nft');
    expect(again).toEqual(scenarios[7]);
    expect(JSON.parse(JSON.stringify(again))).toEqual(again);
  });

  test('read back from their text', () => {
    for (const lines of texts) expect(printNftRuleset(readObjects(lines))).toBe(`${lines.join('\n')}\n`);
  });

  test('are loaded by the machine whole, and put into words for the kernel', async () => {
    const machine = await createMachine('reference');
    const unknown = new Set<string>();
    for (const given of scenarios) {
      const { network, listening, backend } = withTables(given);
      machine.load(withListeners(network, listening));
      const loaded = planOf(network, listening, backend)
        .programs.flat()
        .filter(({ argv }) => argv[0] === 'nft');
      expect(loaded.map(({ netns }) => netns).sort()).toEqual(Object.keys(given.nft ?? {}).sort());
      const tables = network.netnses.flatMap(({ netfilter }) => netfilter);
      for (const { family, syntax, chains } of tables)
        for (const { rules } of syntax === 'nft' && family !== 'bridge' ? chains : [])
          for (const statement of rules.flatMap(({ body }) => body))
            if (statement.kind.startsWith('unmodelled')) unknown.add('text' in statement ? statement.text : '');
    }
    // Bridges alone have what is not modelled.
    expect([...unknown]).toEqual([]);
  });

  test.each([
    ...[
      'table ip ',
      'table ip6',
      'table inet',
      'table bridge',
      'table netdev',
      'type nat',
      'type route',
      'hook ingress',
    ],
    ...[
      'hook egress',
      'flags interval',
      'flags dynamic',
      'timeout 30s',
      'vmap @',
      'vmap {',
      'jump',
      'goto',
      'dnat ip to',
    ],
    ...['dnat to', 'snat to', 'snat ip6 to', 'masquerade', 'redirect', 'fully-random', 'persistent', 'numgen inc'],
    ...['numgen random', 'jhash', 'symhash', 'fib saddr', 'fib daddr', 'rt ip nexthop', 'ct state', 'ct original'],
    ...[
      'ct reply',
      'ct zone set',
      'ct mark set',
      'notrack',
      'meta mark set',
      'reject with icmpx',
      'reject with tcp reset',
    ],
    ...['limit rate', 'quota', 'update @', 'add @', 'delete @', 'ip dscp set', 'ip daddr set', 'ip ttl set', 'counter'],
    ...['ether saddr', 'icmp type', 'icmpv6 type', 'tcp flags', 'udp length', 'fwd to', 'policy drop', 'meta pkttype'],
  ])('hold %s', (text) => {
    expect(whole).toContain(text);
  });
});
