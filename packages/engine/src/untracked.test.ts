/** What an error about an untracked packet is to connection tracking, on both machines. The kernel judges it (conformance/oracle-cases). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Statement } from './rule.ts';
import { CtState, Hook, Protocol } from './terms.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.wasm', import.meta.url)));

const notrack: Statement = { kind: 'notrack' };
const native: Statement = { kind: 'notrack', native: true };
const zone: Statement = { kind: 'ct-zone', zone: 7 };

/** A host that does not track what comes in, and answers UDP with an error. */
const host = (...atOutput: Statement[]) =>
  network(
    netns('host', {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }],
      addresses: ['eth0 10.0.0.1/24'],
      netfilter: [
        table('raw', [base('raw', Hook.PREROUTING, [rule(notrack)]), base('raw', Hook.OUTPUT, [rule(...atOutput)])]),
        table('filter', [base('filter', Hook.INPUT, [rule({ kind: 'reject', with: 'icmp-host-unreachable' })])]),
        table('mangle', [base('mangle', Hook.OUTPUT, [rule({ kind: 'state', states: CtState.NEW })])]),
      ],
    }),
  );

test.each<[string, Statement[], state: CtState, zone: number]>([
  ['nothing', [], CtState.INVALID, 0],
  ['NOTRACK of iptables', [notrack], CtState.INVALID, 0],
  ['notrack of nftables', [native], CtState.UNTRACKED, 0],
  ['CT --zone', [zone], CtState.INVALID, 0],
  ['ct zone set 7', [{ ...zone, native: true }], CtState.INVALID, 7],
  [
    'ct zone set, of a map',
    [{ kind: 'set-meta', target: 'ct zone', value: { kind: 'value', values: [7] } }],
    CtState.INVALID,
    7,
  ],
])('an error about what was not tracked meets %s at OUTPUT', async (_name, atOutput, state, inZone) => {
  for (const machine of [await createEngine({ wasm }), createReference()]) {
    machine.load(host(...atOutput));
    machine.send('host', packet('10.0.0.2', '10.0.0.1', { protocol: Protocol.UDP }), { link: 'eth0' });
    const answer = machine.answer();
    expect(answer?.end.packet.icmpType).toBe(3);
    expect(answer?.steps.filter((step) => step.kind === 'conntrack')).toMatchObject([{ state, zone: inZone }]);
  }
});

// nf_conntrack_inet_error: it has to go to whom the inner packet came from.
test.each([
  ['10.0.0.1', CtState.RELATED],
  ['10.0.0.3', CtState.INVALID],
])('an error about a connection of 10.0.0.1 that is for %s', async (daddr, state) => {
  const own = network(
    netns('host', {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }],
      addresses: ['eth0 10.0.0.1/24', 'eth0 10.0.0.3/24'],
      netfilter: [table('filter', [base('filter', Hook.INPUT, [rule({ kind: 'state', states: CtState.NEW })])])],
      rest: { neighbors: [{ link: 'eth0', address: '10.0.0.2', lladdr: '02:00:00:00:00:02' }] },
    }),
  );
  const about = packet('10.0.0.1', '10.0.0.2', { protocol: Protocol.UDP });
  const error = { protocol: Protocol.ICMP, icmpType: 3, icmpCode: 3, sport: 0, dport: 0, tcpFlags: 0, inner: about };
  for (const machine of [await createEngine({ wasm }), createReference()]) {
    machine.load(own);
    machine.send('host', about);
    const { steps } = machine.send('host', packet('10.0.0.2', daddr, error), { link: 'eth0' });
    expect(steps.find((step) => step.kind === 'conntrack')).toMatchObject({ state });
  }
});
