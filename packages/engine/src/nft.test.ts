/** nftables in the engine: rules in order, selectors, sets and maps. Expectations are the kernel's: nf_tables_core.c, nft_*.c, or tried with nft. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createEngine, type Engine } from './engine.ts';
import type { Packet } from './packet.ts';
import type { Statement } from './rule.ts';
import type { NftSet, Selector } from './selector.ts';
import { CtState, Disposition, Protocol, Reason, TcpFlag, Verdict } from './terms.ts';
import { accept, chain, drop, host, input, passed, path, rule, rulesOf, to4, to6 } from './testing/nft.ts';

const engineBytes = (file = 'engine.wasm'): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../dist/${file}`, import.meta.url)));

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({ wasm: engineBytes('engine.debug.wasm') });
});

const send = (packet: Packet, link = 'eth0') => engine.send('host', packet, { link });

/** Does a packet pass a chain that accepts what the statements hold for? */
function holds(statements: Statement[], packet: Packet, sets: NftSet[] = []): boolean {
  engine.load(host(input([[...statements, accept]], { sets })));
  return passed(send(packet).end);
}

const compare = (selector: Selector, value: string | number, op: 'eq' | 'ne' | 'lt' | 'ge' = 'eq'): Statement => ({
  kind: 'compare',
  key: [selector],
  op,
  values: [value],
});
const mark = (value: number): Statement => ({
  kind: 'set-meta',
  target: 'mark',
  value: { kind: 'value', values: [value] },
});
const lookup = (key: Selector[], set: string | NftSet, not = false): Statement => ({ kind: 'lookup', key, set, not });

describe('a rule', () => {
  test('runs its statements in the order written; what stood before a match that fails stays', () => {
    engine.load(
      host(
        input([
          [mark(7), compare({ field: 'th dport' }, 81), drop],
          [compare({ field: 'meta mark' }, 7), accept],
        ]),
      ),
    );
    const { steps, end } = send(to4());
    expect(path(steps)).toEqual(['INPUT 0 BREAK', 'INPUT 1 ACCEPT']);
    expect(end).toMatchObject({ disposition: Disposition.DELIVERED, packet: { mark: 7 } });
  });

  test('that ends before it changed anything leaves no step', () => {
    engine.load(host(input([[compare({ field: 'th dport' }, 81), mark(7)], [accept]])));
    expect(path(send(to4()).steps)).toEqual(['INPUT 1 ACCEPT']);
  });

  test('with an action before its test is found by the index of a long chain', async () => {
    const indexed = await createEngine({ wasm: engineBytes(), indexAll: true });
    const rules: Statement[][] = Array.from({ length: 40 }, (_, i) => [
      { kind: 'tcp', dport: { from: 1000 + i, to: 1000 + i } },
      drop,
    ]);
    rules[20] = [mark(9), { kind: 'tcp', dport: { from: 99, to: 99 } }, drop];
    rules.push([compare({ field: 'meta mark' }, 9), accept]);
    indexed.load(host(input(rules)));
    const { steps } = indexed.send('host', to4(), { link: 'eth0' });
    expect(path(steps)).toEqual(['INPUT 20 BREAK', 'INPUT 40 ACCEPT']);
  });

  test('that writes a header has the rules behind it see the new one, index or not', async () => {
    const indexed = await createEngine({ wasm: engineBytes(), indexAll: true });
    const port = (value: number): Statement => ({ kind: 'tcp', dport: { from: value, to: value } });
    const rules: Statement[][] = [
      [{ kind: 'set-header', field: 'th dport', value: { kind: 'value', values: [8080] } }],
      [port(80), drop],
      [port(8080), accept],
    ];
    for (const machine of [engine, indexed]) {
      machine.load(host(input(rules)));
      const { steps, end } = machine.send('host', to4(), { link: 'eth0' });
      expect(path(steps)).toEqual(['INPUT 0 CONTINUE', 'INPUT 2 ACCEPT']);
      expect(end.packet.dport).toBe(8080);
    }
  });
});

test.each<[string, Selector, string | number, Packet, boolean]>([
  ['ip saddr', { field: 'ip saddr' }, '10.0.0.2', to4(), true],
  ['ip saddr of IPv6', { field: 'ip saddr' }, '10.0.0.2', to6(), false],
  ['ip6 saddr', { field: 'ip6 saddr' }, 'fd00::2', to6(), true],
  ['masked', { field: 'ip saddr', mask: '255.255.255.0' }, '10.0.0.0', to4(), true],
  ['masked and turned', { field: 'ip saddr', mask: '0.0.0.255', xor: '0.0.0.3' }, '0.0.0.1', to4(), true],
  ['shifted', { field: 'ip tos', mask: 0xfc, shift: 2 }, 46, to4({ tos: 0xb8 }), true],
  ['shifted to the left', { field: 'meta mark', shift: -4 }, 0x120, to4({ mark: 0x12 }), true],
  ['the last 64 bits', { field: 'ip6 daddr', mask: '::ffff:ffff:ffff:ffff' }, '::1', to6(), true],
  ['ttl', { field: 'ip ttl' }, 64, to4(), true],
  ['length', { field: 'ip length' }, 60, to4(), true],
  ['payload length', { field: 'ip6 length' }, 40, to6({ length: 80 }), true],
  ['do not fragment', { field: 'ip frag-off', mask: 0x4000 }, 0x4000, to4(), true],
  ['flags', { field: 'tcp flags', mask: TcpFlag.SYN }, TcpFlag.SYN, to4(), true],
  ['ports of ICMP', { field: 'th dport' }, 80, to4({ protocol: Protocol.ICMP, icmpType: 8 }), false],
  ['ICMP type', { field: 'icmp type' }, 8, to4({ protocol: Protocol.ICMP, icmpType: 8 }), true],
  ['ethertype', { field: 'meta protocol' }, 0x86dd, to6(), true],
  ['family', { field: 'meta nfproto' }, 10, to6(), true],
  ['protocol', { field: 'meta l4proto' }, 6, to6(), true],
  ['name', { field: 'meta iifname' }, 'eth0', to4(), true],
  ['start of a name', { field: 'meta iifname' }, 'eth*', to4(), true],
  ['start of another name', { field: 'meta iifname' }, 'ens*', to4(), false],
  ['index', { field: 'meta iif' }, 2, to4(), true],
  ['no device', { field: 'meta oifname' }, '', to4(), true],
  ['type of a device', { field: 'meta iiftype' }, 1, to4(), true],
  ['type of no device', { field: 'meta oiftype' }, 1, to4(), false],
  ['state', { field: 'ct state', mask: CtState.NEW }, CtState.NEW, to4(), true],
  ['direction', { field: 'ct direction' }, 0, to4(), true],
  ['original source', { field: 'ct original saddr' }, '10.0.0.2', to4(), true],
  ['original source of the other family', { field: 'ct original saddr' }, '::10.0.0.2', to4(), false],
  ['original port', { field: 'ct original proto-dst' }, 80, to4(), true],
  ['reply port', { field: 'ct reply proto-src' }, 80, to4(), true],
  ['type of an address', { field: 'fib', flags: ['daddr'], result: 'type' }, 2, to4(), true],
  ['type of an IPv6 address', { field: 'fib', flags: ['daddr'], result: 'type' }, 2, to6(), true],
  ['type of another', { field: 'fib', flags: ['saddr'], result: 'type' }, 1, to4(), true],
  ['way back', { field: 'fib', flags: ['saddr', 'iif'], result: 'oif' }, 2, to4(), true],
  [
    'way back of nobody',
    { field: 'fib', flags: ['saddr', 'iif'], result: 'oif' },
    0,
    to4({ saddr: '203.0.113.1' }),
    true,
  ],
  ['name of the way back', { field: 'fib', flags: ['saddr'], result: 'oifname' }, 'eth0', to6(), true],
])('%s', (_, selector, value, packet, expected) => {
  expect(holds([compare(selector, value)], packet)).toBe(expected);
});

test('a selector without a value ends the rule, whatever the relation', () => {
  expect(holds([compare({ field: 'ip saddr' }, '10.0.0.9', 'ne')], to4())).toBe(true);
  expect(holds([compare({ field: 'ip saddr' }, '10.0.0.9', 'ne')], to6())).toBe(false);
  expect(holds([{ kind: 'saddr', prefix: '10.0.0.9/32', not: true }], to6())).toBe(false);
  expect(holds([lookup([{ field: 'ip saddr' }], { type: ['ipv4_addr'], elements: [] }, true)], to6())).toBe(false);
});

test('numbers are compared without a sign', () => {
  expect(holds([compare({ field: 'meta mark' }, 0x80000000, 'ge')], to4({ mark: 0xffffffff }))).toBe(true);
  expect(holds([compare({ field: 'meta mark' }, 0xffffffff, 'lt')], to4({ mark: 0xffffffff }))).toBe(false);
});

describe('hashes with a seed are those of the kernel (tried)', () => {
  const lo = (family: 4 | 6) => ({ ...(family === 4 ? to4() : to6()), saddr: '', dport: 8080 });
  const value = (key: Selector[], seed: number, offset = 0): Selector => ({
    field: 'jhash',
    key,
    mod: 100_000,
    offset,
    seed,
  });
  test.each<[string, Selector, 4 | 6, number]>([
    ['a port alone', value([{ field: 'th dport' }], 0xdeadbeef), 4, 0xccf5],
    ['address and port', value([{ field: 'ip saddr' }, { field: 'th dport' }], 0xdeadbeef), 4, 0xed58],
    ['an address, with an offset', value([{ field: 'ip saddr' }], 0xdeadbeef, 7), 4, 0x37c7],
    ['a name and a port', value([{ field: 'meta iifname' }, { field: 'th dport' }], 1), 4, 0xf6cf],
    ['IPv6 addresses', value([{ field: 'ip6 saddr' }, { field: 'ip6 daddr' }], 1), 6, 0xaca3],
    ['protocol and index', value([{ field: 'meta l4proto' }, { field: 'meta iif' }], 1), 4, 0x8691],
    ['a port of the connection', value([{ field: 'ct original proto-dst' }], 1), 4, 0x85f5],
  ])('%s', (_, selector, family, expected) => {
    const set: Statement = { kind: 'set-meta', target: 'mark', value: { kind: 'selectors', key: [selector] } };
    engine.load(host(input([[compare({ field: 'meta iifname' }, 'lo'), set, accept]])));
    const walk = engine.send('host', { ...lo(family), daddr: family === 4 ? '127.0.0.1' : '::1' });
    expect(walk.end.packet.mark).toBe(expected);
  });
});

describe('sets', () => {
  const ports: NftSet = { type: ['integer'], elements: [{ key: [80] }, { key: [{ from: 8000, to: 8100 }] }] };

  test('single values and intervals', () => {
    const has = (dport: number) => holds([lookup([{ field: 'th dport' }], ports)], to4({ dport }));
    expect([79, 80, 81, 7999, 8000, 8050, 8100, 8101].map(has)).toEqual([
      false,
      true,
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
  });

  test('many intervals, against a search one by one', () => {
    const ranges = Array.from({ length: 300 }, (_, i) => ({ from: i * 200 + (i % 7), to: i * 200 + 50 + (i % 11) }));
    const set: NftSet = { type: ['integer'], elements: ranges.map((range) => ({ key: [range] })).reverse() };
    engine.load(host(input([[lookup([{ field: 'th dport' }], set), accept]])));
    for (let dport = 0; dport < 61_000; dport += 37) {
      const expected = ranges.some(({ from, to }) => dport >= from && dport <= to);
      expect(passed(send(to4({ dport })).end), `port ${dport}`).toBe(expected);
    }
  });

  test('several components, single or ranges', () => {
    const set: NftSet = {
      type: ['ipv4_addr', 'integer'],
      elements: [
        { key: ['10.0.0.2', 80] },
        {
          key: [
            { from: '10.0.0.16', to: '10.0.0.31' },
            { from: 1, to: 1023 },
          ],
        },
        { key: ['10.0.0.40', { from: 100, to: 200 }] },
      ],
    };
    const key: Selector[] = [{ field: 'ip saddr' }, { field: 'th dport' }];
    const has = (saddr: string, dport: number) => holds([lookup(key, set)], to4({ saddr, dport }));
    expect(has('10.0.0.2', 80)).toBe(true);
    expect(has('10.0.0.2', 81)).toBe(false);
    expect(has('10.0.0.20', 443)).toBe(true);
    expect(has('10.0.0.20', 1024)).toBe(false);
    expect(has('10.0.0.40', 150)).toBe(true);
    expect(has('10.0.0.41', 150)).toBe(false);
  });

  test('names with a start, and the catch-all', () => {
    const names: NftSet = { type: ['ifname'], elements: [{ key: ['eth*'] }] };
    expect(holds([lookup([{ field: 'meta iifname' }], names)], to4())).toBe(true);
    const other: NftSet = { type: ['ifname'], elements: [{ key: ['wlan*'] }] };
    expect(holds([lookup([{ field: 'meta iifname' }], other)], to4())).toBe(false);
    const all: NftSet = { type: ['integer'], elements: [{ key: [443] }, { key: '*' }] };
    expect(holds([lookup([{ field: 'th dport' }], all)], to4())).toBe(true);
    expect(holds([lookup([{ field: 'th dport' }], all, true)], to4())).toBe(false);
  });

  test('the element found stands in the step', () => {
    engine.load(host(input([[lookup([{ field: 'th dport' }], ports), accept]])));
    const [step] = rulesOf(send(to4({ dport: 8010 })).steps);
    expect(step?.element).toBe(ports.elements[1]);
    expect(rulesOf(send(to4({ dport: 80 })).steps)[0]?.element).toBe(ports.elements[0]);
  });

  test('elements leave when their time is over', () => {
    const set: NftSet = {
      name: 's',
      type: ['ipv4_addr'],
      timeout: 30,
      elements: [{ key: ['10.0.0.2'], expires: 10 }, { key: ['10.0.0.3'] }, { key: ['10.0.0.4'], timeout: 60 }],
    };
    engine.load(host(input([[lookup([{ field: 'ip saddr' }], 's'), accept]], { sets: [set] })));
    const there = () => [2, 3, 4].filter((n) => passed(send(to4({ saddr: `10.0.0.${n}` })).end));
    expect(there()).toEqual([2, 3, 4]);
    engine.advance(9_999);
    expect(there()).toEqual([2, 3, 4]);
    engine.advance(1);
    expect(there()).toEqual([3, 4]);
    engine.advance(20_000);
    expect(there()).toEqual([4]);
    engine.reset();
    expect(there()).toEqual([2, 3, 4]);
  });
});

describe('maps', () => {
  const services: NftSet = {
    name: 'services',
    type: ['ipv4_addr', 'integer', 'integer'],
    data: 'verdict',
    elements: [
      { key: ['10.0.0.1', 6, 80], verdict: { kind: 'goto', chain: 'web' } },
      { key: ['10.0.0.1', 6, 81], verdict: { kind: 'jump', chain: 'web' } },
      { key: ['10.0.0.1', 6, 82], verdict: { kind: 'continue' } },
      { key: ['10.0.0.1', 6, 83], verdict: { kind: 'drop' } },
    ],
  };
  const key: Selector[] = [{ field: 'ip daddr' }, { field: 'meta l4proto' }, { field: 'th dport' }];

  test('of verdicts: jump, goto, continue, and the end of the rule where nothing is found', () => {
    const rules: Statement[][] = [[{ kind: 'verdict-map', key, map: 'services' }, mark(1)], [accept]];
    engine.load(host(input(rules, { sets: [services], others: [chain('web', [rule(mark(2))])] })));
    const at = (dport: number) => {
      const { steps, end } = send(to4({ dport }));
      return [...path(steps), end.packet.mark, Reason[end.reason]];
    };
    expect(at(80)).toEqual(['INPUT 0 GOTO', 'web 0 CONTINUE', 2, 'POLICY']);
    expect(at(81)).toEqual(['INPUT 0 JUMP', 'web 0 CONTINUE', 'INPUT 1 ACCEPT', 2, 'LISTENER_ASSUMED']);
    expect(at(82)).toEqual(['INPUT 0 CONTINUE', 'INPUT 1 ACCEPT', 1, 'LISTENER_ASSUMED']);
    expect(at(83)).toEqual(['INPUT 0 DROP', 0, 'RULE']);
    expect(at(84)).toEqual(['INPUT 1 ACCEPT', 0, 'LISTENER_ASSUMED']);
    const [step] = rulesOf(send(to4()).steps);
    expect(step).toMatchObject({ verdict: Verdict.GOTO, target: 'web' });
    expect(step?.element).toBe(services.elements[0]);
  });

  test('as a value to set; a key that is not there ends the rule', () => {
    const map: NftSet = { type: ['integer'], data: ['integer'], elements: [{ key: [80], data: [0x55] }] };
    const set: Statement = {
      kind: 'set-meta',
      target: 'mark',
      value: { kind: 'map', key: [{ field: 'th dport' }], map },
    };
    engine.load(host(input([[set, accept], [drop]])));
    expect(send(to4()).end.packet.mark).toBe(0x55);
    expect(send(to4({ dport: 81 })).end.reason).toBe(Reason.RULE);
  });

  test('a jump to nowhere and a set that is not there are refused', () => {
    const map = (name: string): NftSet => ({
      type: ['integer'],
      data: 'verdict',
      elements: [{ key: [1], verdict: { kind: 'jump', chain: name } }],
    });
    const rules = (name: string): Statement[][] => [
      [{ kind: 'verdict-map', key: [{ field: 'meta mark' }], map: map(name) }],
    ];
    expect(() => engine.load(host(input(rules('nowhere'))))).toThrow(/nowhere/);
    expect(() => engine.load(host(input([[lookup([{ field: 'meta mark' }], 'gone')]])))).toThrow(/gone/);
    const loop = input([], {
      others: [chain('a', [rule({ kind: 'verdict-map', key: [{ field: 'meta mark' }], map: map('a') })])],
    });
    expect(() => engine.load(host(loop))).toThrow(/comes back/);
  });
});

describe('sets that rules change', () => {
  const seen: NftSet = { name: 'seen', type: ['ipv4_addr'], dynamic: true, timeout: 10, size: 2, elements: [] };
  const update = (
    op: 'add' | 'update' | 'delete',
    more: Partial<Statement & { kind: 'set-update' }> = {},
  ): Statement => ({
    kind: 'set-update',
    op,
    set: 'seen',
    key: [{ field: 'ip saddr' }],
    ...more,
  });
  const known = [lookup([{ field: 'ip saddr' }], 'seen'), accept];
  const from = (n: number, dport: number) => send(to4({ saddr: `10.0.0.${n}`, dport })).end;
  const on = (dport: number, ...body: Statement[]): Statement[] => [compare({ field: 'th dport' }, dport), ...body];

  test('add, update, delete, and time', () => {
    engine.load(
      host(input([known, on(1, update('add')), on(2, update('update')), on(3, update('delete'))], { sets: [seen] })),
    );
    expect(passed(from(2, 1))).toBe(false);
    expect(passed(from(2, 9))).toBe(true);
    expect(passed(from(3, 9))).toBe(false);
    engine.advance(10_000);
    expect(passed(from(2, 9))).toBe(false);
    engine.reset();
    expect(passed(from(2, 9))).toBe(false);
  });

  test('update starts the time anew, add does not', () => {
    engine.load(
      host(input([on(1, update('add')), on(2, update('update')), on(3, update('delete')), known], { sets: [seen] })),
    );
    from(2, 1);
    engine.advance(6_000);
    from(2, 1);
    engine.advance(5_000);
    expect(passed(from(2, 9))).toBe(false);
    from(2, 1);
    engine.advance(6_000);
    from(2, 2);
    engine.advance(5_000);
    expect(passed(from(2, 9))).toBe(true);
    from(2, 3);
    expect(passed(from(2, 9))).toBe(false);
  });

  test('a full set ends the rule until an element leaves; the new element stands in the step', () => {
    engine.load(host(input([[update('add'), accept]], { sets: [seen] })));
    expect([2, 3, 4, 2].map((n) => passed(from(n, 9)))).toEqual([true, true, false, true]);
    engine.advance(10_000);
    expect(passed(from(4, 9))).toBe(true);
    engine.load(host(input([[update('add')], known], { sets: [seen] })));
    const [, step] = rulesOf(send(to4()).steps);
    expect(step?.element).toEqual({ key: ['10.0.0.2'] });
  });

  test('what is shared stays as it was in other namespaces', () => {
    const one = host(input([known, [update('add')]], { sets: [seen] }));
    const [first] = one.netnses;
    if (!first) throw new Error('no host');
    engine.load({ netnses: [first, { ...first, name: 'other' }] });
    send(to4());
    expect(passed(send(to4()).end)).toBe(true);
    expect(passed(engine.send('other', to4(), { link: 'eth0' }).end)).toBe(false);
  });
});
