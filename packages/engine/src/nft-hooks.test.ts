/** nftables' base chains in the engine: `inet` beside iptables, NAT from maps, devices and bridges (nf_tables_core.c, br_netfilter_hooks.c). */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { netns, network, packet, veth } from '../reference/testing/network.ts';
import { createEngine, type Engine } from './engine.ts';
import type { Link, Network } from './network.ts';
import type { BaseHook, Chain, Statement, Table } from './rule.ts';
import type { NftSet, Selector } from './selector.ts';
import { CtState, Disposition, Hook, Protocol, Reason, Verdict } from './terms.ts';
import { accept, chain, drop, host, input, links, passed, path, rule, rulesOf, to4, to6 } from './testing/nft.ts';

let engine: Engine;

beforeAll(async () => {
  engine = await createEngine({
    wasm: new Uint8Array(readFileSync(new URL('../dist/engine.debug.wasm', import.meta.url))),
  });
});

const hooked = (
  name: string,
  hook: Hook,
  priority: number,
  rules: Statement[][],
  more: Partial<BaseHook> = {},
): Chain =>
  chain(
    name,
    rules.map((body) => rule(...body)),
    { hook, priority, type: 'filter', policy: 'accept', ...more },
  );
const table = (family: Table['family'], name: string, ...chains: Chain[]): Table => ({
  family,
  name,
  syntax: 'nft',
  chains,
});
const note: Statement = { kind: 'note', text: 'counter' };
const mark = (value: number): Statement => ({
  kind: 'set-meta',
  target: 'mark',
  value: { kind: 'value', values: [value] },
});
const is = (field: Selector, value: string | number): Statement => ({
  kind: 'compare',
  key: [field],
  op: 'eq',
  values: [value],
});

test('inet, ip and ip6 chains run in one order by priority, of equal ones the last loaded first', () => {
  engine.load(
    host(
      table('ip', 'old', hooked('ip', Hook.INPUT, 0, [[note]])),
      table('ip6', 'old', hooked('ip6', Hook.INPUT, 0, [[note]])),
      table('inet', 'new', hooked('both', Hook.INPUT, 0, [[note]]), hooked('early', Hook.INPUT, -10, [[note]])),
    ),
  );
  const names = (walk: ReturnType<Engine['send']>) => rulesOf(walk.steps).map(({ chain: { name } }) => name);
  expect(names(engine.send('host', to4(), { link: 'eth0' }))).toEqual(['early', 'both', 'ip']);
  expect(names(engine.send('host', to6(), { link: 'eth0' }))).toEqual(['early', 'both', 'ip6']);
});

test('conntrack is on in the families of a table that asks for it', () => {
  const asks = is({ field: 'ct state', mask: CtState.NEW }, CtState.NEW);
  const tracked = (family: Table['family']) => {
    engine.load(host(input([[asks, accept]], { family })));
    return [to4(), to6()].map((p) =>
      engine.send('host', p, { link: 'eth0' }).steps.some(({ kind }) => kind === 'conntrack'),
    );
  };
  expect(tracked('inet')).toEqual([true, true]);
  expect(tracked('ip')).toEqual([true, false]);
  expect(tracked('ip6')).toEqual([false, true]);
});

test("icmpx rejects answer in the packet's own family", () => {
  engine.load(host(input([[{ kind: 'reject', with: 'icmpx-admin-prohibited' }]])));
  const answered = (p: ReturnType<typeof to4>) => {
    expect(engine.send('host', p, { link: 'eth0' }).end.disposition).toBe(Disposition.REJECTED);
    const enter = engine.answer()?.steps.find((step) => step.kind === 'enter');
    return enter?.kind === 'enter' && [enter.packet.icmpType, enter.packet.icmpCode];
  };
  expect(answered(to4())).toEqual([3, 13]);
  expect(answered(to6())).toEqual([1, 1]);
});

describe('NAT', () => {
  const nat = (...rules: Statement[][]): Chain => hooked('pre', Hook.PREROUTING, -100, rules, { type: 'nat' });
  const map: NftSet = {
    name: 'backends',
    type: ['ipv4_addr', 'integer'],
    data: ['ipv4_addr', 'integer'],
    elements: [{ key: ['192.0.2.80', 80], data: ['10.0.0.9', 8080] }],
  };
  const toBackend: Statement = {
    kind: 'nat-to',
    nat: 'dnat',
    gives: ['address', 'port'],
    value: { kind: 'map', key: [{ field: 'ip daddr' }, { field: 'th dport' }], map: 'backends' },
  };
  const from = (daddr: string, dport = 80) => packet('192.0.2.7', daddr, { dport });

  test('to what a map says, and back', () => {
    engine.load(host({ ...table('inet', 't', nat([toBackend])), sets: [map] }));
    const { steps, end } = engine.send('host', from('192.0.2.80'), { link: 'eth1' });
    expect(end.packet).toMatchObject({ daddr: '10.0.0.9', dport: 8080 });
    expect(path(steps)).toEqual(['pre 0 ACCEPT']);
    expect(rulesOf(steps)[0]?.element).toBe(map.elements[0]);
    expect(engine.conntrack('host')).toMatchObject([
      { original: { daddr: '192.0.2.80', dport: 80 }, reply: { saddr: '10.0.0.9', sport: 8080 }, dnat: true },
    ]);
    expect(path(engine.send('host', from('192.0.2.80', 81), { link: 'eth1' }).steps)).toEqual([]);
  });

  test('for one family lets packets of the other pass', () => {
    const dnat: Statement = { kind: 'dnat', range: { addresses: { from: '10.0.0.9', to: '10.0.0.9' } } };
    const tracking = table('inet', 'f', hooked('in', Hook.INPUT, 0, [[is({ field: 'ct direction' }, 0)]]));
    engine.load(host(table('inet', 't', nat([dnat, mark(3)])), tracking));
    const { end } = engine.send('host', to6(), { link: 'eth0' });
    expect(end.packet).toMatchObject({ daddr: 'fd00::1', mark: 3 });
    expect(engine.send('host', from('192.0.2.1'), { link: 'eth1' }).end.packet.daddr).toBe('10.0.0.9');
  });

  test.each<[string, Statement, boolean]>([
    ['an address', { kind: 'dnat', range: { addresses: { from: '10.0.0.9', to: '10.0.0.9' } } }, false],
    ['a port', { kind: 'dnat', range: { ports: { from: 8080, to: 8080 } } }, true],
    ['a map', toBackend, false],
  ])('to %s has connections tracked in its own families (nft_nat_init)', (_, statement, isTracked) => {
    engine.load(host({ ...table('inet', 't', nat([statement])), sets: [map] }));
    engine.send('host', to6(), { link: 'eth0' });
    expect(engine.conntrack('host')).toHaveLength(isTracked ? 1 : 0);
    engine.send('host', from('192.0.2.1'), { link: 'eth1' });
    expect(engine.conntrack('host')).toHaveLength(isTracked ? 2 : 1);
  });
});

describe('devices', () => {
  const device = (hook: Hook, rules: Statement[][], devices = ['eth0']): Table =>
    table('netdev', 'd', hooked('dev', hook, 0, rules, { devices }));

  test('INGRESS sees what comes in by its devices, before PREROUTING, without a connection', () => {
    const rules: Statement[][] = [
      [is({ field: 'meta iifname' }, 'eth0'), note],
      [is({ field: 'ct direction' }, 0), note],
      [is({ field: 'th dport' }, 81), drop],
    ];
    const raw = table('ip', 'raw', hooked('raw', Hook.PREROUTING, -300, [[note]]));
    engine.load(host(device(Hook.INGRESS, rules), raw));
    const walk = engine.send('host', to4(), { link: 'eth0' });
    expect(path(walk.steps)).toEqual(['dev 0 CONTINUE', 'raw 0 CONTINUE']);
    expect(rulesOf(walk.steps)[0]?.hook).toBe(Hook.INGRESS);
    const dropped = engine.send('host', to4({ dport: 81 }), { link: 'eth0' });
    expect(dropped.end).toMatchObject({ disposition: Disposition.DROPPED, reason: Reason.RULE, netns: 'host' });
    expect(path(engine.send('host', packet('192.0.2.7', '192.0.2.1'), { link: 'eth1' }).steps)).toEqual([
      'raw 0 CONTINUE',
    ]);
  });

  const wire = (...tables: Table[]): Network => {
    const [a, b] = veth(['host', 'veth0'], ['peer', 'eth0']);
    const [c, d] = veth(['host', 'veth1'], ['third', 'eth0']);
    return network(
      netns('host', {
        links: [a, c],
        addresses: ['veth0 10.1.0.1/24', 'veth1 10.2.0.1/24'],
        sysctls: { 'net.ipv4.ip_forward': 1 },
        netfilter: tables,
      }),
      netns('peer', { links: [b], addresses: ['eth0 10.1.0.2/24'], routes: ['default via 10.1.0.1 dev eth0'] }),
      netns('third', { links: [d], addresses: ['eth0 10.2.0.2/24'] }),
    );
  };

  test('EGRESS sees what goes out by its devices, after POSTROUTING', () => {
    const post = table('ip', 'f', hooked('post', Hook.POSTROUTING, 0, [[note]]));
    engine.load(wire(device(Hook.EGRESS, [[is({ field: 'meta oifname' }, 'veth0'), note]], ['veth0']), post));
    const walk = engine.send('host', packet('', '10.1.0.2'));
    expect(path(walk.steps)).toEqual(['post 0 CONTINUE', 'dev 0 CONTINUE']);
    expect(walk.end).toMatchObject({ netns: 'peer', disposition: Disposition.DELIVERED });
    expect(path(engine.send('host', packet('', '10.2.0.2')).steps)).toEqual(['post 0 CONTINUE']);
  });

  test('forward-to sends the frame out of another device at once', () => {
    const isIpv4 = is({ field: 'meta protocol' }, 0x0800);
    engine.load(wire(device(Hook.INGRESS, [[isIpv4, { kind: 'forward-to', device: 'veth1' }]], ['veth0'])));
    const walk = engine.send('peer', packet('', '10.2.0.2'));
    expect(walk.steps.filter(({ kind }) => kind === 'transmit')).toHaveLength(2);
    expect(path(walk.steps)).toEqual(['dev 0 ACCEPT']);
    // The frame still bears the address of the host that should have had it.
    expect(walk.end).toMatchObject({ netns: 'third', reason: Reason.OTHER_HOST });
  });
});

describe('bridges', () => {
  const bridged = (nf: number, ...netfilter: Table[]): Network => {
    const [a, aPort] = veth(['a', 'eth0'], ['host', 'port-a', { master: 'br0' }]);
    const [b, bPort] = veth(['b', 'eth0'], ['host', 'port-b', { master: 'br0' }]);
    const bridge: Link = { name: 'br0', kind: 'bridge' };
    return network(
      netns('host', {
        links: [bridge, aPort, bPort],
        addresses: ['br0 10.0.0.1/24'],
        sysctls: { 'net.bridge.bridge-nf-call-iptables': nf },
        netfilter,
      }),
      netns('a', { links: [a], addresses: ['eth0 10.0.0.2/24'] }),
      netns('b', { links: [b], addresses: ['eth0 10.0.0.3/24'] }),
    );
  };
  const port: Selector = { field: 'meta iifname' };
  const all = (Object.values(Hook).filter((hook) => typeof hook === 'number') as Hook[])
    .filter((hook) => hook <= Hook.POSTROUTING)
    .flatMap((hook) => [-200, 200].map((priority) => hooked(`${Hook[hook]}${priority}`, hook, priority, [[note]])));
  const names = (walk: ReturnType<Engine['send']>) =>
    rulesOf(walk.steps)
      .filter((step) => step.netns.name === 'host')
      .map(({ chain: { name } }) => name);

  test('see frames from port to port around the hooks of IP', () => {
    const ip = table(
      'ip',
      'f',
      hooked('ip-pre', Hook.PREROUTING, 0, [[note]]),
      hooked('ip-fwd', Hook.FORWARD, 0, [[note]]),
      hooked('ip-post', Hook.POSTROUTING, 0, [[note]]),
    );
    engine.load(bridged(1, table('bridge', 'b', ...all), ip));
    const walk = engine.send('a', packet('', '10.0.0.3'));
    expect(names(walk)).toEqual([
      'PREROUTING-200',
      'ip-pre',
      'PREROUTING200',
      'FORWARD-200',
      'ip-fwd',
      'FORWARD200',
      'POSTROUTING-200',
      'POSTROUTING200',
      'ip-post',
    ]);
    expect(walk.end.netns).toBe('b');
    engine.load(bridged(0, table('bridge', 'b', ...all), ip));
    expect(names(engine.send('a', packet('', '10.0.0.3')))).toEqual([
      'PREROUTING-200',
      'PREROUTING200',
      'FORWARD-200',
      'FORWARD200',
      'POSTROUTING-200',
      'POSTROUTING200',
    ]);
  });

  test('see what goes up, and what the stack sends', () => {
    engine.load(bridged(0, table('bridge', 'b', ...all)));
    expect(names(engine.send('a', packet('', '10.0.0.1')))).toEqual([
      'PREROUTING-200',
      'PREROUTING200',
      'INPUT-200',
      'INPUT200',
    ]);
    expect(names(engine.send('host', packet('', '10.0.0.3')))).toEqual([
      'OUTPUT-200',
      'OUTPUT200',
      'POSTROUTING-200',
      'POSTROUTING200',
    ]);
  });

  test('name ports, and the bridge as such', () => {
    const rules: Statement[][] = [
      [
        is(port, 'port-a'),
        is({ field: 'meta ibrname' }, 'br0'),
        is({ field: 'meta nfproto' }, 7),
        is({ field: 'meta pkttype' }, 3),
        is({ field: 'ip daddr' }, '10.0.0.3'),
        drop,
      ],
    ];
    engine.load(bridged(1, table('bridge', 'b', hooked('fwd', Hook.FORWARD, 0, rules))));
    const walk = engine.send('a', packet('', '10.0.0.3'));
    expect(walk.end).toMatchObject({ netns: 'host', reason: Reason.RULE });
    expect(rulesOf(walk.steps).at(-1)).toMatchObject({ verdict: Verdict.DROP, hook: Hook.FORWARD });
    expect(passed(engine.send('b', packet('', '10.0.0.2')).end)).toBe(true);
  });
});

test('a zone that a rule sets is that of the connection; untracked packets have none', () => {
  const zone: Statement = { kind: 'set-meta', target: 'ct zone', value: { kind: 'value', values: [9] } };
  const raw = table(
    'inet',
    'raw',
    hooked('raw', Hook.PREROUTING, -300, [[is({ field: 'th dport' }, 80), zone], [{ kind: 'notrack' }]]),
  );
  engine.load(
    host(
      raw,
      input([
        [is({ field: 'ct zone' }, 9), accept],
        [is({ field: 'ct state' }, CtState.UNTRACKED), mark(1), accept],
      ]),
    ),
  );
  expect(path(engine.send('host', to4(), { link: 'eth0' }).steps)).toContain('INPUT 0 ACCEPT');
  expect(engine.conntrack('host')).toMatchObject([{ zone: 9 }]);
  expect(engine.send('host', to4({ dport: 81, protocol: Protocol.UDP }), { link: 'eth0' }).end.packet.mark).toBe(1);
  expect(links).toHaveLength(2);
});
