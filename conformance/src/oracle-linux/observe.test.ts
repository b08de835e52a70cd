import { plainPacket } from '@podwire/engine';
import { expect, test } from 'vitest';
import type { RuleEvent } from '../lab/lab.ts';
import { runsOf } from './observe.ts';
import { encodePacket, hex } from './wire.ts';

const packet = (saddr: string, protocol = 17) =>
  plainPacket({ protocol, saddr, daddr: '10.0.0.2', sport: 1, dport: 2, tcpFlags: 0, length: 40 });

const event = (id: string, more: Partial<Extract<RuleEvent, { table: string }>>): RuleEvent => ({
  family: 2,
  table: 'filter',
  chain: 'INPUT',
  id,
  ...more,
});
const shown = (saddr: string, protocol?: number) => ({ packet: hex(encodePacket(packet(saddr, protocol))) });
const port = (number: number) => `${number}`;

test('the way of one packet through a base chain is one line', () => {
  const events = [
    event('a', { ...shown('10.0.0.1'), rule: 0, verdict: 'jump', target: 'X' }),
    event('a', { chain: 'X', rule: 2, verdict: 'return' }),
    event('a', { policy: 'accept' }),
    event('a', { ...shown('10.0.0.1'), table: 'nat', policy: 'accept' }),
  ];
  const about = '(udp 10.0.0.1:1 > 10.0.0.2:2)';
  expect(runsOf('n', events, port)).toEqual([
    `n ip filter/INPUT ${about}: INPUT#0 jump X, X#2 return, policy accept`,
    `n ip nat/INPUT ${about}: policy accept`,
  ]);
});

test('what a rule sends goes its way before the rule is told', () => {
  const events = [
    event('a', { ...shown('10.0.0.1'), rule: 0, verdict: 'continue' }),
    event('b', { ...shown('10.0.0.9'), chain: 'OUTPUT', policy: 'accept' }),
    event('a', { rule: 1, verdict: 'drop' }),
  ];
  expect(runsOf('n', events, port)).toEqual([
    'n ip filter/INPUT (udp 10.0.0.1:1 > 10.0.0.2:2): INPUT#0 continue, INPUT#1 drop',
    'n ip filter/OUTPUT (udp 10.0.0.9:1 > 10.0.0.2:2): policy accept',
  ]);
});

test('neither what asks for events nor what nobody sent on purpose is told', () => {
  const events = [
    event('a', { ...shown('10.0.0.1'), table: 'oracle', policy: 'accept' }),
    event('b', { ...shown('10.0.0.1', 2), policy: 'accept' }),
  ];
  expect(runsOf('n', events, port)).toEqual([]);
  expect(runsOf('n', [...events, { lost: true }], port)).toEqual(['n: events were lost']);
});

test('of a piece of IPv6 behind the first, the frame tells what the kernel does not', () => {
  const frame = encodePacket(plainPacket({ family: 6, protocol: 17, saddr: 'fd00::1', daddr: 'fd00::2', length: 72 }));
  // Next header: a piece; behind the IP header a piece's own: UDP, 1432 bytes in.
  frame[6] = 44;
  frame.set([17, 0, 5, 0x98, 0, 0, 0, 1], 40);
  const told = frame.slice(0, 20);
  told[7] = (frame[7] as number) - 1;
  const events = [event('a', { packet: hex(told), family: 5, table: 't', chain: 'c', policy: 'accept' })];
  expect(runsOf('n', events, port, [frame])).toEqual(['n netdev t/c (piece fd00::1 > fd00::2): policy accept']);
  expect(runsOf('n', events, port)).toEqual(['n netdev t/c (piece fd00:: > ::): policy accept']);
});
