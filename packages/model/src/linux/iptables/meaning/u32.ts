/**
 * u32_mt (xt_u32.c): four bytes at a time, with bits moved and cut. Followed bit by bit, so that what comes from one field of the IPv4
 * header, or from a transport header whose protocol the match tests first, becomes a test of that field.
 */
import { type HeaderField, type Match, Protocol, type ValueRange } from '@podwire/engine';
import type { IpFamily } from '../base/extension.ts';

/** Where a bit of the value comes from: a constant, a bit of a field (from its lowest), or nobody knows. */
type Bit = 0 | 1 | { field: HeaderField; at: number } | undefined;

/** Most significant first. */
type Word = readonly Bit[];

/** Fields of the packet from its first byte on: place and size in bits. */
type Layout = readonly (readonly [from: number, width: number, field: HeaderField | number])[];

const HEADER: Layout = [
  // Version and length: packets have no options.
  [0, 8, 0x45],
  [8, 8, 'ip tos'],
  [16, 16, 'ip length'],
  [48, 16, 'ip frag-off'],
  [64, 8, 'ip ttl'],
  [72, 8, 'ip protocol'],
  [96, 32, 'ip saddr'],
  [128, 32, 'ip daddr'],
];

const PORTS: Layout = [
  [160, 16, 'th sport'],
  [176, 16, 'th dport'],
];

const TRANSPORT: Readonly<Record<number, Layout>> = {
  [Protocol.TCP]: [...PORTS, [264, 8, 'tcp flags']],
  [Protocol.UDP]: PORTS,
  [Protocol.ICMP]: [
    [160, 8, 'icmp type'],
    [168, 8, 'icmp code'],
  ],
};

/** Bytes that every packet of the protocol has. */
const LENGTHS: Readonly<Record<number, number>> = {
  [Protocol.TCP]: 40,
  [Protocol.UDP]: 28,
  [Protocol.ICMP]: 28,
};
const HEADER_LENGTH = 20;

function bitAt(layout: Layout, place: number): Bit {
  const found = layout.find(([from, width]) => place >= from && place < from + width);
  if (!found) return undefined;
  const [from, width, field] = found;
  const at = from + width - 1 - place;
  return typeof field === 'number' ? (((field >>> at) & 1) as 0 | 1) : { field, at };
}

/** Undefined: it may lie behind the packet's end. */
function wordAt(layout: Layout, length: number, byte: number): Word | undefined {
  if (byte + 4 > length) return undefined;
  return Array.from({ length: 32 }, (_, i) => bitAt(layout, byte * 8 + i));
}

const ZEROS: Word = Array<Bit>(32).fill(0);

function constantOf(word: Word): number | undefined {
  return word.reduce<number | undefined>(
    (sum, bit) => (sum === undefined || (bit !== 0 && bit !== 1) ? undefined : sum * 2 + bit),
    0,
  );
}

function operate(word: Word, operator: string, operand: number): Word {
  if (operator === '&') return word.map((bit, i) => ((operand >>> (31 - i)) & 1 ? bit : 0));
  if (operand > 31) return ZEROS;
  return operator === '>>'
    ? [...ZEROS.slice(0, operand), ...word.slice(0, 32 - operand)]
    : [...word.slice(operand), ...ZEROS.slice(0, operand)];
}

/** `0x0>>0x16&0x3c@0x0`. Undefined: nobody knows where it leads. */
function readLocation(text: string, layout: Layout, length: number): Word | undefined {
  const [first = '', ...rest] = text.split(/(&|<<|>>|@)/);
  let base = 0;
  let word = wordAt(layout, length, Number(first));
  for (let i = 0; word && i + 1 < rest.length; i += 2) {
    const operand = Number(rest[i + 1]);
    if (rest[i] !== '@') {
      word = operate(word, rest[i] as string, operand);
      continue;
    }
    const step = constantOf(word);
    if (step === undefined) return undefined;
    base += step;
    word = wordAt(layout, length, base + operand);
  }
  return word;
}

const addressOf = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');

/** The value is one field's bits, moved as a whole; undefined: it is not. */
function fieldOf(word: Word): { field: HeaderField; mask: number; shift: number } | undefined {
  let found: { field: HeaderField; mask: number; shift: number } | undefined;
  for (const [i, bit] of word.entries()) {
    if (bit === 0) continue;
    if (bit === 1 || bit === undefined) return undefined;
    const shift = bit.at - (31 - i);
    if (found && (found.field !== bit.field || found.shift !== shift)) return undefined;
    found = { field: bit.field, mask: ((found?.mask ?? 0) | (1 << bit.at)) >>> 0, shift };
  }
  return found;
}

const NEVER: Match = { kind: 'lookup', key: [{ field: 'meta length' }], set: { type: ['integer'], elements: [] } };

type Range = readonly [from: number, to: number];

/** Undefined: the value is not one that the machine knows. */
function testOf(word: Word, ranges: readonly Range[]): Match[] | undefined {
  const constant = constantOf(word);
  if (constant !== undefined) return ranges.some(([from, to]) => constant >= from && constant <= to) ? [] : [NEVER];
  const one = fieldOf(word);
  if (!one) return undefined;
  const { field, mask, shift } = one;
  const isAddress = field === 'ip saddr' || field === 'ip daddr';
  // An address has no numbers for values: it is compared where it stands.
  if (isAddress && (shift !== 0 || mask !== 0xffffffff)) return undefined;
  const scalar = (value: number) => (isAddress ? addressOf(value) : value);
  const elements = ranges.map(([from, to]): { key: ValueRange[] } => ({
    key: [from === to ? scalar(from) : { from: scalar(from), to: scalar(to) }],
  }));
  const selector = { field, ...(!isAddress && { mask }), ...(shift !== 0 && { shift }) };
  return [{ kind: 'lookup', key: [selector], set: { type: [isAddress ? 'ipv4_addr' : 'integer'], elements } }];
}

/** Ranges in order, those that meet as one: elements of a set do not overlap. */
function merged(ranges: readonly Range[]): Range[] {
  const out: Range[] = [];
  for (const [from, to] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = out.at(-1);
    if (last && from <= last[1] + 1) out[out.length - 1] = [last[0], Math.max(last[1], to)];
    else out.push([from, to]);
  }
  return out;
}

const rangesOf = (text: string): Range[] =>
  merged(
    text.split(',').flatMap((part): Range[] => {
      const [from = 0, to = from] = part.split(':').map(Number);
      // From high to low there is nothing.
      return from <= to ? [[from, to]] : [];
    }),
  );

interface Asked {
  text: string;
  family: IpFamily;
  options: readonly { name: string; not: boolean }[];
}

/** The tests that can be said; the rest is asked as a whole. Undefined: none can. */
export function u32Tests(tests: string, { text, family, options }: Asked): Match[] | undefined {
  if (family !== 'ip' || options.some(({ not }) => not)) return undefined;
  const out: Match[] = [];
  let layout: Layout = HEADER;
  let length = HEADER_LENGTH;
  let unknown = false;
  for (const test of tests.split('&&')) {
    const [location = '', values = ''] = test.split('=');
    const word = readLocation(location, layout, length);
    const ranges = rangesOf(values);
    const found = word && testOf(word, ranges);
    if (!found) unknown = true;
    else out.push(...found);
    const [only] = ranges;
    const one = word && fieldOf(word);
    const isProtocol = one?.field === 'ip protocol' && one.mask === 0xff && one.shift === 0;
    const transport = isProtocol && ranges.length === 1 && only?.[0] === only?.[1] && TRANSPORT[only?.[0] ?? -1];
    if (transport) {
      layout = [...HEADER, ...transport];
      length = LENGTHS[only?.[0] ?? -1] ?? length;
    }
  }
  if (unknown && out.length === 0) return undefined;
  return unknown ? [...out, { kind: 'unmodelled', text }] : out;
}
