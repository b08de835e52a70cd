/** Networks on which the two machines once disagreed, made small by the fuzzer. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createEngine, type Network } from '../../src/index.ts';
import { createReference } from '../index.ts';
import { type Case, replay } from './play.ts';

const ANY6 = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';

/** A question for a neighbour is sent by a socket of the host, so that `recent --rttl` takes its hop limit as it is. */
const questionSeen: Network = {
  netnses: [
    {
      name: 'node-1',
      links: [{ name: 'cali0', kind: 'veth', peer: { netns: 'pod-1-0', link: 'eth0' }, mac: 'ee:ee:ee:ee:ee:ee' }],
      addresses: [{ link: 'cali0', address: 'fe80::1/64' }],
      tables: [
        {
          id: 254,
          routes: [{ family: 6, type: 'unicast', destination: 'fd00:2:1::1/128', nexthops: [{ dev: 'cali0' }] }],
        },
      ],
      sysctls: {},
      netfilter: [
        {
          family: 'ip6',
          name: 'mangle',
          chains: [
            {
              name: 'OUTPUT',
              hook: { hook: 3, priority: -150, type: 'route', policy: 'accept' },
              rules: [
                {
                  body: [
                    {
                      kind: 'extension-target',
                      text: '-j HL',
                      actions: [{ kind: 'set-header', field: 'ip6 hoplimit', value: { kind: 'value', values: [1] } }],
                    },
                  ],
                },
                { body: [{ kind: 'recent', name: 'seen', action: 'update', side: 'dest', mask: ANY6, rttl: true }] },
              ],
            },
            {
              name: 'POSTROUTING',
              hook: { hook: 4, priority: -150, type: 'filter', policy: 'accept' },
              rules: [{ body: [{ kind: 'recent', name: 'seen', action: 'set', side: 'source', mask: ANY6 }] }],
            },
          ],
        },
      ],
    },
    {
      name: 'pod-1-0',
      links: [{ name: 'eth0', kind: 'veth', peer: { netns: 'node-1', link: 'cali0' } }],
      addresses: [{ link: 'eth0', address: 'fd00:2:1::1/128' }],
      tables: [],
      sysctls: {},
      netfilter: [],
    },
  ],
};

const udp = (saddr: string, daddr: string) => ({
  family: 6 as const,
  saddr,
  daddr,
  sport: 53,
  dport: 53,
  tcpFlags: 0,
  icmpType: 0,
  icmpCode: 0,
  icmpId: 0,
  ttl: 64,
  tos: 0,
  mark: 0,
  length: 80,
  dontFragment: false,
  protocol: 17,
});

const cases: Case[] = [
  {
    about: 'a question for a neighbour that recent has seen',
    network: questionSeen,
    events: [
      { op: 'send', netns: 'node-1', packet: udp('fd00:3::1', 'fd00:2:1::1'), script: [] },
      { op: 'send', netns: 'node-1', packet: udp('', 'fe80::1'), script: [] },
    ],
  },
];

test.each(cases)('$about', async (one) => {
  const wasm = new Uint8Array(readFileSync(new URL('../../dist/engine.debug.wasm', import.meta.url)));
  expect(replay(await createEngine({ wasm }), createReference(), one)).toBeUndefined();
});
