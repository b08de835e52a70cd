/** The engine as a machine: it agrees with the reference on a Service's whole way, forgets on reset, keeps its memory, names its errors. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, chain, netns, network, packet, rule, table, veth } from '../reference/testing/network.ts';
import { createEngine, type Engine } from './engine.ts';
import { EngineError, type EngineErrorCode } from './errors.ts';
import type { Machine } from './machine.ts';
import type { Link, Network } from './network.ts';
import type { Statement } from './rule.ts';
import { ChoiceKind, Disposition, Hook, Protocol, Reason } from './terms.ts';

const engineBytes = (file: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../dist/${file}`, import.meta.url)));

const to = (prefix: string): Statement => ({ kind: 'daddr', prefix });
const jump = (name: string): Statement => ({ kind: 'jump', chain: name });
const tcp = (port: number): Statement[] => [
  { kind: 'protocol', protocol: Protocol.TCP },
  { kind: 'tcp', dport: { from: port, to: port } },
];
const endpoint = (name: string, address: string) =>
  chain(name, [
    rule({ kind: 'saddr', prefix: `${address}/32` }, jump('KUBE-MARK-MASQ')),
    rule(
      { kind: 'protocol', protocol: 6 },
      {
        kind: 'dnat',
        range: { addresses: { from: address, to: address }, ports: { from: 8080, to: 8080 } },
      },
    ),
  ]);

/** As many Services as make the chain of Services an indexed one. */
const services = Array.from({ length: 40 }, (_, i) =>
  rule(to(`10.96.0.${i + 1}/32`), ...tcp(80), jump(i === 6 ? 'KUBE-SVC-A' : 'KUBE-SVC-NONE')),
);

const shared = table('nat', [
  base('nat', Hook.PREROUTING, [rule(jump('KUBE-SERVICES'))]),
  base('nat', Hook.OUTPUT, [rule(jump('KUBE-SERVICES'))]),
  base('nat', Hook.POSTROUTING, [rule(jump('KUBE-POSTROUTING'))]),
  chain('KUBE-SERVICES', [...services, rule(jump('KUBE-NODEPORTS'))]),
  chain('KUBE-NODEPORTS'),
  chain('KUBE-SVC-NONE'),
  chain('KUBE-SVC-A', [
    rule({ kind: 'statistic', mode: 'random', probability: 0x40000000 }, jump('KUBE-SEP-A')),
    rule(jump('KUBE-SEP-B')),
  ]),
  endpoint('KUBE-SEP-A', '10.244.1.3'),
  endpoint('KUBE-SEP-B', '10.244.2.3'),
  chain('KUBE-MARK-MASQ', [rule({ kind: 'set-mark', value: 0x4000, mask: 0x4000 })]),
  chain('KUBE-POSTROUTING', [
    rule({ kind: 'mark', value: 0x4000, mask: 0x4000, not: true }, { kind: 'return' }),
    rule({ kind: 'masquerade', range: { randomFully: true } }),
  ]),
]);

function cluster(): Network {
  const [a, aHost] = veth(['client', 'eth0'], ['n1', 'veth-client', { master: 'cni0', hairpin: true }]);
  const [b, bHost] = veth(['local', 'eth0'], ['n1', 'veth-local', { master: 'cni0', hairpin: true }]);
  const [c, cHost] = veth(['remote', 'eth0'], ['n2', 'veth-remote', { master: 'cni0', hairpin: true }]);
  const pod = (name: string, link: Link, address: string, gateway: string) =>
    netns(name, { links: [link], addresses: [`eth0 ${address}/24`], routes: [`default via ${gateway} dev eth0`] });
  const node = (name: string, n: number, ports: Link[], routes: string[]) =>
    netns(name, {
      links: [{ name: 'eth0', kind: 'device', segment: 'lan' }, { name: 'cni0', kind: 'bridge' }, ...ports],
      addresses: [`eth0 192.168.0.${n}/24`, `cni0 10.244.${n}.1/24`],
      routes,
      sysctls: { 'net.ipv4.ip_forward': 1 },
      // The chain of node ports is the node's own; everything else is shared.
      netfilter: [
        { ...table('nat', [chain('KUBE-NODEPORTS', [rule(...tcp(30000 + n), jump('KUBE-SVC-A'))])]), base: shared },
      ],
    });
  return network(
    node('n1', 1, [aHost, bHost], ['10.244.2.0/24 via 192.168.0.2 dev eth0']),
    node('n2', 2, [cHost], ['10.244.1.0/24 via 192.168.0.1 dev eth0']),
    pod('client', a, '10.244.1.2', '10.244.1.1'),
    pod('local', b, '10.244.1.3', '10.244.1.1'),
    pod('remote', c, '10.244.2.3', '10.244.2.1'),
  );
}

let engine: Engine;
beforeAll(async () => {
  engine = await createEngine({ wasm: engineBytes('engine.debug.wasm') });
});

/** What one question does to a machine: there, back, and what is remembered. */
function conversation(machine: Machine, script: number[], port = 80, daddr = '10.96.0.7') {
  machine.reset();
  machine.script(script);
  const forward = machine.send('client', packet('', daddr, { dport: port }));
  const back = machine.answer();
  return { forward, back, choices: machine.choices(), n1: machine.conntrack('n1'), n2: machine.conntrack('n2') };
}

test.each([
  ['the endpoint of the same node', [0], 80, '10.96.0.7'],
  ['the endpoint of another node', [1], 80, '10.96.0.7'],
  ['a node port in the chain that hides the shared one', [0], 30001, '192.168.0.1'],
  ['a node port of another node', [1], 30002, '192.168.0.2'],
  ['an address that nobody has', [], 80, '10.96.1.1'],
])('%s: the same steps as the reference', (_, script, port, daddr) => {
  const reference = createReference();
  const it = cluster();
  reference.load(it);
  engine.load(it);
  const mine = conversation(engine, script, port, daddr);
  expect(mine).toEqual(conversation(reference, script, port, daddr));
  expect(mine.forward.steps.length).toBeGreaterThan(5);
});

test('a random endpoint is a choice with exact weights, and its rule is the very object that was loaded', () => {
  const it = cluster();
  engine.load(it);
  const { forward, choices } = conversation(engine, [1]);
  expect(forward.end).toMatchObject({ disposition: Disposition.DELIVERED, netns: 'remote', answers: true });
  const [first] = choices;
  expect(first).toMatchObject({ kind: ChoiceKind.STATISTIC, taken: 1, weights: [2 ** 30, 2 ** 30], netns: 'n1' });
  expect(first?.rule?.chain).toBe(shared.chains.find(({ name }) => name === 'KUBE-SVC-A'));
  expect(first?.rule?.table).toBe(it.netnses[0]?.netfilter[0]);
});

test('reset forgets connections and choices, flush connections alone', () => {
  engine.load(cluster());
  conversation(engine, [0]);
  expect(engine.conntrack('n1')).toHaveLength(1);
  engine.flush('n2');
  expect(engine.conntrack('n1')).toHaveLength(1);
  engine.flush();
  expect(engine.conntrack('n1')).toEqual([]);
  expect(engine.choices()).toHaveLength(1);
  engine.reset();
  expect(engine.choices()).toEqual([]);
  expect(engine.answer()).toBeUndefined();
});

test('a hundred thousand packets between resets cost no memory', () => {
  engine.load(cluster());
  const some = (first: number) => {
    for (let i = 0; i < 500; i++) engine.send('client', packet('', '10.96.0.7', { sport: 1024 + first + i }));
  };
  some(0);
  engine.reset();
  some(1);
  const before = engine.bytes;
  for (let round = 0; round < 200; round++) {
    engine.reset();
    some(round * 7);
  }
  expect(engine.bytes).toBe(before);
});

test('packets that are dropped on their way in leave nothing behind, however many', () => {
  const links: Link[] = [{ name: 'eth0', kind: 'device', segment: 'lan' }];
  const filter = table('filter', [base('filter', Hook.INPUT, [rule({ kind: 'state', states: 4 })], 'drop')]);
  engine.load(network(netns('host', { links, addresses: ['eth0 10.0.0.1/24'], netfilter: [filter] })));
  const drop = (i: number) =>
    engine.send('host', packet('10.0.0.2', '10.0.0.1', { sport: i & 0xffff }), { link: 'eth0' });
  for (let i = 0; i < 100; i++) drop(i);
  const before = engine.bytes;
  for (let i = 0; i < 50_000; i++) drop(i);
  expect(drop(1).end).toMatchObject({ disposition: Disposition.DROPPED, reason: Reason.POLICY });
  expect(engine.bytes).toBe(before);
  expect(engine.conntrack('host')).toEqual([]);
});

const link = (name: string, more: Partial<Link> = {}): Link => ({ name, kind: 'device', ...more });
const withRules = (...rules: Statement[][]) =>
  network(
    netns('h', {
      netfilter: [
        table('filter', [
          base(
            'filter',
            Hook.INPUT,
            rules.map((body) => rule(...body)),
          ),
        ]),
      ],
    }),
  );

test.each<[string, EngineErrorCode, () => Network]>([
  ['two namespaces of one name', 'DUPLICATE_NAME', () => network(netns('h', {}), netns('h', {}))],
  ['two links of one name', 'DUPLICATE_NAME', () => network(netns('h', { links: [link('a'), link('a')] }))],
  [
    'two links of one name among many',
    'DUPLICATE_NAME',
    () => network(netns('h', { links: [...Array.from({ length: 40 }, (_, i) => link(`l${i}`)), link('l3')] })),
  ],
  ['a name the kernel would not take', 'BAD_VALUE', () => network(netns('h', { links: [link('sixteen-letters!')] }))],
  [
    'a peer that does not exist',
    'UNKNOWN_PEER',
    () => network(netns('h', { links: [link('a', { peer: { netns: 'x', link: 'b' } })] })),
  ],
  [
    'a peer that names another',
    'UNKNOWN_PEER',
    () =>
      network(
        netns('h', { links: [link('a', { peer: { netns: 'i', link: 'b' } })] }),
        netns('i', { links: [link('b', { peer: { netns: 'h', link: 'c' } })] }),
      ),
  ],
  [
    'a master that is no bridge',
    'UNKNOWN_MASTER',
    () => network(netns('h', { links: [link('a', { master: 'b' }), link('b')] })),
  ],
  [
    'an address on no link',
    'UNKNOWN_LINK',
    () => network(netns('h', { rest: { addresses: [{ link: 'x', address: '10.0.0.1/8' }] } })),
  ],
  [
    'an address that is none',
    'BAD_ADDRESS',
    () => network(netns('h', { rest: { addresses: [{ link: 'lo', address: '10.0.0.256/8' }] } })),
  ],
  ['a jump to nowhere', 'UNKNOWN_CHAIN', () => withRules([jump('x')])],
  ['a match of the other family', 'BAD_ADDRESS', () => withRules([to('fd00::/8')])],
  ['a set that is not there', 'UNKNOWN_SET', () => withRules([{ kind: 'set', set: 'x', flags: ['src'] }])],
  ['a REJECT that iptables does not know', 'BAD_VALUE', () => withRules([{ kind: 'reject', with: 'icmp-nonsense' }])],
])('%s is refused', (_, code, make) => {
  expect(() => engine.load(make())).toThrow(expect.objectContaining({ name: 'EngineError', code }));
});

test('after a network that was refused the engine takes the next one', () => {
  expect(() => engine.load(withRules([jump('x')]))).toThrow(EngineError);
  expect(() => engine.send('h', packet('', '127.0.0.1'))).toThrow(expect.objectContaining({ code: 'UNKNOWN_NETNS' }));
  engine.load(cluster());
  expect(conversation(engine, [0]).forward.end.netns).toBe('local');
});

test('calls that make no sense say so', () => {
  engine.load(cluster());
  const throwing = (call: () => unknown, code: EngineErrorCode) =>
    expect(call).toThrow(expect.objectContaining({ code, fix: expect.stringMatching(/\.$/) }));
  throwing(() => engine.send('nowhere', packet('', '10.0.0.1')), 'UNKNOWN_NETNS');
  throwing(() => engine.send('n1', packet('', '10.0.0.1'), { link: 'x' }), 'UNKNOWN_LINK');
  throwing(() => engine.send('n1', packet('', '10.0.0.300')), 'BAD_ADDRESS');
  throwing(() => engine.send('n1', { ...packet('', '10.0.0.1'), family: 6 }), 'BAD_ADDRESS');
  throwing(() => conversation(engine, [2]), 'NO_SUCH_ALTERNATIVE');
  throwing(() => engine.script(new Array<number>(100_000).fill(0)), 'CHOICES_FULL');
});

test('a circle of routers ends as one', () => {
  const [a, b] = veth(['r1', 'eth0'], ['r2', 'eth0']);
  const router = (name: string, at: Link, own: number, other: number) =>
    netns(name, {
      links: [at],
      addresses: [`eth0 10.0.0.${own}/24`],
      routes: [`default via 10.0.0.${other} dev eth0`],
      sysctls: { 'net.ipv4.ip_forward': 1 },
    });
  engine.load(network(router('r1', a, 1, 2), router('r2', b, 2, 1)));
  const { end, steps } = engine.send('r1', packet('10.0.9.9', '192.0.2.1'));
  expect(end).toMatchObject({ disposition: Disposition.UNREACHABLE, reason: Reason.TTL_EXCEEDED });
  expect(steps.filter(({ kind }) => kind === 'enter')).toHaveLength(65);
});

test('every source of the file makes the same engine; a disposed one is gone', async () => {
  const bytes = engineBytes('engine.wasm');
  const url = new URL('../dist/engine.wasm', import.meta.url);
  const response = () => new Response(bytes, { headers: { 'content-type': 'application/wasm' } });
  for (const wasm of [
    bytes,
    bytes.buffer,
    await WebAssembly.compile(bytes),
    url,
    url.href,
    response(),
    Promise.resolve(response()),
  ]) {
    const other = await createEngine({ wasm });
    other.load(cluster());
    expect(conversation(other, [1]).forward.end.netns).toBe('remote');
    other.dispose();
    expect(other.bytes).toBe(0);
    expect(() => other.reset()).toThrow(expect.objectContaining({ code: 'DISPOSED' }));
  }
  await expect(createEngine({ wasm: new Response('', { status: 404 }) })).rejects.toThrow(
    expect.objectContaining({ code: 'NO_WASM' }),
  );
  const empty = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
  await expect(createEngine({ wasm: empty })).rejects.toThrow(expect.objectContaining({ code: 'ABI_MISMATCH' }));
});
