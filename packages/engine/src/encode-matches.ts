/** One record per match; what matches everything leaves none. */
import { CtTest, Op, PortTest, TypeTest } from './codes.ts';
import { ownPrefix, type Place, record, requireFamily } from './encode-record.ts';
import { addressOf, macOf, nameBytes } from './encoding.ts';
import { OwnerTest, PhysTest, RangeTest, RecentAction, RecentFlag, ReverseTest, TtlOp } from './match-codes.ts';
import { optionText } from './plain.ts';
import type { IdRange, IptablesMatch, PlainMatch, PortRange } from './rule.ts';
import { ChoiceKind, Protocol, RouteType } from './terms.ts';

type Of<K extends IptablesMatch['kind']> = IptablesMatch & { kind: K };
type Ports = (PortRange & { not?: boolean }) | undefined;

function encodeInterface(place: Place, op: Op, { name, not }: { name: string; not?: boolean }): void {
  const { abi, arena, interfaces } = place.encoding;
  const wild = name.endsWith('+');
  const at = record(place, op, abi.INTERFACE_TEST_SIZE, not, wild ? 0 : interfaces.of(name));
  const { bytes, mask } = wild ? nameBytes(name.slice(0, -1)) : nameBytes(name, 16);
  arena.u32.set([...bytes, ...mask], (at + 8) >>> 2);
}

function encodePorts(place: Place, op: Op, protocol: number, match: Of<'tcp'> | Of<'udp' | 'sctp'>): number {
  const { abi, arena } = place.encoding;
  const at = record(place, op, abi.PORTS_TEST_SIZE, false, protocol);
  let parts = 0;
  const put = (range: Ports, offset: number, bit: number, not: number) => {
    if (!range) return;
    parts |= bit | (range.not ? not : 0);
    arena.u16[(at + offset) >>> 1] = range.from;
    arena.u16[((at + offset) >>> 1) + 1] = range.to;
  };
  put(match.sport, 8, PortTest.SPORT, PortTest.NOT_SPORT);
  put(match.dport, 12, PortTest.DPORT, PortTest.NOT_DPORT);
  arena.u8[at + 16] = parts;
  return at;
}

/** Behind the test of protocol, ports and flags. */
function encodeOption(place: Place, { number, not }: { number: number; not?: boolean }): void {
  const at = record(place, Op.TCP_OPTION, 8, not, number);
  place.encoding.objects.statements.set(at, { kind: 'unmodelled', text: optionText(number, not) });
}

function encodeTcp(place: Place, match: Of<'tcp'>): void {
  const { arena } = place.encoding;
  const at = encodePorts(place, Op.TCP, Protocol.TCP, match);
  if (match.flags) {
    const { mask, set, not } = match.flags;
    arena.u8[at + 16] = (arena.u8[at + 16] as number) | PortTest.FLAGS | (not ? PortTest.NOT_FLAGS : 0);
    arena.u8[at + 17] = mask;
    arena.u8[at + 18] = set;
  }
  if (match.option) encodeOption(place, match.option);
}

function encodeIcmp(place: Place, match: Of<'icmp' | 'icmp6'>): void {
  const { abi, arena } = place.encoding;
  const protocol = match.kind === 'icmp' ? Protocol.ICMP : Protocol.ICMPV6;
  const at = record(place, Op.ICMP, abi.ICMP_TEST_SIZE, match.not, protocol);
  arena.u16[(at + 8) >>> 1] = match.type;
  arena.u8[at + 10] = match.code.from;
  arena.u8[at + 11] = match.code.to;
}

function encodeMultiport(place: Place, match: Of<'multiport'>): void {
  const { abi, arena } = place.encoding;
  const which = { source: 0, destination: 1, either: 2 }[match.which];
  const size = (abi.MULTIPORT_TEST_SIZE + match.ports.length * 4 + 7) & ~7;
  const at = record(place, Op.MULTIPORT, size, match.not, which);
  arena.u32[(at + 8) >>> 2] = match.ports.length;
  for (const [i, { from, to }] of match.ports.entries()) {
    arena.u16[((at + abi.MULTIPORT_TEST_SIZE) >>> 1) + i * 2] = from;
    arena.u16[((at + abi.MULTIPORT_TEST_SIZE) >>> 1) + i * 2 + 1] = to;
  }
}

export function encodePair(
  place: Place,
  op: Op,
  not: boolean | undefined,
  first: number,
  second: number,
  argument = 0,
): number {
  const { abi, arena } = place.encoding;
  const at = record(place, op, abi.PAIR_SIZE, not, argument);
  arena.u32[(at + 8) >>> 2] = first;
  arena.u32[(at + 12) >>> 2] = second;
  return at;
}

/** `none` is a mask without a bit: alone it holds for no connection. */
const STATUS: Readonly<Record<string, number>> = { none: 0, expected: 2, seen_reply: 4, assured: 8, confirmed: 16 };

function encodeConntrack(place: Place, match: Of<'conntrack'>): void {
  const { abi, arena } = place.encoding;
  let parts = 0;
  const part = (bit: number, test: { not?: boolean } | undefined) => {
    if (test) parts |= bit | (test.not ? bit << 16 : 0);
  };
  const prefixes = [match.origSrc, match.origDst, match.replSrc, match.replDst];
  const ports = [match.origSrcPort, match.origDstPort, match.replSrcPort, match.replDstPort];
  part(CtTest.STATE, match.state);
  part(CtTest.PROTOCOL, match.protocol);
  part(CtTest.STATUS, match.status);
  for (const [i, prefix] of prefixes.entries()) part(CtTest.ORIG_SRC << i, prefix);
  for (const [i, range] of ports.entries()) part(CtTest.ORIG_SPORT << i, range);
  if (match.direction === 'ORIGINAL') parts |= CtTest.DIRECTION_ORIGINAL;
  if (match.direction === 'REPLY') parts |= CtTest.DIRECTION_REPLY;
  const size = abi.CONNTRACK_TEST_SIZE + (prefixes.some(Boolean) ? 4 * abi.ADDRESS_PAIR_SIZE : 0);
  const masked = prefixes.map((test) => test && ownPrefix(place, test.prefix));
  const at = record(place, Op.CONNTRACK, size, false, parts);
  arena.u16[(at + 8) >>> 1] = match.state?.states ?? 0;
  arena.u16[(at + 10) >>> 1] = match.protocol?.protocol ?? 0;
  const names = match.status?.names ?? [];
  arena.u32[(at + 12) >>> 2] = names.reduce((bits, name) => bits | (STATUS[name.toLowerCase()] ?? 0), 0);
  for (const [i, range] of ports.entries())
    arena.u32[((at + 16) >>> 2) + i] = range ? (range.to << 16) | range.from : 0;
  for (const [i, test] of masked.entries()) {
    if (!test) continue;
    const { value, mask } = test;
    const pair = at + abi.CONNTRACK_TEST_SIZE + i * abi.ADDRESS_PAIR_SIZE;
    arena.putWords(pair, value);
    arena.putWords(pair + 16, mask);
  }
}

const typeBits = (types: readonly string[]): number =>
  types.reduce((bits, type) => {
    const value = RouteType[type.toUpperCase() as keyof typeof RouteType];
    return value === undefined ? bits : bits | (1 << value);
  }, 0);

function encodeAddrtype(place: Place, match: Of<'addrtype'>): void {
  const { srcType, dstType } = match;
  const parts =
    (srcType ? TypeTest.SOURCE | (srcType.not ? TypeTest.NOT_SOURCE : 0) : 0) |
    (dstType ? TypeTest.DESTINATION | (dstType.not ? TypeTest.NOT_DESTINATION : 0) : 0) |
    (match.limitIfaceIn ? TypeTest.LIMIT_IN : 0) |
    (match.limitIfaceOut ? TypeTest.LIMIT_OUT : 0);
  const [source, destination] = [typeBits(srcType?.types ?? []), typeBits(dstType?.types ?? [])];
  encodePair(place, Op.ADDRTYPE, false, source, destination, parts);
}

function encodePhysdev(place: Place, match: Of<'physdev'>): void {
  const { abi, arena } = place.encoding;
  let parts = 0;
  const part = (bit: number, test: { not?: boolean } | undefined) => {
    if (test) parts |= bit | (test.not ? bit << 8 : 0);
  };
  part(PhysTest.IN, match.in);
  part(PhysTest.OUT, match.out);
  part(PhysTest.IS_IN, match.isIn);
  part(PhysTest.IS_OUT, match.isOut);
  part(PhysTest.IS_BRIDGED, match.isBridged);
  const at = record(place, Op.PHYSDEV, abi.PHYSDEV_TEST_SIZE, false, parts);
  for (const [i, test] of [match.in, match.out].entries()) {
    if (!test) continue;
    const wild = test.name.endsWith('+');
    const { bytes, mask } = wild ? nameBytes(test.name.slice(0, -1)) : nameBytes(test.name, 16);
    arena.u32.set([...bytes, ...mask], (at + 8 + i * 32) >>> 2);
  }
}

function encodeRecent(place: Place, match: Of<'recent'>): void {
  const { abi, arena, recentNames } = place.encoding;
  const at = record(place, Op.RECENT, abi.RECENT_TEST_SIZE, match.not, recentNames.of(match.name));
  const mask = addressOf(match.mask, place.where);
  // A mask of the other family leaves addresses whole.
  arena.putWords(at + 8, mask.family === place.family ? mask.words : [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff]);
  arena.u32[(at + 24) >>> 2] = match.seconds ?? 0;
  arena.u32[(at + 28) >>> 2] = match.hitcount ?? 0;
  const actions = {
    set: RecentAction.SET,
    rcheck: RecentAction.RCHECK,
    update: RecentAction.UPDATE,
    remove: RecentAction.REMOVE,
  };
  arena.u8[at + 32] = actions[match.action];
  arena.u8[at + 33] =
    (match.side === 'dest' ? RecentFlag.DEST : 0) |
    (match.reap ? RecentFlag.REAP : 0) |
    (match.rttl ? RecentFlag.RTTL : 0);
}

/** Starts a record about a set; `flags` name the side that each dimension takes. */
export function encodeSetStatement(
  place: Place,
  op: Op,
  statement: { set: string; flags: readonly ('src' | 'dst')[]; not?: boolean },
): number {
  const { abi, arena, setNames } = place.encoding;
  const at = record(place, op, abi.SET_STATEMENT_SIZE, statement.not, setNames.of(statement.set));
  arena.u32[(at + 8) >>> 2] = statement.flags.length;
  arena.u32[(at + 12) >>> 2] = statement.flags.reduce((bits, side, i) => bits | (side === 'src' ? 1 << i : 0), 0);
  return at;
}

function encodeRange(place: Place, match: Of<'iprange'>): void {
  const { abi, arena } = place.encoding;
  const parts =
    (match.src ? RangeTest.SRC | (match.src.not ? RangeTest.SRC << 4 : 0) : 0) |
    (match.dst ? RangeTest.DST | (match.dst.not ? RangeTest.DST << 4 : 0) : 0);
  const ranges = [match.src, match.dst].map((range) => {
    if (!range) return undefined;
    const [from, to] = [addressOf(range.from, place.where), addressOf(range.to, place.where)];
    for (const { family } of [from, to]) requireFamily(place, family, `${range.from}-${range.to}`);
    return { from, to };
  });
  const at = record(place, Op.IPRANGE, 8 + 2 * abi.ADDRESS_PAIR_SIZE, false, parts);
  for (const [i, range] of ranges.entries()) {
    if (!range) continue;
    const { from, to } = range;
    arena.putWords(at + 8 + i * abi.ADDRESS_PAIR_SIZE, from.words);
    arena.putWords(at + 24 + i * abi.ADDRESS_PAIR_SIZE, to.words);
  }
}

function encodeStatistic(place: Place, match: Of<'statistic'>): void {
  const at =
    match.mode === 'random'
      ? encodePair(place, Op.RANDOM, match.not, match.probability, 0)
      : encodePair(place, Op.NTH, match.not, match.every, match.packet);
  place.encoding.objects.statements.set(at, match);
}

function encodeOwner(place: Place, match: Of<'owner'>): void {
  const { abi, arena, objects } = place.encoding;
  let parts = match.suppl ? OwnerTest.SUPPL : 0;
  const part = (bit: number, test: { not?: boolean } | undefined) => {
    if (test) parts |= bit | (test.not ? bit << 4 : 0);
  };
  part(OwnerTest.UID, match.uid);
  part(OwnerTest.GID, match.gid);
  part(OwnerTest.SOCKET, match.socket);
  const at = record(place, Op.OWNER, abi.OWNER_TEST_SIZE, false, parts);
  const put = (offset: number, range: IdRange | undefined) =>
    arena.u32.set([range?.from ?? 0, range?.to ?? 0], (at + offset) >>> 2);
  put(8, match.uid);
  put(16, match.gid);
  objects.statements.set(at, match);
}

function encodeRpfilter(place: Place, match: Of<'rpfilter'>): void {
  const bits =
    (match.loose ? ReverseTest.LOOSE : 0) |
    (match.validMark ? ReverseTest.VALID_MARK : 0) |
    (match.acceptLocal ? ReverseTest.ACCEPT_LOCAL : 0);
  record(place, Op.RPFILTER, 8, match.not, bits);
}

const TTL_OPS = { eq: TtlOp.EQ, ne: TtlOp.NE, lt: TtlOp.LT, gt: TtlOp.GT };

export function encodeMatch(place: Place, match: Extract<PlainMatch, IptablesMatch>): void {
  const { abi, arena, objects } = place.encoding;
  switch (match.kind) {
    case 'saddr':
    case 'daddr': {
      const op = match.kind === 'saddr' ? Op.SADDR : Op.DADDR;
      const { value, mask } = ownPrefix(place, match.prefix);
      const at = record(place, op, abi.PREFIX_TEST_SIZE, match.not, 0);
      arena.putWords(at + 8, value);
      arena.putWords(at + 24, mask);
      return;
    }
    case 'iif':
      encodeInterface(place, Op.IIF, match);
      return;
    case 'oif':
      encodeInterface(place, Op.OIF, match);
      return;
    case 'protocol':
      record(place, Op.PROTOCOL, 8, match.not, match.protocol);
      return;
    case 'fragment':
      record(place, Op.FRAGMENT, 8, match.not, 0);
      return;
    case 'tcp':
      encodeTcp(place, match);
      return;
    case 'udp':
      encodePorts(place, Op.PORTS, Protocol.UDP, match);
      return;
    case 'sctp':
      encodePorts(place, Op.PORTS, Protocol.SCTP, match);
      return;
    case 'icmp':
    case 'icmp6':
      encodeIcmp(place, match);
      return;
    case 'multiport':
      encodeMultiport(place, match);
      return;
    case 'mark':
      encodePair(place, Op.MARK, match.not, match.value, match.mask);
      return;
    case 'connmark':
      encodePair(place, Op.CONNMARK, match.not, match.value, match.mask);
      return;
    case 'state':
      record(place, Op.STATE, 8, match.not, match.states);
      return;
    case 'conntrack':
      encodeConntrack(place, match);
      return;
    case 'addrtype':
      encodeAddrtype(place, match);
      return;
    case 'statistic':
      encodeStatistic(place, match);
      return;
    case 'comment':
    case 'nfacct':
      return;
    case 'physdev':
      encodePhysdev(place, match);
      return;
    case 'recent':
      encodeRecent(place, match);
      return;
    case 'set':
      objects.statements.set(encodeSetStatement(place, Op.SET, match), match);
      return;
    case 'iprange':
      encodeRange(place, match);
      return;
    case 'mac': {
      const at = record(place, Op.MAC, abi.MAC_TEST_SIZE, match.not, 0);
      arena.u32.set(macOf(match.address, place.where), (at + 8) >>> 2);
      return;
    }
    case 'tos':
      encodePair(place, Op.TOS, match.not, match.value, match.mask);
      return;
    case 'ttl':
      encodePair(place, Op.TTL, false, TTL_OPS[match.op], match.value);
      return;
    case 'length':
      encodePair(place, Op.LENGTH, match.not, match.from, match.to);
      return;
    case 'owner':
      encodeOwner(place, match);
      return;
    case 'rpfilter':
      encodeRpfilter(place, match);
      return;
    case 'limit':
      objects.statements.set(record(place, Op.CHOICE, 8, false, ChoiceKind.LIMIT), match);
      return;
    case 'unmodelled':
      objects.statements.set(record(place, Op.CHOICE, 8, false, ChoiceKind.UNMODELLED), match);
      return;
  }
}
