import { describe, expect, test } from 'vitest';
import { withListeners } from '../lab/listeners.ts';
import { createMachine } from '../lab/machine.ts';
import { planOf } from '../lab/plan.ts';
import { Random } from '../lab/random.ts';
import { generate } from './generate.ts';

const scenarios = Array.from({ length: 120 }, (_, i) => generate(new Random(`generate/${i}`), 12));
const statements = scenarios.flatMap(({ network }) =>
  network.netnses.flatMap((netns) =>
    netns.netfilter.flatMap((table) => table.chains.flatMap((chain) => chain.rules.flatMap((rule) => rule.body))),
  ),
);
const routes = scenarios.flatMap(({ network }) => network.netnses.flatMap((n) => n.tables.flatMap((t) => t.routes)));
const rules = scenarios.flatMap(({ network }) => network.netnses.flatMap((n) => n.rules ?? []));

describe('random configurations', () => {
  test('are the same for the same seed, and plain data', () => {
    const again = generate(new Random('generate/7'), 12);
    expect(again).toEqual(scenarios[7]);
    expect(JSON.parse(JSON.stringify(again))).toEqual(again);
  });

  test('are loaded by the machine, and put into words for the kernel', async () => {
    const machine = await createMachine('reference');
    for (const { network, listening, backend } of scenarios) {
      machine.load(withListeners(network, listening));
      expect(planOf(network, listening, backend, { trace: true }).programs.length).toBeGreaterThan(0);
    }
  });

  test.each([
    ...['saddr', 'daddr', 'iif', 'oif', 'protocol', 'fragment', 'tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'multiport'],
    ...[
      'mark',
      'connmark',
      'state',
      'conntrack',
      'addrtype',
      'statistic',
      'physdev',
      'recent',
      'set',
      'iprange',
      'mac',
    ],
    ...['tos', 'ttl', 'length', 'accept', 'drop', 'return', 'jump', 'goto', 'reject', 'set-mark', 'set-connmark'],
    ...[
      'save-mark',
      'restore-mark',
      'dnat',
      'snat',
      'masquerade',
      'redirect',
      'notrack',
      'ct-zone',
      'set-add',
      'set-del',
    ],
  ])('have rules with %s', (kind) => {
    expect(statements.some((statement) => statement.kind === kind)).toBe(true);
  });

  test.each(['unicast', 'local', 'blackhole', 'unreachable', 'prohibit', 'throw'])('have routes of type %s', (type) => {
    expect(routes.some((route) => route.type === type)).toBe(true);
  });

  test('have routes of many forms', () => {
    expect(routes.some((route) => route.nexthops.length > 1)).toBe(true);
    expect(routes.some((route) => route.nhid !== undefined)).toBe(true);
    expect(routes.some((route) => route.family === 4 && route.nexthops.some((hop) => hop.via?.includes(':')))).toBe(
      true,
    );
    for (const field of ['metric', 'tos', 'prefsrc', 'mtu'] as const)
      expect(
        routes.some((route) => route[field] !== undefined),
        field,
      ).toBe(true);
  });

  test('have policy rules with every selector', () => {
    const fields = [
      'from',
      'to',
      'iif',
      'oif',
      'fwmark',
      'tos',
      'ipproto',
      'sport',
      'dport',
      'not',
      'suppressPrefixLength',
    ] as const;
    for (const field of fields)
      expect(
        rules.some((rule) => rule[field] !== undefined),
        field,
      ).toBe(true);
    const kinds = new Set(rules.map((rule) => rule.action.kind));
    expect([...kinds].sort()).toEqual(['blackhole', 'goto', 'lookup', 'nop', 'prohibit', 'unreachable']);
  });

  test('send packets of all sorts, from processes and from wires', () => {
    const events = scenarios.flatMap((scenario) => scenario.events);
    for (const protocol of [1, 6, 17, 47, 58, 132])
      expect(events.some((e) => e.packet.protocol === protocol)).toBe(true);
    expect(events.some((e) => e.link === undefined)).toBe(true);
    expect(events.some((e) => e.packet.inner !== undefined)).toBe(true);
    expect(events.some((e) => e.packet.ttl < 4)).toBe(true);
  });
});
