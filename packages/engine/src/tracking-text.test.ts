import { expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { createEngine } from './engine.ts';
import { Hook, Protocol, type Statement } from './index.ts';
import { plainPacket } from './plain-packet.ts';
import { textAsksConntrack } from './tracking-text.ts';

test.each([
  '-m connlimit --connlimit-upto 1 --connlimit-mask 128 --connlimit-saddr',
  '-m connbytes --connbytes 100 --connbytes-dir both --connbytes-mode bytes',
  '-m helper --helper "ftp"',
  '-j CT --timeout "long"',
  '-j CONNSECMARK --save',
  'ct count over 3',
  'ip saddr . ct label "a" @s',
  'synproxy mss 1460 wscale 7',
  'flow add @f',
])('%s has connections tracked', (text) => {
  expect(textAsksConntrack(text)).toBe(true);
});

test.each([
  '-m limit --limit 5/sec',
  '-m string --string "-m state"',
  'limit rate 5/second',
  'log prefix "ct new"',
  '-j TRACE',
])('%s does not', (text) => {
  expect(textAsksConntrack(text)).toBe(false);
});

const statements: readonly [Statement, tracked: boolean][] = [
  [{ kind: 'limit', text: '-m connlimit --connlimit-above 9 --connlimit-mask 32 --connlimit-saddr' }, true],
  [{ kind: 'unmodelled', text: '-m connbytes --connbytes 9 --connbytes-dir both --connbytes-mode bytes' }, true],
  [{ kind: 'note', text: '-j CT --timeout "long"' }, true],
  [{ kind: 'unmodelled-target', text: '-j CONNSECMARK --save' }, true],
  [{ kind: 'limit', text: '-m limit --limit 5/sec' }, false],
];

// xt_connlimit.c:connlimit_mt_check(): tried with a kernel (seed o1-f, configuration 718 of the oracle).
test.each(statements)('rules known by their text: %j', async (statement, tracked) => {
  for (const machine of [await createEngine(), createReference()]) {
    machine.load({
      netnses: [
        {
          name: 'host',
          links: [],
          addresses: [{ link: 'lo', address: '10.0.0.1/32' }],
          tables: [],
          netfilter: [
            {
              family: 'ip',
              name: 'filter',
              chains: [
                {
                  name: 'INPUT',
                  hook: { hook: Hook.INPUT, priority: 0, type: 'filter', policy: 'accept' },
                  rules: [{ body: [{ kind: 'accept' }] }, { body: [statement] }],
                },
              ],
            },
          ],
          sysctls: {},
        },
      ],
    });
    const { steps } = machine.send(
      'host',
      plainPacket({ protocol: Protocol.UDP, saddr: '10.0.0.1', daddr: '10.0.0.1', dport: 9 }),
    );
    expect(steps.some(({ kind }) => kind === 'conntrack')).toBe(tracked);
    expect(machine.conntrack('host')).toHaveLength(tracked ? 1 : 0);
  }
});
