import { beforeAll, describe, expect, test } from 'vitest';
import { containsAddress, type IpAddress, type IpPrefix, parseAddress, parsePrefix } from './address.ts';
import { compileEngine } from './compile.ts';
import type { Family, Packet } from './packet.ts';
import { plainPacket } from './plain-packet.ts';
import { createRuleList, type HeaderMatch } from './rules.ts';
import { Protocol } from './terms.ts';
import { Random } from './testing/random.ts';

/** Printed in the titles; another one each time, unless given. */
const seed = Number(process.env.PODWIRE_SEED ?? Date.now() % 1_000_000_007);

let wasm: WebAssembly.Module;
beforeAll(async () => {
  wasm = await compileEngine();
});

const PORTS = [53, 80, 443, 8080];

function randomAddress(random: Random, family: Family): string {
  const [a, b] = [random.below(2), random.below(40)];
  return family === 4 ? `10.${a}.0.${b}` : `fd00:${a}::${b.toString(16)}`;
}

function randomMatch(random: Random, family: Family): HeaderMatch {
  const width = family === 4 ? 32 : 128;
  const not = random.below(6) === 0;
  const port = random.pick(PORTS);
  const ports = random.below(4) === 0 ? { from: 0, to: port } : { from: port, to: port };
  switch (random.below(5)) {
    case 0:
      return {
        kind: 'saddr',
        prefix: `${randomAddress(random, family)}/${random.pick([0, 8, 16, width, random.below(width)])}`,
        not,
      };
    case 1:
      return { kind: 'protocol', protocol: random.pick([6, 17]), not };
    case 2:
      return { kind: 'tcp', dport: { ...ports, not } };
    case 3:
      return { kind: 'udp', sport: ports, dport: { ...ports, not } };
    default:
      return {
        kind: 'daddr',
        prefix: `${randomAddress(random, family)}/${random.pick([16, width, width, width])}`,
        not,
      };
  }
}

function randomPacket(random: Random, family: Family): Packet {
  return plainPacket({
    family,
    protocol: random.pick([Protocol.TCP, Protocol.UDP, 99]),
    saddr: randomAddress(random, family),
    daddr: randomAddress(random, family),
    sport: random.pick(PORTS),
    dport: random.pick(PORTS),
    tcpFlags: 0,
    dontFragment: false,
  });
}

const lengthOf = (prefix: string): number => (parsePrefix(prefix) as IpPrefix).length;

const covers = (prefix: string, address: string): boolean =>
  containsAddress(parsePrefix(prefix) as IpPrefix, parseAddress(address) as IpAddress);

const inRange = (range: { from: number; to: number; not?: boolean } | undefined, port: number): boolean =>
  range === undefined || (port >= range.from && port <= range.to) !== (range.not ?? false);

/** The tests as their manual pages say. */
function holds(match: HeaderMatch, packet: Packet): boolean {
  switch (match.kind) {
    case 'saddr':
      return covers(match.prefix, packet.saddr) !== (match.not ?? false);
    case 'daddr':
      return covers(match.prefix, packet.daddr) !== (match.not ?? false);
    case 'protocol':
      return (match.protocol === packet.protocol) !== (match.not ?? false);
    case 'tcp':
    case 'udp': {
      const protocol = match.kind === 'tcp' ? Protocol.TCP : Protocol.UDP;
      return packet.protocol === protocol && inRange(match.sport, packet.sport) && inRange(match.dport, packet.dport);
    }
    default:
      throw new Error(`no random ${match.kind}`);
  }
}

describe.each([4, 6] as const)('IPv%s', (family) => {
  test.each([3, 40, 600])(`the first of %s rules, seed ${seed}`, async (size) => {
    const random = new Random(seed + size);
    const rules = Array.from({ length: size }, () =>
      Array.from({ length: 1 + random.below(3) }, () => randomMatch(random, family)),
    );
    // Rules that fit many packets would hide what stands behind them.
    const isNarrow = (match: HeaderMatch): boolean =>
      match.kind === 'daddr' && match.not !== true && lengthOf(match.prefix) > (family === 4 ? 27 : 123);
    const narrow = rules.filter((rule) => size < 10 || rule.some(isNarrow));
    const list = await createRuleList({ family, rules: narrow, wasm });
    const packets = Array.from({ length: 2000 }, () => randomPacket(random, family));
    const wanted = packets.map((packet) => narrow.findIndex((rule) => rule.every((match) => holds(match, packet))));
    expect(packets.slice(0, 200).map((packet) => list.first(packet))).toEqual(wanted.slice(0, 200));
    const bytes = new Uint8Array(packets.length * list.packetBytes);
    for (const [i, packet] of packets.entries()) list.encode(packet, bytes, i);
    const positions = new Int32Array(packets.length);
    list.firstMany(bytes, positions);
    expect([...positions]).toEqual(wanted);
    expect(list.size).toBe(narrow.length);
    expect(new Set(wanted).size).toBeGreaterThan(size / 24);
  });
});

test('more shapes of rules than an index keeps apart', async () => {
  // Prefix number i has i + 1 bits of an address, the last of them the other way round: they are disjoint.
  const words = Array.from({ length: 32 }, (_, i) => (0x0a0102a5 ^ (0x80000000 >>> i)) >>> 0);
  const dotted = (word: number) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.');
  const rules = words.flatMap((word, i): HeaderMatch[][] =>
    [80, 443].map((port) => [
      { kind: 'daddr', prefix: `${dotted(word)}/${i + 1}` },
      { kind: 'tcp', dport: { from: port, to: port } },
    ]),
  );
  const list = await createRuleList({ family: 4, rules, wasm });
  const packet = randomPacket(new Random(1), 4);
  const to = (word: number, dport: number) => ({ ...packet, protocol: Protocol.TCP, daddr: dotted(word), dport });
  expect(words.map((word) => list.first(to(word, 443)))).toEqual(words.map((_, i) => 2 * i + 1));
  expect(words.map((word) => list.first(to(word, 81)))).toEqual(words.map(() => -1));
});

test('refuses what is no whole packet', async () => {
  const list = await createRuleList({ family: 4, rules: [], wasm });
  expect(() => list.firstMany(new Uint8Array(list.packetBytes + 1), new Int32Array(2))).toThrow(
    expect.objectContaining({ code: 'BAD_VALUE' }),
  );
  expect(list.first(randomPacket(new Random(1), 4))).toBe(-1);
});
