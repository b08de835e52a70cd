/** What packets add to sets of networks and take away, on both machines (INIT_CIDR in ip_set_hash_gen.h; a kernel said so of removing). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { IpSet } from './network.ts';
import type { Statement } from './rule.ts';
import { Disposition, Hook } from './terms.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.wasm', import.meta.url)));

type Flags = ('src' | 'dst')[];

/** Packets to port 1 change the set, which then lets others in. */
function hostWith(type: string, entries: string[], kind: 'set-add' | 'set-del', flags: Flags) {
  const set: IpSet = { name: 's', type, family: 'inet', entries: entries.map((value) => ({ value })) };
  const change: Statement = { kind, set: 's', flags };
  const first: Statement = { kind: 'tcp', dport: { from: 1, to: 1 } };
  return network(
    netns('host', {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }],
      addresses: ['eth0 192.0.2.1/24'],
      routes: ['10.0.0.0/8 dev eth0'],
      netfilter: [
        table('filter', [
          base(
            'filter',
            Hook.INPUT,
            [
              rule({ kind: 'protocol', protocol: 6 }, first, change),
              rule({ kind: 'set', set: 's', flags }, { kind: 'accept' }),
            ],
            'drop',
          ),
        ]),
      ],
      rest: { sets: [set] },
    }),
  );
}

const src: Flags = ['src'];
const both: Flags = ['src', 'dst'];

test.each<[string, string[], kind: 'set-add' | 'set-del', Flags, by: string, others: Record<string, boolean>]>([
  ['hash:net', ['10.1.0.0/24'], 'set-del', src, '10.1.0.7', { '10.1.0.8': false }],
  ['hash:net', ['10.1.0.0/24', '10.0.0.0/8'], 'set-del', src, '10.1.0.7', { '10.1.0.8': true }],
  ['hash:net', ['10.1.0.0/24', '10.2.0.9'], 'set-del', src, '10.1.0.7', { '10.1.0.8': true }],
  ['hash:net', ['10.1.0.0/24'], 'set-add', src, '10.9.0.7', { '10.9.0.8': true, '10.9.1.8': false }],
  ['hash:net', ['10.1.0.0/24', '10.2.0.0/16'], 'set-add', src, '10.9.0.7', { '10.9.0.8': true, '10.9.1.8': false }],
  ['hash:net', [], 'set-add', src, '10.9.0.7', { '10.9.0.7': true, '10.9.0.8': false }],
  ['hash:ip', ['10.1.0.0'], 'set-add', src, '10.9.0.7', { '10.9.0.8': false }],
  [
    'hash:net,net',
    ['10.1.0.0/24,192.0.0.0/8', '10.2.0.0/16,192.0.2.1'],
    'set-add',
    both,
    '10.9.0.7',
    { '10.9.0.8': true },
  ],
])('%s of %j: %s by %s', async (type, entries, kind, flags, by, others) => {
  for (const machine of [await createEngine({ wasm }), createReference()]) {
    machine.load(hostWith(type, entries, kind, flags));
    machine.send('host', packet(by, '192.0.2.1', { dport: 1 }), { link: 'eth0' });
    for (const [saddr, isIn] of Object.entries(others)) {
      const { end } = machine.send('host', packet(saddr, '192.0.2.1', { dport: 2 }), { link: 'eth0' });
      expect([saddr, end.disposition !== Disposition.DROPPED]).toEqual([saddr, isIn]);
    }
  }
});

// The last network of a length gone, the next longer one counts.
test('what was added and taken away counts as it stands', async () => {
  for (const machine of [await createEngine({ wasm }), createReference()]) {
    machine.load(hostWith('hash:net', ['10.1.0.0/24', '10.2.0.0/16'], 'set-del', src));
    const enters = (saddr: string, dport: number) =>
      machine.send('host', packet(saddr, '192.0.2.1', { dport }), { link: 'eth0' }).end.disposition !==
      Disposition.DROPPED;
    enters('10.1.0.7', 1);
    expect(enters('10.2.5.5', 2)).toBe(true);
    enters('10.2.5.6', 1);
    expect(enters('10.2.5.5', 2)).toBe(false);
  }
});
