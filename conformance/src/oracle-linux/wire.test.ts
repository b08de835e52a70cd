import { type Packet, plainPacket } from '@podwire/engine';
import { describe, expect, test } from 'vitest';
import { castagnoli } from './checksum.ts';
import { decodePacket, encodeFrame, encodePacket, hex, numbersAfter, unhex } from './wire.ts';

const packet = (more: Partial<Packet>): Packet =>
  plainPacket({
    protocol: 17,
    saddr: '10.0.0.1',
    daddr: '10.0.0.2',
    tcpFlags: 0,
    ...more,
  });
const six = { family: 6, saddr: 'fd00::1', daddr: 'fd00::2' } as const;
const udp = { sport: 40000, dport: 53, length: 40 };

test('CRC32c of the digits 1 to 9', () => {
  expect(castagnoli(new TextEncoder().encode('123456789'))).toBe(0xe3069283);
});

test('a datagram, byte by byte', () => {
  const bytes = encodePacket(packet({ ...udp, length: 28, tos: 0x10 }));
  expect(hex(bytes)).toBe('4510001c00004000401126bf0a0000010a0000029c40003500084f66');
});

describe.each<[string, Packet]>([
  ['UDP', packet(udp)],
  ['UDP over IPv6', packet({ ...six, ...udp, length: 60, tos: 0xb8, ttl: 3 })],
  ['TCP', packet({ protocol: 6, sport: 1, dport: 2, tcpFlags: 18, length: 40, dontFragment: false })],
  ['TCP over IPv6', packet({ ...six, protocol: 6, sport: 1, dport: 2, tcpFlags: 4, length: 60 })],
  ['SCTP', packet({ protocol: 132, sport: 5, dport: 6, length: 52 })],
  ['an echo', packet({ protocol: 1, icmpType: 8, icmpId: 7, length: 84 })],
  ['an echo over IPv6', packet({ ...six, protocol: 58, icmpType: 128, icmpId: 7, length: 104 })],
  ['GRE', packet({ protocol: 47, length: 33 })],
  ['an error', packet({ protocol: 1, icmpType: 3, icmpCode: 1, length: 68, inner: packet(udp) })],
  [
    'an error over IPv6',
    packet({
      ...six,
      protocol: 58,
      icmpType: 1,
      icmpCode: 4,
      length: 108,
      inner: packet({ ...six, ...udp, length: 60 }),
    }),
  ],
])('%s', (_name, given) => {
  const withoutNumbers = (seen: Packet): Packet => {
    const { numbers: _numbers, ...rest } = seen as Packet & { numbers?: unknown };
    return rest;
  };

  test('comes back as it was', () => {
    const decoded = decodePacket(encodePacket(given));
    expect(withoutNumbers(decoded)).toEqual(given);
  });

  test('adds up, with its addresses, to a checksum of nothing', () => {
    const bytes = encodePacket(given);
    const head = given.family === 4 ? 20 : 40;
    const sum = (parts: Uint8Array, start: number) => {
      let total = start;
      for (let i = 0; i < parts.length; i += 2) total += ((parts[i] ?? 0) << 8) | (parts[i + 1] ?? 0);
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      return total;
    };
    if (given.family === 4) expect(sum(bytes.subarray(0, 20), 0)).toBe(0xffff);
    if (given.protocol === 132 || given.protocol === 47) return;
    const body = bytes.subarray(head);
    const pseudo =
      given.protocol === 1 ? 0 : sum(bytes.subarray(given.family === 4 ? 12 : 8, head), given.protocol + body.length);
    expect(sum(body, pseudo)).toBe(0xffff);
  });
});

test('a frame names both ends', () => {
  const frame = encodeFrame(packet(udp), '02:00:00:00:00:0A', '02:00:00:00:00:0b');
  expect(frame.slice(0, 28)).toBe('02000000000b02000000000a0800');
  expect(decodePacket(unhex(frame.slice(28)))).toMatchObject({ sport: 40000, dport: 53 });
});

test('the answer to a SYN counts it', () => {
  const syn = { ...packet({ protocol: 6, tcpFlags: 2 }), numbers: { sequence: 0xffffffff, acknowledgement: 5 } };
  expect(numbersAfter(syn)).toEqual({ sequence: 5, acknowledgement: 0 });
  expect(numbersAfter({ ...syn, tcpFlags: 16 })).toEqual({ sequence: 5, acknowledgement: 0xffffffff });
});

test('pieces say where they stand, and those behind the first have no ports', () => {
  const four = encodePacket(packet(udp));
  new DataView(four.buffer).setUint16(6, 0x2000);
  expect(decodePacket(four)).toMatchObject({ sport: 40000, fragment: { offset: 0, more: true } });
  new DataView(four.buffer).setUint16(6, 100);
  expect(decodePacket(four)).toMatchObject({ sport: 0, protocol: 17, fragment: { offset: 800, more: false } });
  const whole = encodePacket(packet({ ...udp, family: 6, saddr: 'fd00::1', daddr: 'fd00::2' }));
  const six = Uint8Array.from([...whole.subarray(0, 40), 17, 0, 0x05, 0xa9, 0, 0, 0, 1, ...whole.subarray(40)]);
  six[6] = 44;
  expect(decodePacket(six)).toMatchObject({ sport: 0, protocol: 17, fragment: { offset: 1448, more: true } });
  six.set([0, 0], 42);
  expect(decodePacket(six)).toMatchObject({ sport: 40000, protocol: 17, fragment: { offset: 0, more: false } });
});
