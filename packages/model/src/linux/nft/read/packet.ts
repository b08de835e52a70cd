/** Expressions that read something from a packet or what Linux knows of it: headers, options, `meta`, `ct`, `rt`, `fib`, … */

import type { NftExpression, NftPayloadBase, NftTcpOption } from '../syntax.ts';
import { fieldNamed, findHeader } from '../tables/headers.ts';
import { bareMeta, ctKeys, metaAliases, metaKeys } from '../tables/keys.ts';
import {
  extensionHeaders,
  ipOptions,
  optionField,
  optionNamed,
  sctpChunks,
  tcpOptionAliases,
  tcpOptions,
} from '../tables/options.ts';
import type { Cursor } from './cursor.ts';
import { readExpression } from './expression.ts';

type Reader = (at: Cursor) => NftExpression;

/** The name of a header field; ARP's have two words. */
function fieldName(at: Cursor, protocol: string): string {
  const word = at.next().text;
  if (protocol === 'arp' && (word === 'saddr' || word === 'daddr')) return `${word} ${at.next().text}`;
  if (protocol === 'icmpv6' && word === 'param-problem') return 'parameter-problem';
  return word;
}

function headerField(at: Cursor): NftExpression {
  const protocol = at.next().text;
  const header = findHeader(protocol);
  const field = fieldName(at, protocol);
  if (!header || !fieldNamed(header, field)) return at.fail(`syntax error, unexpected ${field} after ${protocol}`);
  return { payload: { protocol, field } };
}

function rawPayload(at: Cursor): NftExpression {
  at.expect('@');
  const base = at.acceptOne(['ll', 'nh', 'th', 'ih'] as const);
  if (base === undefined) return at.unexpected('expecting a payload base');
  at.expect(',');
  const offset = at.number();
  at.expect(',');
  return { payload: { base: base satisfies NftPayloadBase, offset, len: at.number() } };
}

function tcp(at: Cursor): NftExpression {
  if (!at.is('option', 1)) return headerField(at);
  at.next();
  at.next();
  return tcpOption(at);
}

/** What follows `tcp option`. */
export function tcpOption(at: Cursor, fields = true): NftTcpOption {
  if (fields && at.accept('@')) {
    const kind = at.isKind('number') ? at.number() : tcpOptionNumber(at);
    at.expect(',');
    const offset = at.number();
    at.expect(',');
    return { 'tcp option': { base: kind, offset, len: at.number() } };
  }
  const word = at.isKind('number') ? undefined : at.word();
  const number = word === undefined ? at.peek() : undefined;
  const named = word === undefined ? undefined : optionNamed(tcpOptions, tcpOptionAliases[word] ?? word);
  if (word !== undefined && !named) at.unexpected('expecting a TCP option');
  const kind = number === undefined ? undefined : at.number();
  if (kind === undefined) at.next();
  else if (kind > 255) at.fail(`value too large: ${kind}`);
  const option = named ?? tcpOptions.find((entry) => entry.number === kind);
  const field = fields && option ? optionField(option, at.word()) : undefined;
  if (!option) {
    if (fields && at.accept('length')) return { 'tcp option': { base: kind ?? 0, offset: 8, len: 8 } };
    return { 'tcp option': { base: kind ?? 0, offset: 0, len: 8 } };
  }
  if (!field) return { 'tcp option': { name: option.name } };
  at.next();
  return { 'tcp option': { name: option.name, field: field.name } };
}

function tcpOptionNumber(at: Cursor): number {
  const word = at.next().text;
  const named = optionNamed(tcpOptions, tcpOptionAliases[word] ?? word);
  return named ? named.number : at.fail(`unknown TCP option ${word}`);
}

function ip(at: Cursor): NftExpression {
  if (!at.is('option', 1)) return headerField(at);
  at.next();
  at.next();
  const option = optionNamed(ipOptions, at.word());
  if (!option) return at.unexpected('expecting an IPv4 option');
  at.next();
  const field = optionField(option, at.word());
  if (!field) return { 'ip option': { name: option.name } };
  at.next();
  return { 'ip option': { name: option.name, field: field.name } };
}

function sctp(at: Cursor): NftExpression {
  if (!at.is('chunk', 1)) return headerField(at);
  at.next();
  at.next();
  const chunk = optionNamed(sctpChunks, at.word());
  if (!chunk) return at.unexpected('expecting an SCTP chunk');
  at.next();
  const field = optionField(chunk, at.word());
  if (!field) return { 'sctp chunk': { name: chunk.name } };
  at.next();
  return { 'sctp chunk': { name: chunk.name, field: field.name } };
}

/** `rt` is a header of IPv6 and also the route that was chosen. */
function rt(at: Cursor): NftExpression {
  const family = at.is('ip', 1) ? 'ip' : at.is('ip6', 1) ? 'ip6' : undefined;
  const key = at.word(family === undefined ? 1 : 2);
  if (['classid', 'nexthop', 'mtu', 'ipsec'].includes(key)) {
    at.place += family === undefined ? 2 : 3;
    return { rt: { key, ...(family === undefined ? {} : { family }) } };
  }
  return extensionField(at);
}

function extensionField(at: Cursor): NftExpression {
  const name = at.next().text;
  const header = optionNamed(extensionHeaders, name);
  const word = at.next().text;
  if (at.accept('[')) {
    const hop = at.number();
    at.expect(']');
    if (!header || !optionField(header, `${word}[${hop}]`)) return at.fail(`no ${name} ${word}[${hop}]`);
    return { exthdr: { name, field: `${word}[${hop}]` } };
  }
  if (!header || !optionField(header, word)) return at.fail(`syntax error, unexpected ${word} after ${name}`);
  return { exthdr: { name, field: word } };
}

function extensionExists(at: Cursor): NftExpression {
  at.next();
  const name = at.word();
  if (!['hbh', 'rt', 'frag', 'dst', 'mh'].includes(name)) return at.unexpected('expecting an extension header');
  at.next();
  return { exthdr: { name } };
}

function metaKey(at: Cursor): string {
  const word = at.word();
  const key = metaAliases[word] ?? word;
  if (!metaKeys[key]) return at.unexpected('expecting a meta key');
  at.next();
  return key;
}

function meta(at: Cursor): NftExpression {
  at.next();
  return { meta: { key: metaKey(at) } };
}

function bare(at: Cursor): NftExpression {
  return { meta: { key: metaKey(at) } };
}

function ct(at: Cursor): NftExpression {
  at.next();
  const dir = at.acceptOne(['original', 'reply'] as const);
  const family = dir === undefined ? undefined : at.acceptOne(['ip', 'ip6'] as const);
  const word = at.word();
  const key = family === undefined ? word : `${family} ${word}`;
  const known = ctKeys[key];
  if (!known || (family === undefined && key.includes(' '))) return at.unexpected('expecting a ct key');
  if (dir !== undefined && known.direction === 'none') return at.unexpected();
  at.next();
  return { ct: { key, ...(dir === undefined ? {} : { dir }) } };
}

function offset(at: Cursor): { offset?: number } {
  return at.accept('offset') ? { offset: at.number() } : {};
}

function numgen(at: Cursor): NftExpression {
  at.next();
  const mode = at.acceptOne(['inc', 'random'] as const);
  if (mode === undefined) return at.unexpected('expecting inc or random');
  at.expect('mod');
  const mod = at.number();
  return { numgen: { mode, mod, offset: offset(at).offset ?? 0 } };
}

function jhash(at: Cursor): NftExpression {
  at.next();
  const expr = readExpression(at);
  at.expect('mod');
  const mod = at.number();
  const seed = at.accept('seed') ? { seed: at.number() } : {};
  const off = offset(at);
  return { jhash: { mod, ...seed, ...(off.offset ? off : {}), expr } };
}

function symhash(at: Cursor): NftExpression {
  at.next();
  at.expect('mod');
  const mod = at.number();
  const off = offset(at);
  return { symhash: { mod, ...(off.offset ? off : {}) } };
}

function fib(at: Cursor): NftExpression {
  at.next();
  const flags: string[] = [];
  const known = ['saddr', 'daddr', 'mark', 'iif', 'oif'] as const;
  do {
    const flag = at.acceptOne(known);
    if (flag === undefined) return at.unexpected('expecting a fib flag');
    if (!flags.includes(flag)) flags.push(flag);
  } while (at.accept('.'));
  const result = at.acceptOne(['oif', 'oifname', 'type'] as const);
  if (result === undefined) return at.unexpected('expecting oif, oifname or type');
  if (flags.includes('saddr') === flags.includes('daddr')) return at.fail('fib: need either saddr or daddr');
  if (flags.includes('iif') && flags.includes('oif')) return at.fail('fib: iif and oif are mutually exclusive');
  return { fib: { result, flags: known.filter((flag) => flags.includes(flag)) } };
}

function osf(at: Cursor): NftExpression {
  at.next();
  const ttl = at.accept('ttl') ? at.acceptOne(['loose', 'skip'] as const) : null;
  if (ttl === undefined) return at.fail('invalid ttl option');
  const key = at.acceptOne(['name', 'version'] as const);
  if (key === undefined) return at.unexpected('expecting name or version');
  return { osf: { key, ...(ttl === null ? {} : { ttl }) } };
}

function ipsec(at: Cursor): NftExpression {
  at.next();
  const dir = at.acceptOne(['in', 'out'] as const);
  if (dir === undefined) return at.unexpected('expecting in or out');
  const spnum = at.accept('spnum') ? at.number() : 0;
  if (spnum > 255) return at.fail('value too large');
  const family = at.acceptOne(['ip', 'ip6'] as const);
  const key = at.acceptOne(family === undefined ? ['spi', 'reqid'] : ['saddr', 'daddr']);
  if (key === undefined) return at.unexpected('expecting an ipsec key');
  return { ipsec: { key, ...(family === undefined ? {} : { family }), dir, spnum } };
}

function socket(at: Cursor): NftExpression {
  at.next();
  const key = at.acceptOne(['transparent', 'mark', 'wildcard', 'cgroupv2'] as const);
  if (key === undefined) return at.unexpected('expecting a socket key');
  if (key !== 'cgroupv2') return { socket: { key } };
  at.expect('level');
  return { socket: { key, level: at.number() } };
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...['ether', 'vlan', 'arp', 'ip6', 'icmp', 'igmp', 'icmpv6', 'ah', 'esp', 'comp', 'udp', 'udplite', 'dccp', 'th'].map(
    (name): [string, Reader] => [name, headerField],
  ),
  ['tcp', tcp],
  ['ip', ip],
  ['sctp', sctp],
  ['rt', rt],
  ...['hbh', 'rt0', 'rt2', 'srh', 'frag', 'dst', 'mh'].map((name): [string, Reader] => [name, extensionField]),
  ['exthdr', extensionExists],
  ['meta', meta],
  ['ct', ct],
  ['numgen', numgen],
  ['jhash', jhash],
  ['symhash', symhash],
  ['fib', fib],
  ['osf', osf],
  ['ipsec', ipsec],
  ['socket', socket],
]);

/** The expression that starts here; undefined where the word starts none. */
export function readPacketExpression(at: Cursor): NftExpression | undefined {
  if (at.is('@') && ['ll', 'nh', 'th', 'ih'].includes(at.word(1)) && at.is(',', 2)) return rawPayload(at);
  const word = at.word();
  if (word === '') return undefined;
  const reader = READERS.get(word);
  if (reader) return reader(at);
  return bareMeta.has(word) ? bare(at) : undefined;
}
