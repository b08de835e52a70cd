import {
  Disposition,
  type Link,
  type Netns,
  type Packet,
  Protocol,
  plainPacket,
  Reason,
  type Walk,
} from '@podwire/engine';
import { expect, test } from 'vitest';
import { losesPiece } from './predict.ts';

const netns: Netns = { name: 'host', links: [], addresses: [], tables: [], sysctls: {}, netfilter: [] };
const link: Link = { name: 'vx0', kind: 'vxlan' };
const whole: Packet = plainPacket({ protocol: Protocol.UDP, saddr: '10.0.0.1', daddr: '10.0.0.2' });
const piece: Packet = { ...whole, fragment: { offset: 0, more: true, whole: 1800 } };

const cut = { kind: 'fragment', netns, packet: piece } as const;
const joined = { kind: 'reassemble', netns, packet: whole } as const;
const into = { kind: 'encapsulate', netns, link, packet: whole } as const;
const outOf = { kind: 'decapsulate', netns, link, packet: piece } as const;

test.each<[string, Walk['steps'], Packet, Disposition, boolean]>([
  ['a piece', [cut], piece, Disposition.DROPPED, true],
  ['a packet with a piece in it', [cut, into], whole, Disposition.DROPPED, true],
  ['what its pieces became', [cut, cut, joined], whole, Disposition.DROPPED, false],
  ['a packet with a whole one in it', [cut, cut, joined, into], whole, Disposition.DROPPED, false],
  ['a piece whose outer packet was in pieces', [cut, into, cut, joined, outOf], piece, Disposition.DROPPED, true],
  ['a whole packet in pieces of the outer one', [into, cut, cut, joined, outOf], whole, Disposition.DROPPED, false],
  ['what arrives', [cut, cut, joined], whole, Disposition.DELIVERED, false],
])('losing %s', (_name, steps, packet, disposition, loses) => {
  const end = { disposition, reason: Reason.RULE, netns: 'host', packet, answers: false };
  expect(losesPiece({ steps, end })).toBe(loses);
});
