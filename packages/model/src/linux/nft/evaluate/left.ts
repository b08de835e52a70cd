/** From the tree's expressions that read a packet to terms with their types and places. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { fieldNamed, findHeader } from '../tables/headers.ts';
import { ctKeys, fibResults, ipsecKeys, type Key, metaAliases, metaKeys, rtKeys, socketKeys } from '../tables/keys.ts';
import {
  extensionHeaders,
  ipOptions,
  type OptionHeader,
  optionField,
  optionNamed,
  sctpChunks,
  tcpOptionAliases,
  tcpOptions,
} from '../tables/options.ts';
import type { Payload, Read, Term } from './term.ts';

type Node = Extract<NftExpression, object>;

function read(what: NftExpression, key: Key): Read {
  return { is: 'read', what, type: key.type, bits: key.bits, key, ...(key.max === undefined ? {} : { max: key.max }) };
}

/** src/evaluate.c:expr_evaluate_integer(): where the most is 0, nft takes any number. */
const most = (max: number): { max?: number } => (max === 0 ? {} : { max });

function named<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new NftRefusal(`unknown ${what}`);
  return found;
}

function payload(node: Extract<Node, { payload: unknown }>): Payload {
  const at = node.payload;
  if ('protocol' in at) {
    const header = named(findHeader(at.protocol), `payload protocol "${at.protocol}"`);
    const field = named(fieldNamed(header, at.field), `field "${at.field}" of ${at.protocol}`);
    // Any transport header with ports: nothing follows from it, and nothing is needed.
    if (header.name === 'th') return portField(field.offset);
    return {
      is: 'payload',
      base: header.base,
      offset: field.offset,
      bits: field.bits,
      type: field.type,
      header,
      field,
    };
  }
  if (at.len <= 0 || at.len > 128 * 8) throw new NftRefusal(`invalid payload length ${at.len}`);
  const field =
    at.base === 'th' && at.len === 16 && (at.offset === 0 || at.offset === 16) ? portField(at.offset) : undefined;
  return field ?? { is: 'payload', base: at.base, offset: at.offset, bits: at.len, type: types.bits, raw: true };
}

/** Bits where every transport header has a port are that port. */
export function portField(offset: number): Payload {
  const header = findHeader('th');
  const field = header?.fields.find((entry) => entry.offset === offset);
  if (!header || !field) throw new NftRefusal(`no port at bit ${offset}`);
  return { is: 'payload', base: 'th', offset, bits: 16, type: field.type, header, field, raw: true };
}

/** A field of an option or extension header, or whether that header is there. */
function optional(node: NftExpression, table: readonly OptionHeader[], at: { name: string; field?: string }): Read {
  const header = named(optionNamed(table, tcpOptionAliases[at.name] ?? at.name), `option "${at.name}"`);
  if (at.field === undefined) return read(node, { type: types.boolean, bits: 1 });
  const field = named(optionField(header, at.field), `field "${at.field}" of ${at.name}`);
  return read(node, { type: field.type, bits: field.bits });
}

/** Bits of a TCP option by their place: a field, where one is there. */
function placedOption(node: NftExpression, at: { base: number; offset: number; len: number }): Read {
  for (const { name, number, fields } of tcpOptions) {
    const field = fields.find(({ offset, bits }) => number === at.base && offset === at.offset && bits === at.len);
    if (field) return read({ 'tcp option': { name, field: field.name } }, field);
  }
  return read(node, { type: types.integer, bits: at.len });
}

function ct(node: Extract<Node, { ct: unknown }>): Read {
  const { key, family, dir } = node.ct;
  const name = family === undefined ? key : `${family} ${key}`;
  const known = named(ctKeys[name], `ct key "${name}"`);
  if (known.direction === 'needed' && dir === undefined && !name.endsWith('addr') && !name.startsWith('proto'))
    throw new NftRefusal(`ct ${name}: direction needed`);
  if (known.direction === 'none' && dir !== undefined) throw new NftRefusal(`ct ${name} has no direction`);
  // The kernel keeps no direction of a connection's protocols.
  const kept = known.direction === 'either' || dir === undefined ? {} : { dir };
  return read({ ct: { key: name, ...kept } }, known);
}

function rt(node: Extract<Node, { rt: unknown }>): Read {
  const { key, family } = node.rt;
  if (key !== 'nexthop') return read({ rt: { key } }, named(rtKeys[key], `rt key "${key}"`));
  return family === undefined
    ? read(node, { type: types.integer, bits: 0 })
    : read(node, named(rtKeys[`${family} nexthop`], 'rt key'));
}

function ipsec(node: Extract<Node, { ipsec: unknown }>): Read {
  const { key, family, dir, spnum } = node.ipsec;
  const name = family === undefined ? key : `${family} ${key}`;
  const what = { ipsec: { key, ...(family === undefined ? {} : { family }), dir, spnum: spnum ?? 0 } };
  return read(what, named(ipsecKeys[name], `ipsec key "${name}"`));
}

/** Reads what the node says; undefined where it reads nothing of a packet. `inner` resolves what a hash is made of. */
export function resolveRead(node: NftExpression, inner: (expression: NftExpression) => Term): Term | undefined {
  if (typeof node !== 'object' || Array.isArray(node)) return undefined;
  if ('payload' in node) return payload(node);
  if ('meta' in node) {
    const key = metaAliases[node.meta.key] ?? node.meta.key;
    return read({ meta: { key } }, named(metaKeys[key], `meta key "${key}"`));
  }
  if ('ct' in node) return ct(node);
  if ('rt' in node) return rt(node);
  if ('exthdr' in node) {
    const { name, field, offset } = node.exthdr;
    const full = field === 'addr' && offset !== undefined ? `addr[${offset + 1}]` : field;
    return optional({ exthdr: { name, ...(full === undefined ? {} : { field: full }) } }, extensionHeaders, {
      name,
      ...(full === undefined ? {} : { field: full }),
    });
  }
  if ('tcp option' in node) {
    const at = node['tcp option'];
    if ('name' in at) {
      const full = tcpOptionAliases[at.name] ?? at.name;
      const name = at.field === undefined ? full.replace(/^sack[123]$/, 'sack') : full;
      const canonical = { 'tcp option': { name, ...(at.field === undefined ? {} : { field: at.field }) } };
      return optional(canonical, tcpOptions, canonical['tcp option']);
    }
    return placedOption(node, at);
  }
  if ('ip option' in node) return optional(node, ipOptions, node['ip option']);
  if ('sctp chunk' in node) return optional(node, sctpChunks, node['sctp chunk']);
  if ('socket' in node) return read(node, named(socketKeys[node.socket.key], `socket key "${node.socket.key}"`));
  if ('osf' in node) return read(node, { type: types.string, bits: 128 });
  if ('ipsec' in node) return ipsec(node);
  if ('fib' in node) {
    const flags = typeof node.fib.flags === 'string' ? [node.fib.flags] : node.fib.flags;
    return read({ fib: { result: node.fib.result, flags } }, named(fibResults[node.fib.result], 'fib result'));
  }
  if ('numgen' in node) {
    const { mode, mod, offset = 0 } = node.numgen;
    return read({ numgen: { mode, mod, offset } }, { type: types.integer, bits: 32, ...most(mod + offset - 1) });
  }
  if ('symhash' in node) {
    const { mod, offset = 0 } = node.symhash;
    return read(node, { type: types.integer, bits: 32, ...most(mod + offset - 1) });
  }
  if ('jhash' in node) {
    const { mod, offset, seed, expr } = node.jhash;
    const more = { ...(offset ? { offset } : {}), ...(seed === undefined ? {} : { seed }) };
    return {
      is: 'hash',
      type: types.integer,
      bits: 32,
      ...most(mod + (offset ?? 0) - 1),
      mod,
      ...more,
      of: inner(expr),
    };
  }
  return undefined;
}
