/** Relations: `LEFT OP RIGHT`. Plain header tests become the matches that iptables has, which chains are indexed by. */
import type { CompareOp, Match, Selector, Statement, ValueRange } from '@podwire/engine';
import type { NftExpression, NftMatch, NftOperator } from '../nft/syntax.ts';
import { types } from '../nft/tables/datatypes.ts';
import { byName, type Part, type Scope } from './part.ts';
import { constantNumber, readParts } from './read.ts';
import { setRef } from './sets.ts';
import { rangesOf, scalarOf } from './value.ts';

const OPS: Readonly<Record<Exclude<NftOperator, 'in' | '!'>, CompareOp>> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '>': 'gt',
  '<=': 'le',
  '>=': 'ge',
};

const isSet = (node: NftExpression): boolean =>
  (typeof node === 'string' && node.startsWith('@')) || (typeof node === 'object' && 'set' in node);

/** Tests of flags: any of them (`ct state new,established`), or none (`! `). */
function bitTest(part: Part, bits: bigint, wanted: 'any' | 'none'): Match {
  const { selector, renumber } = part;
  const mask = Number(renumber?.(bits) ?? bits);
  if (selector.field === 'ct state' && selector.mask === undefined)
    return { kind: 'state', states: mask, ...(wanted === 'none' ? { not: true } : {}) };
  const before = selector.mask === undefined ? 0xffffffff : Number(selector.mask);
  const both = { ...selector, mask: (before & mask) >>> 0 };
  return { kind: 'compare', key: [both], op: wanted === 'any' ? 'ne' : 'eq', values: [0] };
}

const isPlain = ({ mask, xor, shift }: Selector): boolean => mask === undefined && xor === undefined && !shift;

/** A prefix as iptables writes it; undefined for any other range. */
function prefixText(right: NftExpression, values: readonly ValueRange[]): string | undefined {
  const [value] = values;
  if (typeof value === 'string') return `${value}/${value.includes(':') ? 128 : 32}`;
  if (typeof right !== 'object' || Array.isArray(right) || !('prefix' in right) || typeof value !== 'object')
    return undefined;
  return `${value.from}/${right.prefix.len}`;
}

const ADDRESSES: Partial<Record<Selector['field'], 'saddr' | 'daddr'>> = {
  'ip saddr': 'saddr',
  'ip daddr': 'daddr',
  'ip6 saddr': 'saddr',
  'ip6 daddr': 'daddr',
};
const DEVICES: Partial<Record<Selector['field'], 'iif' | 'oif'>> = { 'meta iifname': 'iif', 'meta oifname': 'oif' };

/** The match of iptables that says the same; undefined where none does. */
function header(
  part: Part,
  right: NftExpression,
  op: CompareOp,
  values: readonly ValueRange[],
  scope: Scope,
): Match | undefined {
  const { selector } = part;
  if (op !== 'eq' && op !== 'ne') return undefined;
  const not = op === 'ne' ? { not: true } : {};
  const [value] = values;
  if (selector.field === 'ct mark' || selector.field === 'meta mark') {
    if (typeof value !== 'number' || selector.xor !== undefined || selector.shift) return undefined;
    const mask = selector.mask === undefined ? 0xffffffff : Number(selector.mask);
    return { kind: selector.field === 'ct mark' ? 'connmark' : 'mark', value, mask, ...not };
  }
  if (!isPlain(selector)) return undefined;
  const side = ADDRESSES[selector.field];
  if (side) {
    const prefix = prefixText(right, values);
    // In a table of both families an address says the family too, which the header test does not.
    return prefix === undefined || (scope.family !== 'ip' && scope.family !== 'ip6')
      ? undefined
      : { kind: side, prefix, ...not };
  }
  const device = DEVICES[selector.field];
  if (device && typeof value === 'string' && !value.endsWith('+') && value !== '')
    return { kind: device, name: value.endsWith('\\*') ? `${value.slice(0, -2)}*` : value.replace(/\*$/, '+'), ...not };
  if (selector.field === 'meta l4proto' && typeof value === 'number')
    return { kind: 'protocol', protocol: value, ...not };
  if (selector.field === 'ct state' && typeof value === 'number') return { kind: 'state', states: value, ...not };
  return undefined;
}

const TRANSPORTS: Readonly<Record<number, 'tcp' | 'udp' | 'sctp'>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** A port with its protocol, as iptables tests both at once. */
function port({ selector, needs }: Part, op: CompareOp, [value]: readonly ValueRange[]): Match | undefined {
  const [need] = needs;
  const kind = need?.kind === 'protocol' ? TRANSPORTS[need.protocol] : undefined;
  if (!kind || (op !== 'eq' && op !== 'ne') || !isPlain(selector) || needs.length !== 1) return undefined;
  if (selector.field !== 'th sport' && selector.field !== 'th dport') return undefined;
  const [from, to] = typeof value === 'object' ? [value.from, value.to] : [value, value];
  const ports = { from: Number(from), to: Number(to), ...(op === 'ne' ? { not: true } : {}) };
  return { kind, ...(selector.field === 'th sport' ? { sport: ports } : { dport: ports }) };
}

function related(parts: readonly Part[], op: CompareOp, right: NftExpression, scope: Scope): Statement[] {
  const values = rangesOf(right, parts);
  const [first] = parts;
  const single = first && parts.length === 1 ? first : undefined;
  const both = single && port(single, op, values);
  if (both) return [both];
  const same = single && header(single, right, op, values, scope);
  const needs = parts.flatMap((part) => part.needs);
  return [...needs, same ?? { kind: 'compare', key: parts.map(({ selector }) => selector), op, values }];
}

/** `fib ... exists` and `missing`: there is a device, or there is none. */
function existence(part: Part, op: NftOperator, right: NftExpression): Match | undefined {
  if (part.selector.field !== 'fib' || (part.datatype !== types.boolean && typeof right !== 'boolean'))
    return undefined;
  const exists = (constantNumber(right, types.boolean) ?? 1n) !== 0n;
  return { kind: 'compare', key: [part.selector], op: exists === (op !== '!=') ? 'ne' : 'eq', values: [0] };
}

/** `LEFT OP RIGHT` with what nft tests before it. Throws `NftRefusal` for what nft would refuse. */
export function compileMatch({ match }: NftMatch, scope: Scope): Statement[] {
  const { op, left, right } = match;
  const read = readParts(left, scope);
  const isName = typeof right === 'string' && !/^\d+$/.test(right);
  const parts = isSet(right) || (read.length === 1 && isName) ? read.map(byName) : read;
  const needs = parts.flatMap((part) => part.needs);
  const [first] = parts;
  if (!first) return needs;
  if (parts.some(({ selector }) => selector.field === 'unmodelled')) return [...needs, unknownRelation(match, scope)];
  if (isSet(right)) {
    const set = setRef(right, { key: parts }, scope);
    return [
      ...needs,
      { kind: 'lookup', key: parts.map(({ selector }) => selector), set, ...(op === '!=' ? { not: true } : {}) },
    ];
  }
  const exists = existence(first, op, right);
  if (exists) return [...needs, exists];
  if (op === '!') return [...needs, bitTest(first, constantNumber(right, first.datatype) ?? 0n, 'none')];
  const flags = first.datatype.bitmask === true && parts.length === 1;
  const bits = flags ? constantNumber(right, first.datatype) : undefined;
  if (op === 'in') {
    if (bits !== undefined) return [...needs, bitTest(first, bits, 'any')];
    return related(parts, 'eq', right, scope);
  }
  if (bits !== undefined) {
    const value = scalarOf(bits, first);
    const same = header(first, right, OPS[op], [value], scope);
    return [...needs, same ?? { kind: 'compare', key: [first.selector], op: OPS[op], values: [value] }];
  }
  return related(parts, OPS[op], right, scope);
}

/** What is not modelled holds or not, as a whole: its value has nothing to be compared with. */
const unknownRelation = (match: NftMatch['match'], scope: Scope): Match => ({
  kind: 'unmodelled',
  text: scope.text({ match }),
});
