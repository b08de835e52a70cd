/** Chains, verdicts and targets: what iptables rules do to one packet. Expectations from ip_tables.c, the targets' sources, and trying. */
import { expect, test } from 'vitest';
import {
  type Chain,
  Disposition,
  Hook,
  type Network,
  Reason,
  type Rule,
  type Statement,
  type Step,
  type Table,
  Verdict,
} from '../src/index.ts';
import { createReference } from './index.ts';
import { base, chain, netns, network, packet, rule, table } from './testing/network.ts';

const jump = (name: string): Statement => ({ kind: 'jump', chain: name });
const goto = (name: string): Statement => ({ kind: 'goto', chain: name });
const accept: Statement = { kind: 'accept' };
const drop: Statement = { kind: 'drop' };
const back: Statement = { kind: 'return' };
const note: Statement = { kind: 'note', text: '-j LOG' };

const alone = (...tables: Table[]): Network =>
  network(netns('h', { addresses: ['lo 10.0.0.1/32'], netfilter: tables }));

/** Sends a SYN to an own address; what OUTPUT wrote down. */
function walk(net: Network, more: Parameters<typeof packet>[2] = {}) {
  const machine = createReference();
  machine.load(net);
  return { machine, walk: machine.send('h', packet('10.0.0.1', '10.0.0.1', more)) };
}

function output(rules: Rule[], others: Chain[] = [], policy: 'accept' | 'drop' = 'accept') {
  const { walk: done } = walk(alone(table('filter', [base('filter', Hook.OUTPUT, rules, policy), ...others])));
  const shown = (step: Step) => {
    if (step.kind === 'rule') return [`${step.chain.name}/${step.index} ${Verdict[step.verdict]}`];
    return step.kind === 'chain' ? [`${step.chain.name}: ${Verdict[step.verdict]} by ${step.by}`] : [];
  };
  return done.steps.flatMap(shown);
}

const user = (name: string, ...rules: Rule[]) => chain(name, rules);

test.each<[what: string, rules: Rule[], others: Chain[], expected: string[]]>([
  ['no rule: the policy', [], [], ['OUTPUT: ACCEPT by policy']],
  [
    'a rule without a verdict goes on',
    [rule(note), rule(accept)],
    [],
    ['OUTPUT/0 CONTINUE', 'OUTPUT/1 ACCEPT', 'OUTPUT: ACCEPT by rule'],
  ],
  [
    'return from a base chain is its policy',
    [rule(back), rule(drop)],
    [],
    ['OUTPUT/0 RETURN', 'OUTPUT: ACCEPT by policy'],
  ],
  [
    'the end of a user chain returns silently',
    [rule(jump('U')), rule(accept)],
    [user('U', rule(note))],
    ['OUTPUT/0 JUMP', 'U/0 CONTINUE', 'OUTPUT/1 ACCEPT', 'OUTPUT: ACCEPT by rule'],
  ],
  [
    'return goes back to the caller',
    [rule(jump('U')), rule(accept)],
    [user('U', rule(back), rule(drop))],
    ['OUTPUT/0 JUMP', 'U/0 RETURN', 'OUTPUT/1 ACCEPT', 'OUTPUT: ACCEPT by rule'],
  ],
  [
    'after goto nobody comes back',
    [rule(goto('U')), rule(drop)],
    [user('U')],
    ['OUTPUT/0 GOTO', 'OUTPUT: ACCEPT by policy'],
  ],
  [
    'goto inside a user chain returns to that chain’s caller',
    [rule(jump('U')), rule(accept)],
    [user('U', rule(goto('V')), rule(drop)), user('V', rule(note))],
    ['OUTPUT/0 JUMP', 'U/0 GOTO', 'V/0 CONTINUE', 'OUTPUT/1 ACCEPT', 'OUTPUT: ACCEPT by rule'],
  ],
  [
    'what does not match leaves no trace',
    [rule({ kind: 'protocol', protocol: 17 }, drop)],
    [],
    ['OUTPUT: ACCEPT by policy'],
  ],
])('%s', (_what, rules, others, expected) => {
  expect(output(rules, others)).toEqual(expected);
});

test('a policy of DROP ends the walk, without a rule', () => {
  const { walk: done } = walk(alone(table('filter', [base('filter', Hook.OUTPUT, [rule(note)], 'drop')])));
  expect(done.end).toMatchObject({
    disposition: Disposition.DROPPED,
    reason: Reason.POLICY,
    answers: false,
    rule: { index: 1, chain: { name: 'OUTPUT' } },
  });
});

test('a chain here hides the chain of that name in the base, for jumps out of the base too', () => {
  const shared = table('filter', [base('filter', Hook.OUTPUT, [rule(jump('U'))]), user('U', rule(accept))]);
  const own: Table = { family: 'ip', name: 'filter', base: shared, chains: [user('U', rule(drop))] };
  expect(walk(alone(own)).walk.end).toMatchObject({ reason: Reason.RULE, rule: { chain: { name: 'U' }, index: 0 } });
  expect(walk(alone(shared)).walk.end.reason).toBe(Reason.LISTENER_ASSUMED);
});

test('base chains run by priority whatever their table; of equal ones the last loaded is first (tried with nft)', () => {
  const at = (name: string, priority: number) =>
    table(name, [chain(name, [], { hook: Hook.OUTPUT, priority, type: 'filter', policy: 'accept' })]);
  const { walk: done } = walk(alone(at('b', 0), at('c', 0), at('a', -10)));
  expect(done.steps.flatMap((s) => (s.kind === 'chain' ? [s.chain.name] : []))).toEqual(['a', 'c', 'b']);
});

test.each<[action: Statement, mark: number, connmark: number, wantMark: number, wantConnmark: number]>([
  [{ kind: 'set-mark', value: 0x4000, mask: 0x4000 }, 0x8001, 0, 0xc001, 0],
  // --xor-mark: the bit of the mark flips.
  [{ kind: 'set-mark', value: 0x4000, mask: 0 }, 0x4001, 0, 0x0001, 0],
  [{ kind: 'set-mark', value: 0xffffffff, mask: 0xffffffff }, 1, 0, 0xffffffff, 0],
  [{ kind: 'set-connmark', value: 0x10, mask: 0xff }, 0, 0x101, 0, 0x110],
  [{ kind: 'save-mark', nfmask: 0xff, ctmask: 0xff }, 0x1234, 0x0100, 0x1234, 0x0134],
  [{ kind: 'restore-mark', nfmask: 0xff, ctmask: 0xff00 }, 0x1234, 0x5678, (0x4400 & 0) | (0x1200 ^ 0x5600), 0x5678],
])('%o on mark %i, connection mark %i', (action, mark, connmark, wantMark, wantConnmark) => {
  const set: Statement = { kind: 'set-connmark', value: connmark, mask: 0xffffffff };
  const net = alone(table('mangle', [base('mangle', Hook.OUTPUT, [rule(set), rule(action)])]));
  const { machine, walk: done } = walk(net, { mark });
  const last = done.steps.filter((s) => s.kind === 'enter').at(-1);
  expect(last?.packet.mark).toBe(wantMark);
  expect(machine.conntrack('h')[0]?.mark).toBe(wantConnmark);
});

test('a mark set in mangle OUTPUT routes the packet again, one set in raw does not', () => {
  const purposes = (name: string) => {
    const { walk: done } = walk(
      alone(table(name, [base(name, Hook.OUTPUT, [rule({ kind: 'set-mark', value: 1, mask: 0xffffffff })])])),
    );
    return done.steps.flatMap((s) => (s.kind === 'route' ? [s.purpose] : []));
  };
  expect(purposes('mangle')).toEqual(['output', 'reroute']);
  expect(purposes('raw')).toEqual(['output']);
});

test.each<[name: string, family: 4 | 6, type: number, code: number]>([
  ['icmp-net-unreachable', 4, 3, 0],
  ['icmp-host-unreachable', 4, 3, 1],
  ['icmp-proto-unreachable', 4, 3, 2],
  ['icmp-port-unreachable', 4, 3, 3],
  ['icmp-net-prohibited', 4, 3, 9],
  ['icmp-host-prohibited', 4, 3, 10],
  ['icmp-admin-prohibited', 4, 3, 13],
  ['icmp6-no-route', 6, 1, 0],
  ['icmp6-adm-prohibited', 6, 1, 1],
  ['icmp6-addr-unreachable', 6, 1, 3],
  ['icmp6-port-unreachable', 6, 1, 4],
  ['icmp6-policy-fail', 6, 1, 5],
  ['icmp6-reject-route', 6, 1, 6],
])('REJECT with %s (IPv%i) says %i/%i', (name, family, type, code) => {
  const own = family === 4 ? '127.0.0.1' : '::1';
  const machine = createReference();
  const rejecting = table(
    'filter',
    [base('filter', Hook.OUTPUT, [rule({ kind: 'protocol', protocol: 6 }, { kind: 'reject', with: name })])],
    family === 4 ? 'ip' : 'ip6',
  );
  machine.load(network(netns('h', { netfilter: [rejecting] })));
  const { end } = machine.send('h', packet(own, own));
  expect(end).toMatchObject({ disposition: Disposition.REJECTED, reason: Reason.REJECT_RULE, answers: true });
  expect(machine.answer()?.end).toMatchObject({
    reason: Reason.SOCKET,
    packet: { icmpType: type, icmpCode: code, inner: { daddr: own, dport: 80 } },
  });
});

test('REJECT with a reset answers TCP alone, and no reset', () => {
  const net = alone(table('filter', [base('filter', Hook.OUTPUT, [rule({ kind: 'reject', with: 'tcp-reset' })])]));
  const answers = (more: Parameters<typeof packet>[2]) => walk(net, more).walk.end.answers;
  expect([answers({}), answers({ tcpFlags: 4 }), answers({ protocol: 17 })]).toEqual([true, false, false]);
});

test('an unmodelled target is a choice between going on and ending here', () => {
  const net = alone(
    table('filter', [base('filter', Hook.OUTPUT, [rule({ kind: 'unmodelled-target', text: '-j STRANGE' })])]),
  );
  const machine = createReference();
  machine.load(net);
  const ends = [0, 1].map((taken) => {
    machine.script([taken]);
    return machine.send('h', packet('10.0.0.1', '10.0.0.1')).end.disposition;
  });
  expect(ends).toEqual([Disposition.DELIVERED, Disposition.DROPPED]);
  expect(machine.choices()).toEqual([
    { kind: 2, alternatives: 2, taken: 1, netns: 'h', rule: expect.anything(), text: '-j STRANGE' },
  ]);
  expect(() => {
    machine.script([2]);
    machine.send('h', packet('10.0.0.1', '10.0.0.1'));
  }).toThrow(/alternatives 0 to 1/);
});
