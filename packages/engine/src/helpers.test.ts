/** Helpers of connections and what they expect, in both machines. The kernel was asked with TFTP: by what the request says the data are RELATED, with the status and mark shown here, or NEW. */
import { describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, rule, table, veth } from '../reference/testing/network.ts';
import { scopeOfHelper } from './ct-helpers.ts';
import { createEngine } from './engine.ts';
import type { ConntrackEntry, Network } from './network.ts';
import type { Action } from './rule.ts';
import { ChoiceKind, CtState, Disposition, Hook, Protocol, Reason } from './terms.ts';

const [near, far] = veth(['host', 'eth0'], ['peer', 'eth0']);
const UDP = { protocol: Protocol.UDP };
const TFTP: Action = { kind: 'ct-helper', helper: 'tftp', protocol: Protocol.UDP };

interface Given {
  /** In table raw. */
  raw?: Action[];
  /** For new connections at OUTPUT, behind conntrack. */
  output?: Action[];
  conntrack?: ConntrackEntry[];
  sysctls?: Record<string, number>;
}

/** `host` tracks connections, and lets in what is related, established, or expected with mark 7. */
function hosts({ raw = [], output = [], conntrack = [], sysctls = {} }: Given): Network {
  const input = base('filter', Hook.INPUT, [
    rule(
      { kind: 'state', states: CtState.RELATED },
      { kind: 'conntrack', status: { names: ['expected'] } },
      { kind: 'accept' },
    ),
    rule({ kind: 'state', states: CtState.ESTABLISHED }, { kind: 'accept' }),
    rule({ kind: 'drop' }),
  ]);
  const given = base('filter', Hook.OUTPUT, [rule(...output)]);
  return network(
    netns('host', {
      links: [near],
      addresses: ['eth0 10.0.0.1/24'],
      sysctls,
      netfilter: [table('raw', [base('raw', Hook.OUTPUT, [rule(...raw)])]), table('filter', [input, given])],
      rest: { conntrack },
    }),
    netns('peer', { links: [far], addresses: ['eth0 10.0.0.2/24'] }),
  );
}

const request = packet('10.0.0.1', '10.0.0.2', { ...UDP, sport: 4000, dport: 69 });
const data = packet('10.0.0.2', '10.0.0.1', { ...UDP, sport: 5555, dport: 4000 });

describe.each([
  ['engine', await createEngine()],
  ['reference', createReference()],
])('%s', (_, machine) => {
  const run = (given: Given, script: number[] = []) => {
    machine.load(hosts(given));
    machine.script([]);
    machine.send('host', request);
    machine.script(script);
    const walk = machine.send('peer', data);
    return { walk, choices: machine.choices().map(({ kind, text }) => [kind, text]) };
  };
  const asked = [[ChoiceKind.UNMODELLED, 'expected by the helper tftp']];

  test.each<[string, Given]>([
    ['a CT target', { raw: [{ ...TFTP, isTemplate: true }] }],
    ['an object of nftables', { output: [TFTP] }],
    ['its port, where the sysctl says so', { sysctls: { 'net.netfilter.nf_conntrack_helper': 1 } }],
  ])('%s gives a connection its helper: another one may be related', (_name, given) => {
    const { walk, choices } = run(given);
    expect(choices).toEqual(asked);
    expect(walk.end.disposition).toBe(Disposition.DELIVERED);
    const other = run(given, [1]);
    expect(other.choices).toEqual(asked);
    expect(other.walk.end.disposition).toBe(Disposition.DROPPED);
  });

  test('a helper of another protocol, or of a connection that is not tracked, is none', () => {
    expect(run({ output: [{ ...TFTP, protocol: Protocol.TCP }] }).choices).toEqual([]);
    expect(run({ raw: [{ kind: 'notrack' }, { ...TFTP, isTemplate: true }] }).choices).toEqual([]);
    expect(run({ sysctls: { 'net.netfilter.nf_conntrack_helper': 0 } }).choices).toEqual([]);
  });

  test('a connection with other ends is not expected', () => {
    machine.load(hosts({ output: [TFTP] }));
    machine.send('host', request);
    machine.send('peer', { ...data, saddr: '10.0.0.9' });
    expect(machine.choices()).toEqual([]);
  });

  const known: ConntrackEntry = {
    family: 4,
    protocol: 6,
    original: { saddr: '10.0.0.1', daddr: '10.0.0.2', sport: 1, dport: 21 },
    reply: { saddr: '10.0.0.2', daddr: '10.0.0.1', sport: 21, dport: 1 },
    tcpState: 'ESTABLISHED',
    seenReply: true,
    assured: true,
    snat: false,
    dnat: false,
    mark: 7,
    zone: 0,
    details: { helper: 'ftp' },
  };
  const active = packet('10.0.0.2', '10.0.0.1', { sport: 20, dport: 6000 });

  test('a listed connection has its helper, and gives its mark', () => {
    machine.load(hosts({ conntrack: [known] }));
    machine.script([]);
    expect(machine.send('peer', active).end.netns).toBe('host');
    expect(machine.choices().map(({ text }) => text)).toEqual(['expected by the helper ftp']);
    expect(machine.conntrack('host').map(({ mark }) => mark)).toEqual([7, 7]);
  });

  test('what a translated connection expects is not known', () => {
    machine.load(hosts({ conntrack: [{ ...known, snat: true }] }));
    machine.script([]);
    const { end } = machine.send('peer', active);
    expect([end.disposition, end.reason]).toEqual([Disposition.UNKNOWN, Reason.UNMODELLED_HELPER]);
  });
});

test('helpers of other ports are the same; others may expect anything', () => {
  expect(scopeOfHelper('ftp-2121')).toEqual(scopeOfHelper('ftp'));
  expect(scopeOfHelper('own')).not.toEqual(scopeOfHelper('ftp'));
});
