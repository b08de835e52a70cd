/** Operations on sets against plain enumeration: few bits of many fields, every combination of them. */
import { CtState } from '@podwire/engine';
import { type Random, random } from '@podwire/engine/reference';
import { expect, test } from 'vitest';
import { PacketSet } from './packet-set.ts';
import type { Diagram } from './space/diagram.ts';
import { andThen, before, type Effect, image, restoreMark, saveMark, setConnmark, setMark } from './space/effect.ts';
import { connmarkVariable, fieldOf, markVariable } from './space/fields.ts';
import { PacketSpace } from './space/packet-space.ts';

const SEED = Number(process.env.PODWIRE_SEED ?? 1);
const ROUNDS = Number(process.env.PODWIRE_ROUNDS ?? 120);

/** Some bits of some fields, and two atoms: ten variables, 1,024 packets. */
function universe(space: PacketSpace) {
  const { first } = fieldOf('dport');
  const atoms = ['one', 'two'].map((name) => space.diagrams.variableOf(space.atom(name)));
  const variables = [
    fieldOf('family').first,
    fieldOf('daddr').first + 31,
    ...[0, 1, 2].map((bit) => first + 13 + bit),
    ...atoms,
    markVariable(0),
    connmarkVariable(0),
    markVariable(31),
  ];
  const holds = (diagram: Diagram, packet: number): boolean => {
    const { leafValue, variableOf, low, high } = space.diagrams;
    let at = diagram;
    while (leafValue(at) === undefined) {
      const bit = variables.indexOf(variableOf(at));
      at = bit >= 0 && (packet >> bit) & 1 ? high(at) : low(at);
    }
    return leafValue(at) === 1;
  };
  return { variables, holds, packets: Array.from({ length: 2 ** variables.length }, (_, i) => i) };
}

/** A set, and the same as a list of truths. */
interface Both {
  set: PacketSet;
  truth: boolean[];
}

function build(r: Random, space: PacketSpace, world: ReturnType<typeof universe>, depth: number): Both {
  if (depth === 0 || r.chance(1, 5)) {
    const bit = r.below(world.variables.length);
    const set = new PacketSet(space, space.variable(world.variables[bit] as number));
    return { set, truth: world.packets.map((packet) => ((packet >> bit) & 1) === 1) };
  }
  const a = build(r, space, world, depth - 1);
  const b = build(r, space, world, depth - 1);
  const joined = (set: PacketSet, join: (x: boolean, y: boolean) => boolean): Both => ({
    set,
    truth: a.truth.map((x, i) => join(x, b.truth[i] as boolean)),
  });
  switch (r.below(4)) {
    case 0:
      return joined(a.set.union(b.set), (x, y) => x || y);
    case 1:
      return joined(a.set.intersection(b.set), (x, y) => x && y);
    case 2:
      return joined(a.set.difference(b.set), (x, y) => x && !y);
    default:
      return joined(a.set.complement(), (x) => !x);
  }
}

test(`operations are those of sets, and equal sets are one diagram (seed ${SEED})`, () => {
  const r = random(SEED);
  const space = new PacketSpace();
  const world = universe(space);
  const seen = new Map<string, PacketSet>();
  for (let n = 0; n < ROUNDS; n++) {
    const a = build(r, space, world, 5);
    const b = build(r, space, world, 5);
    for (const { set, truth } of [a, b]) {
      expect(world.packets.map((packet) => world.holds(set.diagram, packet))).toEqual(truth);
      expect(set.isEmpty).toBe(!truth.includes(true));
      const key = truth.map(Number).join('');
      expect(set.equals(seen.get(key) ?? set)).toBe(true);
      seen.set(key, set);
      const witness = set.witness();
      expect(witness !== undefined).toBe(truth.includes(true));
      if (witness) expect(set.has(witness)).toBe(true);
    }
    expect(a.set.equals(b.set)).toBe(a.truth.every((x, i) => x === b.truth[i]));
    expect(a.set.isSubsetOf(b.set)).toBe(a.truth.every((x, i) => !x || b.truth[i] === true));
  }
});

test('a field is in a range, or like a value under a mask, as numbers are', () => {
  const r = random(SEED + 1);
  const space = new PacketSpace();
  const field = { name: 'tiny', first: 5000, width: 6 };
  const at = (diagram: Diagram, value: number): boolean => {
    const { leafValue, variableOf, low, high } = space.diagrams;
    let node = diagram;
    while (leafValue(node) === undefined)
      node = (value >> (field.width - 1 - (variableOf(node) - field.first))) & 1 ? high(node) : low(node);
    return leafValue(node) === 1;
  };
  const values = Array.from({ length: 64 }, (_, i) => i);
  for (let n = 0; n < ROUNDS; n++) {
    const [from, to, mask] = [r.below(64), r.below(70), r.below(64)];
    const range = space.range(field, from, to);
    expect(
      values.map((v) => at(range, v)),
      `${from} to ${to}`,
    ).toEqual(values.map((v) => v >= from && v <= to));
    const masked = space.masked(field, from & mask, mask);
    expect(
      values.map((v) => at(masked, v)),
      `${from} under ${mask}`,
    ).toEqual(values.map((v) => (v & mask) === (from & mask)));
  }
});

/** Marks of four bits, of the packet and its connection. */
const MARKS = Array.from({ length: 256 }, (_, i) => ({ mark: i & 15, connmark: i >> 4 }));
type Marks = (typeof MARKS)[number];

function randomEffect(r: Random): { effect: Effect; apply: (marks: Marks) => Marks } {
  const [a, b] = [r.below(16), r.below(16)];
  switch (r.below(4)) {
    case 0:
      return { effect: setMark(a, b), apply: ({ mark, connmark }) => ({ mark: (mark & ~b) ^ a, connmark }) };
    case 1:
      return { effect: setConnmark(a, b), apply: ({ mark, connmark }) => ({ mark, connmark: (connmark & ~b) ^ a }) };
    case 2:
      return {
        effect: saveMark(a, b),
        apply: ({ mark, connmark }) => ({ mark, connmark: (connmark & ~b) ^ (mark & a) }),
      };
    default:
      return {
        effect: restoreMark(a, b),
        apply: ({ mark, connmark }) => ({ mark: (mark & ~a) ^ (connmark & b), connmark }),
      };
  }
}

test(`marks before and after, one effect behind the other (seed ${SEED})`, () => {
  const r = random(SEED + 2);
  const space = new PacketSpace();
  const tracked = space.state(CtState.NEW);
  const here = ({ mark, connmark }: Marks) => space.and(tracked, space.mark(mark, 15), space.connmark(connmark, 15));
  for (let n = 0; n < ROUNDS / 3; n++) {
    const [first, second] = [randomEffect(r), randomEffect(r)];
    const both = andThen(first.effect, second.effect);
    const after = (marks: Marks) => second.apply(first.apply(marks));
    const chosen = MARKS.filter(() => r.chance(1, 3));
    const set = space.and(tracked, space.or(...chosen.map(here)));
    const wanted = new Set(chosen.map(({ mark, connmark }) => `${mark} ${connmark}`));
    const reached = new Set(chosen.map(after).map(({ mark, connmark }) => `${mark} ${connmark}`));
    const preimage = before(space, set, both);
    const postimage = image(space, set, both);
    for (const marks of MARKS) {
      const then = after(marks);
      const inside = (diagram: Diagram) => space.and(diagram, here(marks)) !== space.without(0, 0);
      expect(inside(preimage)).toBe(wanted.has(`${then.mark} ${then.connmark}`));
      expect(inside(postimage)).toBe(reached.has(`${marks.mark} ${marks.connmark}`));
    }
  }
});

test('a witness is as plain as the set allows', () => {
  const space = new PacketSpace();
  const plain = PacketSet.all(space).witness();
  expect(plain?.packet).toMatchObject({ family: 4, protocol: 6, saddr: '192.0.2.1', daddr: '198.51.100.1', dport: 80 });
  const odd = new PacketSet(
    space,
    space.and(
      space.prefix('daddr', 'fd00::/8'),
      space.not(space.interfaceName('iif', 'eth+')),
      space.not(space.interfaceName('iif', '')),
      space.range('dport', 53, 53),
      space.equals('protocol', 17),
      space.atom('-m strange'),
    ),
  ).witness();
  expect(odd?.packet).toMatchObject({ family: 6, protocol: 17, dport: 53 });
  expect(odd?.packet.daddr).toMatch(/^fd/);
  expect(odd?.iif).toMatch(/^[a-z0-9]+$/);
  expect(odd?.iif).not.toMatch(/^eth/);
  expect(odd?.atoms).toEqual({ '-m strange': true });
});
