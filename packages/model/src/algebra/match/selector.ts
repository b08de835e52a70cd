/** nftables' selectors as bits: each bit of the value is a set of packets, so that masks, shifts and copies are moves of bits. */
import { Protocol, type Scalar, type Selector, type ValueRange } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import { connmarkVariable, type Field, type FieldName, fieldOf, markVariable } from '../space/fields.ts';
import { addressBits, nameBits, type PacketSpace, STATE_CODES } from '../space/packet-space.ts';
import { fibTypeBits } from './addrtype.ts';
import type { MatchContext } from './context.ts';
import { WITH_PORTS } from './header.ts';

/** Most significant bit first. */
export interface Value {
  bits: readonly Diagram[];
  /** Packets that have it; for others the rule ends. */
  exists: Diagram;
  form: 'integer' | 'address' | 'name' | 'link-layer';
  /** An address of the packet's family, whichever that is. */
  either?: true;
}

const fieldBits = (space: PacketSpace, field: Field, from = 0, to = field.width): Diagram[] =>
  Array.from({ length: to - from }, (_, i) => space.variable(field.first + from + i));

const bitsOf = (space: PacketSpace, name: FieldName): Diagram[] => fieldBits(space, fieldOf(name));

const constant = (value: number, width: number): Diagram[] =>
  Array.from({ length: width }, (_, i) => ((value >>> (width - 1 - i)) & 1 ? TRUE : FALSE));

const MARK_BITS = Array.from({ length: 32 }, (_, i) => 31 - i);

type Make = (context: MatchContext) => Value;

const integer =
  (name: FieldName, exists: (space: PacketSpace) => Diagram = () => TRUE): Make =>
  ({ space }) => ({ bits: bitsOf(space, name), exists: exists(space), form: 'integer' });

const address =
  (name: FieldName, family: 4 | 6, exists: (space: PacketSpace) => Diagram = () => TRUE): Make =>
  ({ space }) => ({
    bits: fieldBits(space, fieldOf(name), 0, family === 4 ? 32 : 128),
    exists: space.and(space.family(family), exists(space)),
    form: 'address',
  });

const name =
  (field: FieldName): Make =>
  ({ space }) => ({ bits: bitsOf(space, field), exists: TRUE, form: 'name' });

const four = (space: PacketSpace) => space.family(4);
const six = (space: PacketSpace) => space.family(6);
/** A transport header that nft_payload may read: not in a later fragment. */
const whole = (space: PacketSpace) => space.not(space.flag('fragment'));
const isProtocol =
  (...protocols: number[]) =>
  (space: PacketSpace) =>
    space.and(whole(space), space.or(...protocols.map((p) => space.equals('protocol', p))));
const tracked = (space: PacketSpace) => space.connection();

/** A bit per state, as `CtState` counts them: INVALID 1, NEW 2 ... UNTRACKED 16. */
const state: Make = ({ space }) => ({
  bits: [...STATE_CODES].reverse().map((one) => space.state(one)),
  exists: TRUE,
  form: 'integer',
});

/** `IPS_*` (include/uapi/linux/netfilter/nf_conntrack_common.h), as far as packet sets know them: expected, seen reply, assured, confirmed, SNAT, DNAT. */
const STATUS: readonly FieldName[] = [
  'ct expected',
  'ct seen_reply',
  'ct assured',
  'ct confirmed',
  'ct snat',
  'ct dnat',
];

const status: Make = ({ space }) => ({
  bits: [
    ...fieldBits(space, space.further('further ct status', 10)),
    ...[...STATUS].reverse().map((field) => space.flag(field)),
  ],
  exists: tracked(space),
  form: 'integer',
});

const OFFSET_BITS = 13;

/** Three flags, and how far a fragment stands from the front: not at all where it is the first, or none. */
const fragmentOffset: Make = ({ space }) => {
  const fragment = space.flag('fragment');
  const flags = space.further('flags of ip frag-off', 16 - OFFSET_BITS);
  const offset = fieldBits(space, space.further('offset of a fragment', OFFSET_BITS));
  const none = space.not(space.or(...offset));
  const last = offset.length - 1;
  const bits = offset.map((bit, i) => space.and(fragment, i === last ? space.or(bit, none) : bit));
  return { bits: [...fieldBits(space, flags), ...bits], exists: four(space), form: 'integer' };
};

const MAKE: Readonly<Record<string, Make>> = {
  'ip saddr': address('saddr', 4),
  'ip daddr': address('daddr', 4),
  'ip6 saddr': address('saddr', 6),
  'ip6 daddr': address('daddr', 6),
  'ip protocol': integer('protocol', four),
  'ip ttl': integer('ttl', four),
  'ip tos': integer('tos', four),
  'ip length': integer('length', four),
  'ip frag-off': fragmentOffset,
  'ip6 hoplimit': integer('ttl', six),
  'ip6 tclass': integer('tos', six),
  'th sport': integer('sport', isProtocol(...WITH_PORTS)),
  'th dport': integer('dport', isProtocol(...WITH_PORTS)),
  'tcp flags': integer('tcp flags', isProtocol(Protocol.TCP)),
  'icmp type': integer('icmp type', isProtocol(Protocol.ICMP, Protocol.ICMPV6)),
  'icmp code': integer('icmp code', isProtocol(Protocol.ICMP, Protocol.ICMPV6)),
  'icmp id': integer('icmp id', isProtocol(Protocol.ICMP, Protocol.ICMPV6)),
  'ether saddr': ({ space }) => ({
    bits: bitsOf(space, 'ether saddr'),
    exists: space.flag('ethernet'),
    form: 'link-layer',
  }),
  'meta length': integer('length'),
  'meta l4proto': integer('protocol'),
  'meta nfproto': ({ space }) => {
    // 2 or 10.
    const v6 = space.family(6);
    return { bits: [...constant(0, 4), v6, FALSE, TRUE, FALSE], exists: TRUE, form: 'integer' };
  },
  'meta protocol': ({ space }) => {
    // 0x0800 or 0x86dd.
    const v6 = space.family(6);
    const bits = constant(0x0800, 16).map((bit, i) => {
      const other = constant(0x86dd, 16)[i] as Diagram;
      return bit === other ? bit : space.unless(bit === TRUE, v6);
    });
    return { bits, exists: TRUE, form: 'integer' };
  },
  'meta mark': ({ space }) => ({
    bits: MARK_BITS.map((bit) => space.variable(markVariable(bit))),
    exists: TRUE,
    form: 'integer',
  }),
  'meta iifname': name('iif'),
  'meta oifname': name('oif'),
  'ct state': state,
  'ct status': status,
  'ct direction': integer('ct direction', tracked),
  'ct mark': ({ space }) => ({
    bits: MARK_BITS.map((bit) => space.variable(connmarkVariable(bit))),
    exists: tracked(space),
    form: 'integer',
  }),
  'ct protocol': integer('ct protocol', tracked),
  ...Object.fromEntries(
    ['original', 'reply'].flatMap((direction): [string, Make][] => [
      [`ct ${direction} proto-src`, integer(`ct ${direction} proto-src` as FieldName, tracked)],
      [`ct ${direction} proto-dst`, integer(`ct ${direction} proto-dst` as FieldName, tracked)],
    ]),
  ),
};

/** Values of selectors that are no field of a packet set are fields of their own, by their text: equal text, equal value. */
const WIDTHS = { integer: 32, ipv4_addr: 32, ipv6_addr: 128, ether_addr: 48, ifname: 120 } as const;
const FORMS = {
  integer: 'integer',
  ipv4_addr: 'address',
  ipv6_addr: 'address',
  ether_addr: 'link-layer',
  ifname: 'name',
} as const;

const nameOf = ({ mask: _mask, xor: _xor, shift: _shift, ...selector }: Selector): string => JSON.stringify(selector);

/** A number below `mod`, drawn or hashed; codes past the last one mean the last one. */
function modulo({ space }: MatchContext, field: Field, mod: number, offset: number): Value {
  const last = space.range(field, mod, 2 ** field.width - 1);
  const values = Array.from({ length: mod }, (_, n) =>
    n === mod - 1 ? space.or(space.equals(field, n), last) : space.equals(field, n),
  );
  const bits = MARK_BITS.map((bit) => space.or(...values.filter((_, n) => ((n + offset) >>> bit) & 1)));
  return { bits, exists: TRUE, form: 'integer' };
}

const widthFor = (mod: number): number => Math.max(1, Math.ceil(Math.log2(mod)));

function plain(context: MatchContext, selector: Selector): Value {
  const { space } = context;
  switch (selector.field) {
    case 'numgen':
      return modulo(
        context,
        context.drawNumber(nameOf(selector), widthFor(selector.mod)),
        selector.mod,
        selector.offset,
      );
    case 'jhash': {
      // Of a key that the packet has not there is no hash.
      const inner = selector.key.map((part) => selectorValue(context, part).exists);
      const field = furtherField(context, selector, widthFor(selector.mod));
      return { ...modulo(context, field, selector.mod, selector.offset), exists: space.and(...inner) };
    }
    case 'symhash':
      return modulo(context, space.further(nameOf(selector), widthFor(selector.mod)), selector.mod, selector.offset);
    case 'fib': {
      const [side, limit, ...more] = selector.flags;
      const limited = limit === 'iif' || limit === 'oif' ? limit : undefined;
      const known = selector.result === 'type' && more.length === 0 && (limit === undefined || limited !== undefined);
      if (!known || (side !== 'saddr' && side !== 'daddr')) return furtherValue(context, selector);
      return { bits: fibTypeBits(context, side, limited), exists: TRUE, form: 'integer' };
    }
    case 'unmodelled':
      return {
        bits: fieldBits(space, space.further(selector.text, WIDTHS[selector.type])),
        exists: space.atom(`has ${selector.text}`),
        form: FORMS[selector.type],
      };
    default: {
      const make = MAKE[selector.field];
      if (make) return make(context);
      return furtherValue(context, selector);
    }
  }
}

/** What hangs on a mark may be another each time it is asked for. */
function furtherField({ space, drawNumber }: MatchContext, selector: Selector, width: number): Field {
  const name = nameOf(selector);
  return /\bmark"/.test(name) ? drawNumber(name, width) : space.further(name, width);
}

/** Addresses of a connection have no family of their own here; names and addresses that routing finds are not known. */
function furtherValue(context: MatchContext, selector: Selector): Value {
  const { space } = context;
  const text = nameOf(selector);
  if (/^ct (original|reply) [sd]addr$/.test(selector.field)) {
    const field = fieldOf(selector.field as FieldName);
    return { bits: fieldBits(space, field), exists: tracked(space), form: 'address', either: true };
  }
  const isName = /name$|kind$/.test(selector.field) || (selector.field === 'fib' && selector.result === 'oifname');
  const isArp = selector.field.startsWith('arp ');
  const isAddress = selector.field === 'rt nexthop' || (isArp && selector.field.endsWith(' ip'));
  const isEther = ['ether daddr', 'meta ibrhwaddr', 'arp saddr ether', 'arp daddr ether'].includes(selector.field);
  const width = isName ? WIDTHS.ifname : isAddress ? 128 : isEther ? WIDTHS.ether_addr : 32;
  const form = isName ? 'name' : isAddress ? 'address' : isEther ? 'link-layer' : 'integer';
  const bits = fieldBits(space, furtherField(context, selector, width));
  // Packets of IP have no fields of ARP; whether they have another such value is not known either.
  return { bits, exists: isArp ? FALSE : space.atom(`has ${text}`), form };
}

/** A scalar of a value's form as a number of that many bits. */
function scalarBits(value: Scalar, form: Value['form'], width: number): bigint {
  if (typeof value === 'number') return BigInt(value);
  switch (form) {
    case 'address': {
      const { family, bits } = addressBits(value);
      // A connection's address field is as wide as the wider family's.
      return family === 4 && width === 32 ? bits >> 96n : bits;
    }
    case 'link-layer':
      return BigInt(`0x${value.replaceAll(':', '')}`);
    case 'name':
      return nameBits(value, false).bits;
    case 'integer':
      return BigInt(value);
  }
}

/** ((value & mask) ^ xor), then shifted (nft_bitwise.c). */
export function selectorValue(context: MatchContext, selector: Selector): Value {
  const value = plain(context, selector);
  const { space } = context;
  const width = value.bits.length;
  const at = (number: bigint, i: number) => ((number >> BigInt(width - 1 - i)) & 1n) === 1n;
  const mask = selector.mask === undefined ? undefined : scalarBits(selector.mask, value.form, width);
  const xor = selector.xor === undefined ? undefined : scalarBits(selector.xor, value.form, width);
  let bits = value.bits.map((bit, i) => {
    const kept = mask === undefined || at(mask, i) ? bit : FALSE;
    return space.unless(xor !== undefined && at(xor, i), kept);
  });
  const shift = selector.shift ?? 0;
  if (shift > 0) bits = [...Array<Diagram>(shift).fill(FALSE), ...bits].slice(0, width);
  if (shift < 0) bits = [...bits, ...Array<Diagram>(-shift).fill(FALSE)].slice(-shift);
  return { ...value, bits };
}

/** Packets whose value's bits under the mask are these. */
function fits(space: PacketSpace, { bits }: Value, wanted: bigint, mask: bigint): Diagram {
  const width = bits.length;
  if (wanted >> BigInt(width) !== 0n) return FALSE;
  let set = TRUE;
  for (let i = width - 1; i >= 0; i--) {
    const shift = BigInt(width - 1 - i);
    if (((mask >> shift) & 1n) === 0n) continue;
    const bit = bits[i] as Diagram;
    set = (wanted >> shift) & 1n ? space.diagrams.choose(bit, set, FALSE) : space.diagrams.choose(bit, FALSE, set);
  }
  return set;
}

/** Packets whose value is at least, or at most, the given one. */
function bounded(space: PacketSpace, { bits }: Value, limit: bigint, side: 'least' | 'most'): Diagram {
  const width = bits.length;
  if (limit >> BigInt(width) !== 0n) return side === 'least' ? FALSE : TRUE;
  const { choose } = space.diagrams;
  let set = TRUE;
  for (let i = width - 1; i >= 0; i--) {
    const bit = bits[i] as Diagram;
    const one = ((limit >> BigInt(width - 1 - i)) & 1n) === 1n;
    if (side === 'least') set = one ? choose(bit, set, FALSE) : choose(bit, TRUE, set);
    else set = one ? choose(bit, set, TRUE) : choose(bit, FALSE, set);
  }
  return set;
}

const all = (width: number): bigint => (1n << BigInt(width)) - 1n;

/** An address that may be of either family, as one of the given: IPv4 stands in the first bits. Others stay. */
export function ofFamily(space: PacketSpace, value: Value, family: 4 | 6): Value {
  if (!value.either) return value;
  const { either: _, ...rest } = value;
  const exists = space.and(value.exists, space.family(family));
  return { ...rest, exists, bits: family === 4 ? value.bits.slice(0, 32) : value.bits };
}

/** Packets whose value is in the range. */
export function inRange(space: PacketSpace, value: Value, range: ValueRange): Diagram {
  const width = value.bits.length;
  if (typeof range === 'object') {
    const least = bounded(space, value, scalarBits(range.from, value.form, width), 'least');
    const most = bounded(space, value, scalarBits(range.to, value.form, width), 'most');
    return space.and(least, most);
  }
  if (value.form === 'name') {
    const text = String(range);
    const open = text.endsWith('*');
    const { bits, mask } = nameBits(open ? text.slice(0, -1) : text, open);
    return fits(space, value, bits, mask);
  }
  return fits(space, value, scalarBits(range, value.form, width), all(width));
}

/** At most, or at least, this value. */
export function against(space: PacketSpace, value: Value, limit: Scalar, side: 'least' | 'most'): Diagram {
  return bounded(space, value, scalarBits(limit, value.form, value.bits.length), side);
}
