import { type Packet, Protocol, TcpFlag } from '@podwire/engine';
import { expect, test } from 'vitest';
import { openingPacket } from './packet.ts';
import { symptomOf } from './symptom.ts';

const base = openingPacket({ family: 4, protocol: 'tcp', daddr: '10.0.0.1', sport: 1, dport: 2 });
const icmp = (icmpType: number, icmpCode: number): Packet => ({ ...base, protocol: Protocol.ICMP, icmpType, icmpCode });
const icmp6 = (icmpType: number, icmpCode: number): Packet => ({
  ...base,
  family: 6,
  protocol: Protocol.ICMPV6,
  icmpType,
  icmpCode,
});

// Codes: icmp_err_convert (net/ipv4/icmp.c), tab_unreach (net/ipv6/icmp.c).
test.each([
  ['a SYN/ACK', { ...base, tcpFlags: TcpFlag.SYN | TcpFlag.ACK }, undefined],
  ['a reset', { ...base, tcpFlags: TcpFlag.RST | TcpFlag.ACK }, 'connection refused'],
  ['port unreachable', icmp(3, 3), 'connection refused'],
  ['host unreachable', icmp(3, 1), 'no route to host'],
  ['administratively prohibited', icmp(3, 13), 'no route to host'],
  ['net unreachable', icmp(3, 0), 'network is unreachable'],
  ['IPv6 port unreachable', icmp6(1, 4), 'connection refused'],
  ['IPv6 administratively prohibited', icmp6(1, 1), 'permission denied'],
  ['IPv6 address unreachable', icmp6(1, 3), 'no route to host'],
  ['IPv6 packet too big', icmp6(2, 0), 'message too long'],
])('%s', (_, answer, expected) => {
  expect(symptomOf({ verdict: 'rejected', reason: 'reject-rule', leftSource: true, ping: false, answer })).toBe(
    expected,
  );
});

test('silence is a time-out, for ping no answer', () => {
  expect(symptomOf({ verdict: 'dropped', reason: 'rule', leftSource: true, ping: false })).toBe('time-out');
  expect(symptomOf({ verdict: 'dropped', reason: 'rule', leftSource: true, ping: true })).toBe('no answer');
});

test('what the own host knows at once has its own words', () => {
  expect(symptomOf({ verdict: 'unreachable', reason: 'no-route', leftSource: false, ping: false })).toBe(
    'network is unreachable',
  );
  expect(symptomOf({ verdict: 'unreachable', reason: 'no-neighbor', leftSource: false, ping: false })).toBe(
    'no route to host',
  );
});
