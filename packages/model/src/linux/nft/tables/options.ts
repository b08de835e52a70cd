/** Headers that stand at no fixed place: IPv6 extension headers, options of TCP and IPv4, chunks of SCTP. Places in bits. */
import { type Datatype, types } from './datatypes.ts';

export interface OptionField {
  name: string;
  type: Datatype;
  offset: number;
  bits: number;
}

export interface OptionHeader {
  name: string;
  /** Number on the wire. */
  number: number;
  fields: readonly OptionField[];
}

type Row = readonly [name: string, offset: number, bits: number, type?: Datatype];

function option(name: string, number: number, rows: readonly Row[]): OptionHeader {
  return {
    name,
    number,
    fields: rows.map(([field, offset, bits, type]) => ({ name: field, offset, bits, type: type ?? types.integer })),
  };
}

const next: Row = ['nexthdr', 0, 8, types.protocol];
const length: Row = ['hdrlength', 8, 8];

/** By the name in JSON. `srh sid[n]` and `rt0 addr[n]`: the first hop; the others follow every 128 bits. */
export const extensionHeaders: readonly OptionHeader[] = [
  option('hbh', 0, [next, length]),
  option('rt', 43, [next, length, ['type', 16, 8], ['seg-left', 24, 8]]),
  option('rt0', 43, [['addr[1]', 64, 128, types.ipv6]]),
  option('rt2', 43, [['addr', 64, 128, types.ipv6]]),
  option('srh', 43, [
    ['last-entry', 32, 8],
    ['flags', 40, 8],
    ['tag', 48, 16],
    ['sid[1]', 64, 128, types.ipv6],
  ]),
  option('frag', 44, [
    next,
    ['reserved', 8, 8],
    ['frag-off', 16, 13],
    ['reserved2', 29, 2],
    ['more-fragments', 31, 1],
    ['id', 32, 32],
  ]),
  option('dst', 60, [next, length]),
  option('mh', 135, [next, length, ['type', 16, 8, types.mobilityType], ['reserved', 24, 8], ['checksum', 32, 16]]),
];

const kind: Row = ['kind', 0, 8];
const size: Row = ['length', 8, 8];

export const tcpOptions: readonly OptionHeader[] = [
  option('eol', 0, [kind]),
  option('nop', 1, [kind]),
  option('maxseg', 2, [kind, size, ['size', 16, 16]]),
  option('window', 3, [kind, size, ['count', 16, 8]]),
  option('sack-perm', 4, [kind, size]),
  option('sack', 5, [kind, size, ['left', 16, 32], ['right', 48, 32]]),
  option('sack1', 5, [
    ['left', 80, 32],
    ['right', 112, 32],
  ]),
  option('sack2', 5, [
    ['left', 144, 32],
    ['right', 176, 32],
  ]),
  option('sack3', 5, [
    ['left', 208, 32],
    ['right', 240, 32],
  ]),
  option('timestamp', 8, [kind, size, ['tsval', 16, 32], ['tsecr', 48, 32]]),
  option('md5sig', 19, [kind, size]),
  option('mptcp', 30, [kind, size, ['subtype', 16, 4]]),
  option('fastopen', 34, [kind, size]),
];

/** Other names that are read. */
export const tcpOptionAliases: Readonly<Record<string, string>> = {
  mss: 'maxseg',
  noop: 'nop',
  'sack-permitted': 'sack-perm',
  sack0: 'sack',
  echo: 'timestamp',
};

export const ipOptions: readonly OptionHeader[] = [
  option('lsrr', 131, [['type', 0, 8], size, ['ptr', 16, 8], ['addr', 24, 32]]),
  option('rr', 7, [['type', 0, 8], size, ['ptr', 16, 8], ['addr', 24, 32]]),
  option('ssrr', 137, [['type', 0, 8], size, ['ptr', 16, 8], ['addr', 24, 32]]),
  option('ra', 148, [['type', 0, 8], size, ['value', 16, 16]]),
];

const chunk = (name: string, number: number, rows: readonly Row[] = []): OptionHeader =>
  option(name, number, [['type', 0, 8], ['flags', 8, 8], ['length', 16, 16], ...rows]);
const initial: readonly Row[] = [
  ['init-tag', 32, 32],
  ['a-rwnd', 64, 32],
  ['num-outbound-streams', 96, 16],
  ['num-inbound-streams', 112, 16],
  ['initial-tsn', 128, 32],
];

export const sctpChunks: readonly OptionHeader[] = [
  chunk('data', 0, [
    ['tsn', 32, 32],
    ['stream', 64, 16],
    ['ssn', 80, 16],
    ['ppid', 96, 32],
  ]),
  chunk('init', 1, initial),
  chunk('init-ack', 2, initial),
  chunk('sack', 3, [
    ['cum-tsn-ack', 32, 32],
    ['a-rwnd', 64, 32],
    ['num-gap-ack-blocks', 96, 16],
    ['num-dup-tsns', 112, 16],
  ]),
  chunk('heartbeat', 4),
  chunk('heartbeat-ack', 5),
  chunk('abort', 6),
  chunk('shutdown', 7, [['cum-tsn-ack', 32, 32]]),
  chunk('shutdown-ack', 8),
  chunk('error', 9),
  chunk('cookie-echo', 10),
  chunk('cookie-ack', 11),
  chunk('ecne', 12, [['lowest-tsn', 32, 32]]),
  chunk('cwr', 13, [['lowest-tsn', 32, 32]]),
  chunk('shutdown-complete', 14),
  chunk('asconf-ack', 128, [['seqno', 32, 32]]),
  chunk('forward-tsn', 192, [['new-cum-tsn', 32, 32]]),
  chunk('asconf', 193, [['seqno', 32, 32]]),
];

export function optionNamed(table: readonly OptionHeader[], name: string): OptionHeader | undefined {
  return table.find((entry) => entry.name === name);
}

/** A field, also of a later hop: `sid[3]`. */
export function optionField(from: OptionHeader, name: string): OptionField | undefined {
  const found = from.fields.find((field) => field.name === name);
  if (found) return found;
  const hop = /^(sid|addr)\[(\d+)\]$/.exec(name);
  const first = hop && from.fields.find((field) => field.name === `${hop[1]}[1]`);
  if (!hop || !first) return undefined;
  const at = Number(hop[2]);
  return at < 1 || at > 16 ? undefined : { ...first, name, offset: first.offset + (at - 1) * 128 };
}
