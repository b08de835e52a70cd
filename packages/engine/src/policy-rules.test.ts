/** Selectors of `ip rule` that look at who sends, on both machines. What this kernel says of the others: `conformance/src/rules`. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, rule, table } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { Machine } from './machine.ts';
import type { Netns, PolicyRule } from './network.ts';
import type { Packet } from './packet.ts';
import { ChoiceKind, Hook } from './terms.ts';

const wasm = new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url)));

const machines: [name: string, make: () => Promise<Machine>][] = [
  ['engine', () => createEngine({ wasm })],
  ['reference', async () => createReference()],
];

const lookup = (family: 4 | 6, priority: number, id: number, more: Partial<PolicyRule> = {}): PolicyRule => ({
  family,
  priority,
  action: { kind: 'lookup', table: id },
  ...more,
});

const blackhole = (family: 4 | 6, more: Partial<PolicyRule>): PolicyRule => ({
  family,
  priority: 10,
  action: { kind: 'blackhole' },
  ...more,
});

/** A host with one rule of its own before the kernel's. */
const host = (own: PolicyRule, more: Partial<Netns> = {}): Netns =>
  netns('h', {
    links: [{ name: 'eth0', kind: 'device', segment: 'lan' }],
    addresses: ['eth0 10.0.0.1/24', 'eth0 fd00::1/64'],
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
    rest: {
      rules: [...([4, 6] as const).flatMap((family) => [lookup(family, 0, 255), lookup(family, 32766, 254)]), own],
      ...more,
    },
  });

const other = netns('o', {
  links: [{ name: 'eth0', kind: 'device', segment: 'lan' }],
  addresses: ['eth0 10.0.0.2/24', 'eth0 fd00::2/64'],
});

describe.each(machines)('%s', (_name, make) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await make();
  });

  /** Which answers of the script lead through, and what was asked. */
  function outcomes(own: PolicyRule, daddr: string, more: Partial<Packet> = {}, netfilter?: Netns['netfilter']) {
    machine.load(network(host(own, netfilter ? { netfilter } : {}), other));
    return [0, 1].map((answer) => {
      machine.script([answer, answer, answer]);
      const { end } = machine.send('h', packet('', daddr, more));
      const asked = machine.choices().map(({ kind, text }) => `${ChoiceKind[kind]} ${text}`);
      return { arrives: end.netns === 'o', asked };
    });
  }

  const users = blackhole(4, { uidrange: { from: 1000, to: 1999 } });

  test.each([
    [999, true],
    [1000, false],
    [1999, false],
    [2000, true],
  ])('the user %i is known', (uid, arrives) => {
    expect(outcomes(users, '10.0.0.2', { owner: { uid } })[1]).toEqual({ arrives, asked: [] });
  });

  test('a user that nobody tells is asked for, once for all look-ups of the packet', () => {
    const asked = ['UNMODELLED ip rule 10: uidrange 1000-1999'];
    expect(outcomes(users, '10.0.0.2')).toEqual([
      { arrives: false, asked },
      { arrives: true, asked },
    ]);
    const mark = base('mangle', Hook.OUTPUT, [
      rule({ kind: 'set-meta', target: 'mark', value: { kind: 'value', values: [7] } }),
    ]);
    const again = outcomes(users, '10.0.0.2', {}, [table('mangle', [mark])]);
    expect(again[1]).toEqual({ arrives: true, asked });
    expect(machine.send('h', packet('', '10.0.0.2')).steps).toContainEqual(
      expect.objectContaining({ purpose: 'reroute' }),
    );
  });

  test('a label is asked for; what has none to ask about has not the rule', () => {
    const label = blackhole(6, { flowlabel: { value: 5, mask: 0xff } });
    const asked = ['UNMODELLED ip rule 10: flowlabel 0x5/0xff'];
    expect(outcomes(label, 'fd00::2')).toEqual([
      { arrives: false, asked },
      { arrives: true, asked },
    ]);
    expect(outcomes(label, '10.0.0.2')[0]).toEqual({ arrives: true, asked: [] });
  });

  test('what is forwarded is root’s, and what the stack answers', () => {
    machine.load(network(host(blackhole(4, { uidrange: { from: 0, to: 0 } })), other));
    expect(machine.send('o', packet('', '10.0.0.1', { protocol: 1, icmpType: 8, tcpFlags: 0 })).end.netns).toBe('h');
    expect(machine.answer()?.end.netns).toBe('h');
    machine.load(network(host(users), other));
    machine.send('o', packet('', '10.0.0.1', { protocol: 1, icmpType: 8, tcpFlags: 0 }));
    expect(machine.answer()?.end.netns).toBe('o');
    expect(machine.choices()).toEqual([]);
  });

  test.each([
    ['iif', true],
    ['oif', false],
  ] as const)('a VRF as %s means what comes in by its ports', (way, dropped) => {
    const own = blackhole(4, { [way]: 'blue' });
    const routes = host(own).tables[0]?.routes ?? [];
    const r = host(own, {
      links: [
        { name: 'eth0', kind: 'device', segment: 'lan', master: 'blue' },
        { name: 'blue', kind: 'vrf', table: 10 },
      ],
      tables: [{ id: 10, routes }],
    });
    r.rules?.push({ ...lookup(4, 1000, 0), l3mdev: true });
    machine.load(network(r, other));
    const walk = machine.send('h', packet('10.0.0.2', '10.0.0.1'), { link: 'eth0' });
    expect(walk.steps.some((step) => step.kind === 'route' && step.rule?.priority === 10)).toBe(dropped);
  });
});
