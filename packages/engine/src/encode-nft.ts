/** nftables' own statements. What stands behind a pointer is written first, so that the records of a rule stay in a row. */

import { NatFlag, Op, OpFlag } from './codes.ts';
import { encodeNftSet, milliseconds } from './encode-nft-sets.ts';
import { type Place, record } from './encode-record.ts';
import { encodeKey, fieldOf, hasChance, typeOf } from './encode-selectors.ts';
import { isRange, rangeOf, sameRange, typeByLooks } from './encode-values.ts';
import { EngineError } from './errors.ts';
import { CompareCode, MetaTarget, NatManip, NatPart, SourceKind, UpdateOp } from './nft-codes.ts';
import type { NftAction, NftMatch, Statement } from './rule.ts';
import type { DataSource, HeaderField, Selector, SetRef, ValueRange, ValueType } from './selector.ts';

export type NftStatement = NftMatch | NftAction;

const KINDS: ReadonlySet<string> = new Set<NftStatement['kind']>([
  'compare',
  'lookup',
  'verdict-map',
  'set-meta',
  'set-header',
  'nat-to',
  'set-update',
  'forward-to',
]);

export const isNft = (statement: Statement): statement is NftStatement => KINDS.has(statement.kind);

/** Addresses of what a statement points to. */
export interface Parts {
  key: number;
  set: number;
  source: number;
}

const setTypes = (place: Place, ref: SetRef): readonly ValueType[] | undefined =>
  typeof ref === 'string' ? place.findSet(ref)?.type : ref.type;

type FindSet = Place['findSet'];

/** Types of a map's values. */
function dataTypes(findSet: FindSet, ref: SetRef): readonly ValueType[] {
  const set = typeof ref === 'string' ? findSet(ref) : ref;
  return Array.isArray(set?.data) ? set.data : [];
}

function keyFor(place: Place, key: readonly Selector[], ref: SetRef): number {
  const types = setTypes(place, ref);
  if (types && types.length !== key.length)
    throw new EngineError('BAD_VALUE', `${place.where}: a key of ${key.length} parts for a set of ${types.length}`);
  return encodeKey(place, key, types);
}

const anonymous = (place: Place, ref: SetRef): number => (typeof ref === 'string' ? 0 : encodeNftSet(place, ref));

const symbolOf = (place: Place, ref: SetRef): number =>
  typeof ref === 'string' ? place.encoding.nftSetNames.of(ref) : 0;

const firstOf = (value: ValueRange) => (isRange(value) ? value.from : value);

function encodeSource(place: Place, source: DataSource): number {
  const { abi, arena } = place.encoding;
  if (source.kind !== 'value') {
    const key = source.kind === 'map' ? keyFor(place, source.key, source.map) : encodeKey(place, source.key);
    const set = source.kind === 'map' ? anonymous(place, source.map) : 0;
    const at = arena.alloc(abi.SOURCE_SIZE);
    arena.u32[(at + abi.SOURCE_KIND) >>> 2] = source.kind === 'map' ? SourceKind.MAP : SourceKind.SELECTORS;
    arena.u32[(at + abi.SOURCE_KEY) >>> 2] = key;
    arena.u32[(at + abi.SOURCE_SET) >>> 2] = set;
    if (source.kind === 'map') arena.u32[(at + abi.SOURCE_NAME) >>> 2] = symbolOf(place, source.map);
    return at;
  }
  const at = arena.alloc(abi.SOURCE_SIZE + source.values.length * 32);
  arena.u32[(at + abi.SOURCE_KIND) >>> 2] = SourceKind.VALUE;
  arena.u32[(at + abi.SOURCE_COUNT) >>> 2] = source.values.length;
  for (const [i, value] of source.values.entries()) {
    const { from, to } = rangeOf(place, literalType(firstOf(value)), value);
    arena.putWords(at + abi.SOURCE_SIZE + i * 32, from);
    arena.putWords(at + abi.SOURCE_SIZE + i * 32 + 16, to);
  }
  return at;
}

/** A value that stands by itself: a number, an address, a link-layer address. */
function literalType(value: number | string): ValueType {
  return typeof value === 'string' && value.split(':').length === 6 && !value.includes('::')
    ? 'ether_addr'
    : typeByLooks(value);
}

/** Writes what the statement points to. */
export function encodeParts(place: Place, statement: NftStatement): Parts {
  const parts: Parts = { key: 0, set: 0, source: 0 };
  switch (statement.kind) {
    case 'compare':
      parts.key = encodeKey(
        place,
        statement.key,
        statement.values.map((value) => typeByLooks(firstOf(value))),
      );
      break;
    case 'lookup':
      parts.key = keyFor(place, statement.key, statement.set);
      parts.set = anonymous(place, statement.set);
      break;
    case 'verdict-map':
      parts.key = keyFor(place, statement.key, statement.map);
      parts.set = anonymous(place, statement.map);
      break;
    case 'set-meta':
    case 'set-header':
    case 'nat-to':
      parts.source = encodeSource(place, statement.value);
      break;
    case 'set-update':
      parts.key = keyFor(place, statement.key, statement.set);
      if (statement.data) parts.source = encodeSource(place, statement.data);
      break;
    default:
      break;
  }
  return parts;
}

const COMPARISONS = {
  eq: CompareCode.EQ,
  ne: CompareCode.NE,
  lt: CompareCode.LT,
  le: CompareCode.LE,
  gt: CompareCode.GT,
  ge: CompareCode.GE,
};

function encodeCompare(place: Place, match: NftMatch & { kind: 'compare' }, parts: Parts): void {
  const { abi, arena } = place.encoding;
  const { key, values } = match;
  if (values.length !== key.length || (key.length > 1 && match.op !== 'eq' && match.op !== 'ne'))
    throw new EngineError('BAD_VALUE', `${place.where}: ${key.length} selectors ${match.op} ${values.length} values`);
  const size = abi.COMPARE_SIZE + key.length * 32;
  const at = record(place, Op.COMPARE, size, false, COMPARISONS[match.op]);
  if (hasChance(key)) arena.u8[at + 1] = OpFlag.CHANCE;
  arena.u32[(at + abi.COMPARE_KEY) >>> 2] = parts.key;
  let wild = 0;
  for (const [i, value] of values.entries()) {
    const type = typeOf(key[i] as Selector) ?? typeByLooks(firstOf(value));
    const range = rangeOf(place, type, value);
    if (range.wild) wild |= 1 << i;
    else if (match.op !== 'eq' && match.op !== 'ne' && !sameRange(range))
      throw new EngineError('BAD_VALUE', `${place.where}: ${match.op} a range`);
    arena.putWords(at + abi.COMPARE_SIZE + i * 32, range.from);
    arena.putWords(at + abi.COMPARE_SIZE + i * 32 + 16, range.to);
  }
  arena.u32[(at + abi.COMPARE_WILD) >>> 2] = wild;
}

const TARGETS = {
  mark: MetaTarget.MARK,
  'ct mark': MetaTarget.CT_MARK,
  'ct zone': MetaTarget.CT_ZONE,
  'ct original zone': MetaTarget.CT_ORIGINAL_ZONE,
  'ct reply zone': MetaTarget.CT_REPLY_ZONE,
};

/** Fields that a rule can write; others make it a choice point. */
const WRITABLE: ReadonlySet<HeaderField> = new Set<HeaderField>([
  'ip saddr',
  'ip daddr',
  'ip ttl',
  'ip tos',
  'ip frag-off',
  'ip6 saddr',
  'ip6 daddr',
  'ip6 hoplimit',
  'ip6 tclass',
  'th sport',
  'th dport',
  'tcp flags',
  'icmp type',
  'icmp code',
  'arp saddr ether',
  'arp daddr ether',
  'arp saddr ip',
  'arp daddr ip',
  'icmp id',
]);

function startWrite(place: Place, op: Op, argument: number, source: number): number {
  const { abi, arena } = place.encoding;
  const at = record(place, op, abi.WRITE_SIZE, false, argument);
  arena.u32[(at + abi.WRITE_SOURCE) >>> 2] = source;
  arena.u32[(at + abi.WRITE_MASK) >>> 2] = 0xffffffff;
  return at;
}

function encodeSetHeader(place: Place, action: NftAction & { kind: 'set-header' }, parts: Parts): void {
  const { abi, arena, objects } = place.encoding;
  const isFrame = action.field === 'ether saddr' || action.field === 'ether daddr';
  if (isFrame ? !place.isBridge : !WRITABLE.has(action.field)) {
    objects.statements.set(record(place, Op.UNMODELLED_TARGET, 8, false, 0), {
      kind: 'unmodelled-target',
      text: `${action.field} set`,
    });
    return;
  }
  const at = startWrite(place, Op.SET_HEADER, fieldOf(action.field), parts.source);
  if (action.mask !== undefined) arena.u32[(at + abi.WRITE_MASK) >>> 2] = action.mask;
}

const MANIPS = {
  dnat: NatManip.DNAT,
  snat: NatManip.SNAT,
  masquerade: NatManip.MASQUERADE,
  redirect: NatManip.REDIRECT,
};

/** The family of the address that a nat statement takes; none: it takes ports alone. */
export function natFamily(findSet: FindSet, { value, gives }: NftAction & { kind: 'nat-to' }): ValueType | undefined {
  const at = gives.indexOf('address');
  if (at < 0) return undefined;
  if (value.kind === 'map') return dataTypes(findSet, value.map)[at];
  if (value.kind === 'selectors') {
    const selector = value.key[at];
    return selector && typeOf(selector);
  }
  const literal = value.values[at];
  return literal === undefined ? undefined : typeByLooks(firstOf(literal));
}

function encodeNatTo(place: Place, action: NftAction & { kind: 'nat-to' }, parts: Parts): void {
  const { abi, arena } = place.encoding;
  const family = natFamily(place.findSet, action);
  const flags =
    (action.random || action.randomFully ? NatFlag.RANDOM : 0) |
    (action.persistent ? NatFlag.PERSISTENT : 0) |
    (action.netmap ? NatFlag.NETMAP : 0) |
    (family === 'ipv4_addr' ? NatFlag.ONLY_4 : family === 'ipv6_addr' ? NatFlag.ONLY_6 : 0);
  const at = startWrite(place, Op.NAT_TO, flags, parts.source);
  arena.u8[at + abi.WRITE_MANIP] = MANIPS[action.nat];
  arena.u8[at + abi.WRITE_PARTS] = action.gives.reduce(
    (bits, part) => bits | (part === 'address' ? NatPart.ADDRESS : NatPart.PORT),
    0,
  );
}

const UPDATES = { add: UpdateOp.ADD, update: UpdateOp.UPDATE, delete: UpdateOp.DELETE };

/** Writes the record of a statement. */
export function encodeNft(place: Place, statement: NftStatement, parts: Parts): void {
  const { abi, arena, interfaces } = place.encoding;
  switch (statement.kind) {
    case 'compare':
      encodeCompare(place, statement, parts);
      return;
    case 'lookup':
    case 'verdict-map': {
      const isLookup = statement.kind === 'lookup';
      const ref = isLookup ? statement.set : statement.map;
      const at = record(
        place,
        isLookup ? Op.LOOKUP : Op.VERDICT_MAP,
        abi.LOOKUP_SIZE,
        isLookup && statement.not,
        symbolOf(place, ref),
      );
      arena.u32[(at + abi.LOOKUP_KEY) >>> 2] = parts.key;
      arena.u32[(at + abi.LOOKUP_SET) >>> 2] = parts.set;
      return;
    }
    case 'set-meta':
      startWrite(place, Op.SET_META, TARGETS[statement.target], parts.source);
      return;
    case 'set-header':
      encodeSetHeader(place, statement, parts);
      return;
    case 'nat-to':
      encodeNatTo(place, statement, parts);
      return;
    case 'set-update': {
      const at = record(place, Op.SET_UPDATE, abi.UPDATE_SIZE, false, symbolOf(place, statement.set));
      arena.u32.set(milliseconds(statement.timeout), (at + abi.UPDATE_TIMEOUT) >>> 2);
      arena.u32[(at + abi.UPDATE_KEY) >>> 2] = parts.key;
      arena.u32[(at + abi.UPDATE_SOURCE) >>> 2] = parts.source;
      arena.u32[(at + abi.UPDATE_OP) >>> 2] = UPDATES[statement.op];
      return;
    }
    case 'forward-to':
      record(place, Op.FORWARD_TO, 8, false, interfaces.of(statement.device));
      return;
  }
}
