/** One packet with all that tests can see of it, and the same as numbers: a point of the space that sets are made of. */
import { CtDirection, CtState, type Family, formatAddress, type Packet, type Tuple, type Words } from '@podwire/engine';
import {
  connmarkVariable,
  FIELDS,
  FIRST_CHANGEABLE,
  type FieldName,
  markVariable,
  NAME_BYTES,
} from './space/fields.ts';
import { addressBits, nameBits, type PacketSpace, STATE_CODES } from './space/packet-space.ts';

/** The packet's connection as the kernel would show it. */
interface SubjectConnection {
  mark: number;
  direction: CtDirection;
  protocol: number;
  original: Tuple;
  reply: Tuple;
  expected: boolean;
  seenReply: boolean;
  assured: boolean;
  confirmed: boolean;
  snat: boolean;
  dnat: boolean;
}

export interface Subject {
  packet: Packet;
  /** Names of the interfaces it came in by and will leave by; empty where there is none. */
  iif: string;
  oif: string;
  /** Ports of a bridge, where it is bridged or came in by one; `out` empty where it does not leave by one. */
  bridge?: { in: string; out: string };
  /** Source of the Ethernet header in front of it, where there is one. */
  etherSource?: string;
  /** A fragment behind the first. */
  fragment: boolean;
  /** One of INVALID to UNTRACKED. */
  state: CtState;
  /** For NEW, ESTABLISHED and RELATED. */
  connection?: SubjectConnection;
  /** Which of the tests hold that nobody can look into, by name; false where it stands not. */
  atoms: Readonly<Record<string, boolean>>;
  /** Values of further fields, by name; 0 where it stands not. */
  further: Readonly<Record<string, bigint>>;
}

/** Every field of a subject as a number. */
export interface Point {
  fields: Map<FieldName, bigint>;
  mark: number;
  connmark: number;
  /** Index into `STATE_CODES`. */
  state: number;
  atoms: Map<string, boolean>;
  further: Map<string, bigint>;
}

const TRACKED = CtState.NEW | CtState.ESTABLISHED | CtState.RELATED;

const name = (text: string): bigint => nameBits(text, false).bits;
const bit = (fact: boolean | undefined): bigint => (fact ? 1n : 0n);
const address = (text: string): bigint => (text === '' ? 0n : addressBits(text).bits);

export function pointOf(subject: Subject): Point {
  const { packet, bridge, connection, etherSource } = subject;
  const { original, reply } = connection ?? {};
  const fields = new Map<FieldName, bigint>([
    ['family', packet.family === 4 ? 0n : 1n],
    ['protocol', BigInt(packet.protocol)],
    ['iif', name(subject.iif)],
    ['oif', name(subject.oif)],
    ['daddr', address(packet.daddr)],
    ['dport', BigInt(packet.dport)],
    ['saddr', address(packet.saddr)],
    ['sport', BigInt(packet.sport)],
    ['icmp type', BigInt(packet.icmpType)],
    ['icmp code', BigInt(packet.icmpCode)],
    ['icmp id', BigInt(packet.icmpId)],
    ['tcp flags', BigInt(packet.tcpFlags)],
    ['fragment', bit(subject.fragment)],
    ['tos', BigInt(packet.tos)],
    ['ttl', BigInt(packet.ttl)],
    ['length', BigInt(packet.length)],
    ['ethernet', bit(etherSource !== undefined)],
    ['ether saddr', BigInt(`0x${(etherSource ?? '00').replaceAll(':', '')}`)],
    ['physin', name(bridge?.in ?? '')],
    ['physout', name(bridge?.out ?? '')],
    ['ct direction', BigInt(connection?.direction ?? 0)],
    ['ct expected', bit(connection?.expected)],
    ['ct seen_reply', bit(connection?.seenReply)],
    ['ct assured', bit(connection?.assured)],
    ['ct confirmed', bit(connection?.confirmed)],
    ['ct snat', bit(connection?.snat)],
    ['ct dnat', bit(connection?.dnat)],
    ['ct protocol', BigInt(connection?.protocol ?? 0)],
    ['ct original saddr', address(original?.saddr ?? '')],
    ['ct original daddr', address(original?.daddr ?? '')],
    ['ct reply saddr', address(reply?.saddr ?? '')],
    ['ct reply daddr', address(reply?.daddr ?? '')],
    ['ct original proto-src', BigInt(original?.sport ?? 0)],
    ['ct original proto-dst', BigInt(original?.dport ?? 0)],
    ['ct reply proto-src', BigInt(reply?.sport ?? 0)],
    ['ct reply proto-dst', BigInt(reply?.dport ?? 0)],
  ]);
  return {
    fields,
    mark: packet.mark,
    connmark: connection?.mark ?? 0,
    state: STATE_CODES.indexOf(subject.state),
    atoms: new Map(Object.entries(subject.atoms)),
    further: new Map(Object.entries(subject.further)),
  };
}

/** The wanted bytes up to the first zero. */
function nameText(bits: bigint): string {
  const bytes: number[] = [];
  for (let i = NAME_BYTES - 1; i >= 0; i--) {
    const byte = Number((bits >> BigInt(8 * i)) & 255n);
    if (byte === 0) break;
    bytes.push(byte);
  }
  return new TextDecoder('latin1').decode(new Uint8Array(bytes));
}

function addressText(family: Family, bits: bigint): string {
  const word = (index: number) => Number((bits >> BigInt(96 - 32 * index)) & 0xffffffffn);
  const words: Words = family === 4 ? [0, 0, 0, word(0)] : [word(0), word(1), word(2), word(3)];
  return formatAddress({ family, words });
}

const etherText = (bits: bigint): string => (bits.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');

/** What a code means: those past the last are UNTRACKED. */
const stateOf = (code: number): CtState => STATE_CODES[Math.min(code, 4)] ?? CtState.UNTRACKED;

function connectionOf(point: Point, family: Family): SubjectConnection {
  const of = (field: FieldName) => point.fields.get(field) ?? 0n;
  const tuple = (way: 'original' | 'reply'): Tuple => ({
    saddr: addressText(family, of(`ct ${way} saddr`)),
    daddr: addressText(family, of(`ct ${way} daddr`)),
    sport: Number(of(`ct ${way} proto-src`)),
    dport: Number(of(`ct ${way} proto-dst`)),
  });
  const is = (field: FieldName) => of(field) === 1n;
  return {
    mark: point.connmark >>> 0,
    direction: is('ct direction') ? CtDirection.REPLY : CtDirection.ORIGINAL,
    protocol: Number(of('ct protocol')),
    original: tuple('original'),
    reply: tuple('reply'),
    expected: is('ct expected'),
    seenReply: is('ct seen_reply'),
    assured: is('ct assured'),
    confirmed: is('ct confirmed'),
    snat: is('ct snat'),
    dnat: is('ct dnat'),
  };
}

export function subjectOf(point: Point): Subject {
  const of = (field: FieldName) => point.fields.get(field) ?? 0n;
  const number = (field: FieldName) => Number(of(field));
  const family: Family = of('family') === 0n ? 4 : 6;
  const state = stateOf(point.state);
  const physin = nameText(of('physin'));
  return {
    packet: {
      family,
      protocol: number('protocol'),
      saddr: addressText(family, of('saddr')),
      daddr: addressText(family, of('daddr')),
      sport: number('sport'),
      dport: number('dport'),
      tcpFlags: number('tcp flags'),
      icmpType: number('icmp type'),
      icmpCode: number('icmp code'),
      icmpId: number('icmp id'),
      ttl: number('ttl'),
      tos: number('tos'),
      mark: point.mark >>> 0,
      length: number('length'),
      dontFragment: false,
    },
    iif: nameText(of('iif')),
    oif: nameText(of('oif')),
    ...(physin !== '' && { bridge: { in: physin, out: nameText(of('physout')) } }),
    ...(of('ethernet') === 1n && { etherSource: etherText(of('ether saddr')) }),
    fragment: of('fragment') === 1n,
    state,
    ...((state & TRACKED) !== 0 && { connection: connectionOf(point, family) }),
    atoms: Object.fromEntries(point.atoms),
    further: Object.fromEntries(point.further),
  };
}

/** Where each variable of the fixed fields stands: its field, and the bit counted from the least significant. */
const PLACES: readonly { field: FieldName; bit: bigint }[] = [...FIELDS].flatMap(([field, { width }]) =>
  Array.from({ length: width }, (_, i) => ({ field, bit: BigInt(width - 1 - i) })),
);

/** By variable; what is not here is one of the marks. */
const MARKS = new Map<number, { word: 'mark' | 'connmark'; bit: number }>(
  Array.from({ length: 32 }, (_, at) => at).flatMap((at) => [
    [markVariable(at), { word: 'mark' as const, bit: at }],
    [connmarkVariable(at), { word: 'connmark' as const, bit: at }],
  ]),
);

/** The bit of a point that a variable tests. */
export function bitOf(space: PacketSpace, point: Point, variable: number): boolean {
  const place = PLACES[variable];
  if (place) return (((point.fields.get(place.field) ?? 0n) >> place.bit) & 1n) === 1n;
  const mark = MARKS.get(variable);
  if (mark) return ((point[mark.word] >>> mark.bit) & 1) === 1;
  if (variable >= FIRST_CHANGEABLE) return ((point.state >> (2 - (variable - FIRST_CHANGEABLE))) & 1) === 1;
  const atom = space.atomName(variable);
  if (atom !== undefined) return point.atoms.get(atom) === true;
  const further = space.furtherPlace(variable);
  return further !== undefined && (((point.further.get(further.name) ?? 0n) >> further.bit) & 1n) === 1n;
}

/** Sets it. */
export function setBit(space: PacketSpace, point: Point, variable: number, value: boolean): void {
  const changed = (word: bigint, at: bigint) => (value ? word | (1n << at) : word & ~(1n << at));
  const place = PLACES[variable];
  const mark = MARKS.get(variable);
  const atom = space.atomName(variable);
  if (place) point.fields.set(place.field, changed(point.fields.get(place.field) ?? 0n, place.bit));
  else if (mark) point[mark.word] = Number(changed(BigInt(point[mark.word] >>> 0), BigInt(mark.bit)));
  else if (variable >= FIRST_CHANGEABLE)
    point.state = Number(changed(BigInt(point.state), BigInt(2 - (variable - FIRST_CHANGEABLE))));
  else if (atom !== undefined) point.atoms.set(atom, value);
  else {
    const further = space.furtherPlace(variable);
    if (further) point.further.set(further.name, changed(point.further.get(further.name) ?? 0n, further.bit));
  }
}
