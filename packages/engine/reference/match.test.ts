/** Every kind of match, one row a question. Expectations from the match's own source (net/netfilter/xt_*.c). */
import { expect, test } from 'vitest';
import { CtState, Hook, type Match, type Netns, Protocol, type Statement, TcpFlag, Verdict } from '../src/index.ts';
import { createReference } from './index.ts';
import { base, netns, network, packet, rule, table } from './testing/network.ts';

type More = Parameters<typeof packet>[2];

/** Does the match hold for a packet that a host sends itself, at OUTPUT of the table? */
function holds(
  match: Match | Match[],
  more: More = {},
  { family = 4, rest = {} }: { family?: 4 | 6; rest?: Partial<Netns> } = {},
): boolean {
  const statements: Statement[] = Array.isArray(match) ? match : [match];
  const own = family === 4 ? '10.0.0.1' : 'fd00::1';
  const machine = createReference();
  const tested = table(
    'filter',
    [base('filter', Hook.OUTPUT, [rule(...statements, { kind: 'accept' })])],
    family === 4 ? 'ip' : 'ip6',
  );
  machine.load(network(netns('h', { addresses: [`lo ${own}/${family === 4 ? 32 : 128}`], netfilter: [tested], rest })));
  const { steps } = machine.send('h', packet(own, own, more));
  return steps.some((step) => step.kind === 'rule' && step.hook === Hook.OUTPUT && step.verdict === Verdict.ACCEPT);
}

const both = (match: Match, more: More | undefined, expected: boolean) => {
  expect(holds(match, more)).toBe(expected);
  expect(holds({ ...match, not: true } as Match, more)).toBe(!expected);
};

const root: More = { owner: { uid: 0, gid: 0 } };
const ids = (from: number, to = from, not?: true) => ({ from, to, ...(not && { not }) });

/** A process sends at OUTPUT: its socket is there. */
test.each<[owner: Partial<Match & { kind: 'owner' }>, more: More, expected: boolean]>([
  [{ uid: ids(0) }, root, true],
  [{ uid: ids(0, 0, true) }, root, false],
  [{ uid: ids(1, 1000) }, root, false],
  [{ uid: ids(1, 1000, true) }, root, true],
  [{ uid: ids(0), gid: ids(7) }, root, false],
  [{ socket: {} }, {}, true],
  [{ socket: { not: true } }, {}, false],
  // One part is enough to say no, whatever is not known beside it.
  [{ uid: ids(7), gid: ids(0) }, { owner: { uid: 0 } }, false],
  // Nobody knows: the first way is the one on which it holds.
  [{ uid: ids(7) }, {}, true],
  [{ gid: ids(7), suppl: true }, root, true],
])('owner %j of %j: %s', (owner, more, expected) => {
  expect(holds({ kind: 'owner', text: '-m owner', ...owner }, more)).toBe(expected);
});

const udp: More = { protocol: Protocol.UDP };
const icmp = (type: number, code = 0): More => ({ protocol: Protocol.ICMP, icmpType: type, icmpCode: code });
const port = (from: number, to = from) => ({ from, to });

test.each<[match: Match, more: More | undefined, expected: boolean]>([
  [{ kind: 'saddr', prefix: '10.0.0.0/8' }, {}, true],
  [{ kind: 'daddr', prefix: '10.0.0.2/32' }, {}, false],
  [{ kind: 'daddr', prefix: '10.9.9.1/255.0.0.255' }, {}, true],
  [{ kind: 'daddr', prefix: '0.0.0.0/0' }, {}, true],
  [{ kind: 'oif', name: 'lo' }, {}, true],
  [{ kind: 'oif', name: 'l+' }, {}, true],
  [{ kind: 'oif', name: 'l' }, {}, false],
  [{ kind: 'iif', name: 'lo' }, {}, false],
  [{ kind: 'iif', name: '+' }, {}, true],
  [{ kind: 'protocol', protocol: 6 }, {}, true],
  [{ kind: 'protocol', protocol: 0 }, udp, true],
  [{ kind: 'fragment' }, {}, false],
  [{ kind: 'icmp', type: 8, code: port(0, 255) }, icmp(8), true],
  [{ kind: 'icmp', type: 3, code: port(0, 3) }, icmp(3, 4), false],
  [{ kind: 'icmp', type: 255, code: port(0, 255) }, icmp(13), true],
  [{ kind: 'multiport', which: 'destination', ports: [port(22), port(80, 90)] }, {}, true],
  [{ kind: 'multiport', which: 'source', ports: [port(80)] }, {}, false],
  [{ kind: 'multiport', which: 'either', ports: [port(40000)] }, {}, true],
  [{ kind: 'mark', value: 0x4000, mask: 0x4000 }, { mark: 0x4001 }, true],
  [{ kind: 'mark', value: 0, mask: 0x4000 }, { mark: 0x4001 }, false],
  [{ kind: 'mark', value: 0xffffffff, mask: 0xffffffff }, { mark: 0xffffffff }, true],
  [{ kind: 'tos', value: 0x10, mask: 0x3f }, { tos: 0xd0 }, true],
  [{ kind: 'length', from: 60, to: 60 }, {}, true],
  [{ kind: 'length', from: 0, to: 59 }, {}, false],
  [{ kind: 'state', states: CtState.NEW | CtState.RELATED }, {}, true],
  [{ kind: 'state', states: CtState.ESTABLISHED }, {}, false],
])('%o on %o', (match, more, expected) => {
  both(match, more, expected);
});

test.each<[match: Match, more: More | undefined, expected: boolean]>([
  [{ kind: 'tcp', dport: port(80, 90) }, {}, true],
  [{ kind: 'tcp', dport: { ...port(80), not: true } }, {}, false],
  [{ kind: 'tcp', sport: port(80) }, {}, false],
  [{ kind: 'tcp', flags: { mask: TcpFlag.SYN | TcpFlag.ACK, set: TcpFlag.SYN } }, {}, true],
  [
    { kind: 'tcp', flags: { mask: TcpFlag.SYN | TcpFlag.ACK, set: TcpFlag.SYN, not: true } },
    { tcpFlags: TcpFlag.ACK },
    true,
  ],
  [{ kind: 'tcp', option: { number: 2 } }, { tcp: { seq: 1, ack: 0, window: 1 } }, false],
  [{ kind: 'tcp', option: { number: 2, not: true } }, { tcp: { seq: 1, ack: 0, window: 1, header: 20 } }, true],
  [{ kind: 'tcp' }, udp, false],
  [{ kind: 'udp', dport: port(80) }, udp, true],
  [{ kind: 'udp', dport: port(80) }, {}, false],
  [{ kind: 'sctp', sport: { ...port(1), not: true } }, { protocol: Protocol.SCTP }, true],
  [{ kind: 'ttl', op: 'eq', value: 64 }, {}, true],
  [{ kind: 'ttl', op: 'ne', value: 64 }, {}, false],
  [{ kind: 'ttl', op: 'lt', value: 64 }, { ttl: 63 }, true],
  [{ kind: 'ttl', op: 'gt', value: 64 }, {}, false],
  [{ kind: 'iprange', src: { from: '10.0.0.0', to: '10.0.0.1' } }, {}, true],
  [{ kind: 'iprange', dst: { from: '10.0.0.0', to: '10.0.0.1', not: true } }, {}, false],
  [{ kind: 'comment', text: 'x' }, {}, true],
  [{ kind: 'nfacct', name: 'x' }, {}, true],
  // No Ethernet header: false whether or not it is negated.
  [{ kind: 'mac', address: '02:00:00:00:00:01' }, {}, false],
  [{ kind: 'mac', address: '02:00:00:00:00:01', not: true }, {}, false],
  // A connection, but one without a mark of its own yet.
  [{ kind: 'connmark', value: 0, mask: 0xff }, {}, true],
  // No bridge information: only what is negated holds.
  [{ kind: 'physdev', in: { name: 'veth0' } }, {}, false],
  [{ kind: 'physdev', in: { name: 'veth0', not: true }, isBridged: { not: true } }, {}, true],
  [{ kind: 'physdev', isBridged: {} }, {}, false],
  [{ kind: 'icmp6', type: 128, code: port(0, 255) }, {}, false],
])('%o on %o (as written)', (match, more, expected) => {
  expect(holds(match, more)).toBe(expected);
});

test.each<[match: Partial<Match & { kind: 'conntrack' }>, expected: boolean]>([
  [{ state: { states: CtState.NEW } }, true],
  [{ state: { states: CtState.INVALID, not: true } }, true],
  [{ state: { states: CtState.DNAT } }, false],
  [{ protocol: { protocol: 6 } }, true],
  [{ origSrc: { prefix: '10.0.0.1/32' }, replDst: { prefix: '10.0.0.1/32' } }, true],
  [{ origDst: { prefix: '10.0.0.1/32', not: true } }, false],
  [{ origDstPort: port(80), replSrcPort: port(80) }, true],
  [{ origSrcPort: { ...port(40000), not: true } }, false],
  [{ direction: 'ORIGINAL' }, true],
  [{ direction: 'REPLY' }, false],
  // NONE is a mask without a bit: it never holds, and negated always does (tried).
  [{ status: { names: ['none'] } }, false],
  [{ status: { names: ['none'], not: true } }, true],
  [{ status: { names: ['confirmed', 'seen_reply'] } }, false],
])('-m conntrack %o on a first packet', (match, expected) => {
  expect(holds({ kind: 'conntrack', ...match })).toBe(expected);
});

test.each<[type: string, daddr: string, expected: boolean]>([
  ['LOCAL', '10.0.0.1', true],
  ['UNICAST', '192.0.2.1', true],
  ['LOCAL', '192.0.2.1', false],
  ['BROADCAST', '10.1.0.255', true],
  ['BROADCAST', '255.255.255.255', true],
  ['MULTICAST', '224.0.0.1', true],
  ['LOCAL', '127.0.0.53', true],
])('addrtype %s of %s is %s', (type, daddr, expected) => {
  const machine = createReference();
  const tested = table('filter', [
    base('filter', Hook.OUTPUT, [rule({ kind: 'addrtype', dstType: { types: [type] } }, { kind: 'accept' })]),
  ]);
  const links = [{ name: 'eth0', kind: 'device' as const }];
  machine.load(
    network(
      netns('h', {
        links,
        addresses: ['lo 10.0.0.1/32', 'eth0 10.1.0.1/24'],
        routes: ['default dev eth0'],
        netfilter: [tested],
      }),
    ),
  );
  const { steps } = machine.send('h', packet('10.0.0.1', daddr));
  expect(steps.some((step) => step.kind === 'rule')).toBe(expected);
});

test.each<[type: string, entries: string[], flags: ('src' | 'dst')[], more: More, expected: boolean]>([
  ['hash:ip', ['10.0.0.1'], ['dst'], {}, true],
  ['hash:net', ['10.0.0.0/8'], ['src'], {}, true],
  ['hash:net', ['10.0.0.0/8', '!10.0.0.0/24'], ['src'], {}, false],
  ['hash:net', ['!10.0.0.0/8', '10.0.0.0/24'], ['src'], {}, true],
  ['hash:ip,port', ['10.0.0.1,tcp:80'], ['dst', 'dst'], {}, true],
  ['hash:ip,port', ['10.0.0.1,tcp:80'], ['dst', 'src'], {}, false],
  ['hash:ip,port', ['10.0.0.1,udp:80'], ['dst', 'dst'], {}, false],
  ['hash:ip,port', ['10.0.0.1,icmp:8/0'], ['dst', 'dst'], icmp(8), true],
  ['hash:net,port', ['10.0.0.0/24,tcp:80'], ['dst', 'dst'], {}, true],
  ['hash:ip,port,ip', ['10.0.0.1,tcp:80,10.0.0.1'], ['dst', 'dst', 'src'], {}, true],
  ['hash:ip,port,net', ['10.0.0.1,tcp:80,10.0.0.0/8'], ['dst', 'dst', 'src'], {}, true],
  ['hash:net,iface', ['10.0.0.0/8,lo'], ['dst', 'dst'], {}, true],
  ['hash:ip,mark', ['10.0.0.1,0x00000007'], ['dst', 'dst'], { mark: 7 }, true],
  ['bitmap:port', ['80'], ['dst'], {}, true],
  ['bitmap:port', ['80'], ['dst'], icmp(8), false],
  ['list:set', ['inner'], ['dst'], {}, true],
])('set %s with %o, %o', (type, entries, flags, more, expected) => {
  const sets = [
    {
      name: 's',
      type,
      entries: entries.map((value) => (value.startsWith('!') ? { value: value.slice(1), nomatch: true } : { value })),
    },
    { name: 'inner', type: 'hash:ip', entries: [{ value: '10.0.0.1' }] },
  ];
  expect(holds({ kind: 'set', set: 's', flags }, more, { rest: { sets } })).toBe(expected);
  expect(holds({ kind: 'set', set: 's', flags, not: true }, more, { rest: { sets } })).toBe(!expected);
});

/** The same rule for packets at the given moments; which of them it matched. */
function series(match: Match, momentsMs: number[], options: { before?: Statement[]; nth?: 'count' | 'choice' } = {}) {
  const machine = createReference();
  const rules = [...(options.before ? [rule(...options.before)] : []), rule(match, { kind: 'drop' })];
  machine.load(
    network(
      netns('h', { addresses: ['lo 10.0.0.1/32'], netfilter: [table('filter', [base('filter', Hook.OUTPUT, rules)])] }),
    ),
  );
  if (options.nth) machine.nth(options.nth);
  let now = 0;
  const matched = momentsMs.map((at) => {
    machine.advance(at - now);
    now = at;
    return machine
      .send('h', packet('10.0.0.1', '10.0.0.1', { protocol: Protocol.UDP }))
      .steps.some((s) => s.kind === 'rule' && s.verdict === Verdict.DROP)
      ? 1
      : 0;
  });
  return { matched: matched.join(''), choices: machine.choices() };
}

const nth = (every: number, at: number): Match => ({ kind: 'statistic', mode: 'nth', every, packet: at });

test.each<[every: number, at: number, matched: string]>([
  [2, 0, '101010'],
  [2, 1, '010101'],
  [3, 1, '010010'],
  [1, 0, '111111'],
])('nth --every %i --packet %i', (every, at, matched) => {
  expect(series(nth(every, at), [0, 0, 0, 0, 0, 0]).matched).toBe(matched);
});

test('nth is a choice where nobody knows the counter', () => {
  expect(series(nth(4, 0), [0], { nth: 'choice' }).choices).toMatchObject([
    { alternatives: 2, weights: [1, 3], taken: 0 },
  ]);
});

test.each<[probability: number, not: boolean, weights: number[] | undefined]>([
  [0x20000000, false, [0x20000000, 0x60000000]],
  [0x20000000, true, [0x60000000, 0x20000000]],
  [0, false, undefined],
  [2 ** 31, false, undefined],
])('statistic random %i, negated %s', (probability, not, weights) => {
  const { choices } = series({ kind: 'statistic', mode: 'random', probability, ...(not ? { not } : {}) }, [0]);
  expect(choices.map((choice) => choice.weights)).toEqual(weights ? [weights] : []);
});

const recent = (
  action: 'set' | 'rcheck' | 'update' | 'remove',
  more: Partial<Match & { kind: 'recent' }> = {},
): Match => ({
  kind: 'recent',
  name: 'list',
  action,
  side: 'source',
  mask: '255.255.255.255',
  ...more,
});

test.each<[what: string, match: Match, before: Match | undefined, momentsMs: number[], matched: string]>([
  ['set always matches', recent('set'), undefined, [0, 1], '11'],
  ['rcheck of an empty list', recent('rcheck'), undefined, [0, 1], '00'],
  ['rcheck after set', recent('rcheck'), recent('set'), [0, 1], '11'],
  [
    'two hits within a second',
    recent('rcheck', { seconds: 1, hitcount: 2 }),
    recent('set'),
    [0, 1000, 2001, 2500],
    '0101',
  ],
])('recent: %s', (_what, match, before, momentsMs, matched) => {
  expect(series(match, momentsMs, before ? { before: [before] } : {}).matched).toBe(matched);
});
