import type { ConntrackEntry } from '@podwire/engine';
import { expect, it } from 'vitest';
import { differentConntrack, type ListedConnection } from './kernel-conntrack.ts';

const entry: ConntrackEntry = {
  family: 4,
  protocol: 17,
  original: { saddr: '10.0.0.1', daddr: '10.0.0.2', sport: 5, dport: 53 },
  reply: { saddr: '10.0.0.2', daddr: '10.0.0.1', sport: 53, dport: 5 },
  seenReply: false,
  assured: false,
  snat: false,
  dnat: false,
  mark: 0,
  zone: 0,
};
const listed: ListedConnection = {
  proto: 'udp',
  orig: { src: '10.0.0.1', dst: '10.0.0.2', sport: 5, dport: 53 },
  reply: { src: '10.0.0.2', dst: '10.0.0.1', sport: 53, dport: 5 },
  flags: ['UNREPLIED'],
};

it('takes the same connections for the same', () => {
  expect(differentConntrack('n', [listed], [entry])).toBeUndefined();
  expect(differentConntrack('n', [{ ...listed, reply: { ...listed.reply, dport: '*' } }], [entry])).toBeUndefined();
});

it('says what is missing, what is too much and what is otherwise', () => {
  expect(differentConntrack('n', [listed], [])).toMatch(/^conntrack of n: expected/);
  expect(differentConntrack('n', [], [entry])).toMatch(/^conntrack of n: not expected/);
  expect(differentConntrack('n', [listed], [{ ...entry, seenReply: true }])).toMatch(/^conntrack of n: expected/);
  expect(differentConntrack('n', [{ ...listed, orig: { ...listed.orig, dport: 54 } }], [entry])).toBeDefined();
});
