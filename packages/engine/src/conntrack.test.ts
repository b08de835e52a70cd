/** Connections of both machines: their time, a full table, deletion by filter, ports that the kernel draws. What the kernel judges stands in conformance. */
import { describe, expect, test } from 'vitest';
import { createReference } from '../reference/index.ts';
import { base, netns, network, packet, rule, table, veth } from '../reference/testing/network.ts';
import { createEngine } from './engine.ts';
import type { ConntrackEntry, Network } from './network.ts';
import { ChoiceKind, CtState, Disposition, Hook, Reason, TcpFlag } from './terms.ts';

const [near, far] = veth(['host', 'eth0'], ['peer', 'eth0']);

/** Two hosts on a wire; the first tracks connections. */
function hosts(sysctls: Record<string, number>, conntrack: ConntrackEntry[] = []): Network {
  const tracks = base('filter', Hook.OUTPUT, [rule({ kind: 'state', states: CtState.INVALID }, { kind: 'drop' })]);
  const masquerade = base('nat', Hook.POSTROUTING, [
    rule({ kind: 'mark', value: 1, mask: 1 }, { kind: 'masquerade', range: { randomFully: true } }),
  ]);
  return network(
    netns('host', {
      links: [near],
      addresses: ['eth0 10.0.0.1/24'],
      sysctls,
      netfilter: [table('filter', [tracks]), table('nat', [masquerade])],
      rest: { conntrack },
    }),
    netns('peer', { links: [far], addresses: ['eth0 10.0.0.2/24'] }),
  );
}

const entry = (sport: number, more: Partial<ConntrackEntry> = {}): ConntrackEntry => ({
  family: 4,
  protocol: 6,
  original: { saddr: '10.0.0.1', daddr: '10.0.0.2', sport, dport: 80 },
  reply: { saddr: '10.0.0.2', daddr: '10.0.0.1', sport: 80, dport: sport },
  tcpState: 'ESTABLISHED',
  seenReply: true,
  assured: true,
  snat: false,
  dnat: false,
  mark: 0,
  zone: 0,
  ...more,
});

const syn = (sport: number, more = {}) => packet('10.0.0.1', '10.0.0.2', { sport, ...more });

describe.each([
  ['engine', await createEngine()],
  ['reference', createReference()],
])('%s', (_, machine) => {
  const ports = () => machine.conntrack('host').map(({ original }) => original.sport);

  test('given connections keep their time, or have what their state gives them', () => {
    const sysctls = { 'net.netfilter.nf_conntrack_tcp_timeout_time_wait': 20 };
    machine.load(hosts(sysctls, [entry(1, { timeout: 7 }), entry(2), entry(3, { tcpState: 'TIME_WAIT' })]));
    expect(machine.conntrack('host').map(({ timeout }) => timeout)).toEqual([7, 432000, 20]);
    machine.advance(6999);
    expect(machine.conntrack('host').map(({ timeout }) => timeout)).toEqual([0, 431993, 13]);
    machine.advance(1);
    expect(ports()).toEqual([2, 3]);
    machine.reset();
    expect(ports()).toEqual([1, 2, 3]);
  });

  test('a full table of assured connections drops what is new, and lets known ones pass', () => {
    machine.load(hosts({ 'net.netfilter.nf_conntrack_max': 2 }, [entry(1), entry(2)]));
    const { end } = machine.send('host', syn(3));
    expect([end.disposition, end.reason]).toEqual([Disposition.DROPPED, Reason.CONNTRACK_FULL]);
    expect(machine.choices()).toEqual([]);
    expect(machine.send('host', syn(1, { tcpFlags: TcpFlag.ACK })).end.netns).toBe('peer');
    expect(ports()).toEqual([1, 2]);
  });

  test('an unassured connection may make room: nobody knows', () => {
    const full = hosts({ 'net.netfilter.nf_conntrack_max': 2 }, [entry(1), entry(2, { assured: false })]);
    machine.load(full);
    expect(machine.send('host', syn(3)).end.netns).toBe('peer');
    expect(ports()).toEqual([1, 3]);
    expect(machine.choices().map(({ kind, alternatives, weights }) => [kind, alternatives, weights])).toEqual([
      [ChoiceKind.EARLY_DROP, 2, undefined],
    ]);
    machine.reset();
    machine.script([1]);
    expect(machine.send('host', syn(3)).end.reason).toBe(Reason.CONNTRACK_FULL);
    expect(ports()).toEqual([1, 2]);
  });

  test('a filter says which connections are deleted', () => {
    machine.load(hosts({}, [entry(1), entry(2, { mark: 5 }), entry(3, { tcpState: 'TIME_WAIT' })]));
    machine.flush('host', { mark: { value: 4, mask: 4 } });
    expect(ports()).toEqual([1, 3]);
    machine.flush(undefined, { tcpState: 'TIME_WAIT', reply: { dport: 3 }, protocol: 6 });
    expect(ports()).toEqual([1]);
    machine.flush('host', { original: { daddr: '10.0.0.9' } });
    expect(ports()).toEqual([1]);
    machine.flush();
    expect(ports()).toEqual([]);
  });

  test('a port that the kernel draws has its range at the step', () => {
    machine.load(hosts({}));
    const steps = [40000, 600, 80].flatMap((sport) => machine.send('host', syn(sport, { mark: 1 })).steps);
    const drawn = steps.flatMap((step) => (step.kind === 'nat' ? [[step.to.port, step.anyPort]] : []));
    expect(drawn).toEqual([
      [1024, { from: 1024, to: 65535 }],
      [1, { from: 1, to: 511 }],
    ]);
  });
});
