/** Terms back to the syntax tree, in the form in which nft lists them. */
import type { NftElement, NftExpression } from '../syntax.ts';
import { type ScalarStyle, scalarJson } from '../tables/codec.ts';
import { spanOf, spanOfKey, termOfSpan } from './interval.ts';
import type { Element, Part, SetTerm, Term, Value } from './term.ts';

const binary = (operator: string, left: NftExpression, right: NftExpression): NftExpression =>
  ({ [operator]: [left, right] }) as unknown as NftExpression;

/** Flags of a value, lowest bit first. */
function flags(value: Value, style: ScalarStyle): NftExpression[] {
  const names: NftExpression[] = [];
  for (let bit = 1n; bit <= value.value; bit <<= 1n) {
    if ((value.value & bit) !== 0n) names.push(scalarJson(bit, value.type, value.bits, style));
  }
  return names.length === 0 ? [scalarJson(0n, value.type, value.bits, style)] : names;
}

function valueJson(value: Value, style: ScalarStyle, list: boolean): NftExpression {
  if (value.type.bitmask !== true) return scalarJson(value.value, value.type, value.bits, style);
  const names = flags(value, style);
  const [first] = names;
  if (names.length === 1 && first !== undefined) return first;
  return list ? names : names.reduce((left, right) => binary('|', left, right));
}

/** Bytes of a value in the packet's order, of others in the machine's (little-endian): what the set's key holds. */
const PACKET_ORDER: ReadonlySet<string> = new Set([
  'ipv4_addr',
  'ipv6_addr',
  'ether_addr',
  'ether_type',
  'arp_op',
  'inet_service',
  'integer',
]);

function reversed(value: bigint, bytes: number): bigint {
  let rest = value;
  let out = 0n;
  for (let index = 0; index < bytes; index++) {
    out = (out << 8n) | (rest & 0xffn);
    rest >>= 8n;
  }
  return out;
}

/** Several flags are where the lowest of them is. */
function lowestFlag(term: Value): bigint {
  return term.type.bitmask === true && term.value !== 0n ? term.value & -term.value : term.value;
}

/** Sets are listed in the order of their values; undefined for `*` and for ranges in concatenations, which stay where they are. */
function orderOf(term: Term): bigint | undefined {
  if (term.is === 'value') return lowestFlag(term);
  const span = spanOf(term);
  if (span) return span.from;
  if (term.is === 'text') {
    let value = 0n;
    for (let index = term.text.length - 1; index >= 0; index--)
      value = (value << 8n) | BigInt(term.text.charCodeAt(index));
    return value;
  }
  return term.is === 'concat' ? orderOfConcat(term.parts) : undefined;
}

/** The last part counts most, as the key is read as one little-endian number. */
function orderOfConcat(parts: readonly Term[]): bigint | undefined {
  let value = 0n;
  for (const part of [...parts].reverse()) {
    if (part.is !== 'value' && part.is !== 'text') return undefined;
    const bytes = Math.max(1, Math.ceil(part.bits / 8));
    const own = orderOf(part) ?? 0n;
    const swap = part.is === 'value' && PACKET_ORDER.has(part.type.name);
    value = (value << BigInt(bytes * 8)) | (swap ? reversed(own, bytes) : own);
  }
  return value;
}

function sortElements({ elements, interval }: SetTerm): Element[] {
  if (elements.some(({ key }) => key.is === 'concat' && (interval || orderOf(key) === undefined))) return [...elements];
  const order = interval ? (term: Term) => spanOfKey(term)?.from : orderOf;
  const keyed = elements.map((element) => ({ element, order: order(element.key) }));
  keyed.sort((a, b) => {
    if (a.order === undefined || b.order === undefined) return a.order === b.order ? 0 : a.order === undefined ? 1 : -1;
    return a.order < b.order ? -1 : a.order > b.order ? 1 : 0;
  });
  return keyed.map(({ element }) => element);
}

/** Ranges of interval sets are prefixes where they can be. */
function spanned(term: Term): Term {
  if (term.is === 'concat') return { ...term, parts: term.parts.map(spanned) };
  const span = term.is === 'range' || term.is === 'prefix' ? spanOf(term) : undefined;
  return span ? termOfSpan(span, term as unknown as Part) : term;
}

function elementJson(element: Element, style: ScalarStyle): NftElement {
  const val = termJson(spanned(element.key), style);
  const key: NftExpression = element.options ? { elem: { val, ...element.options } } : val;
  if (!element.data) return key;
  return [key, termJson(element.data, style)];
}

/** Elements in the order in which nft lists them. */
export function elementsJson(set: SetTerm, style: ScalarStyle): NftElement[] {
  return sortElements(set).map((element) => elementJson(element, style));
}

/** Whether something is there stands as a number in concatenations. */
function partJson(part: Term, style: ScalarStyle): NftExpression {
  if (part.is === 'value' && part.type.codec === 'boolean') return Number(part.value);
  return termJson(part, style);
}

/** `list`: flags stand in a list, not joined by `|`. */
export function termJson(term: Term, style: ScalarStyle, list = false): NftExpression {
  switch (term.is) {
    case 'value':
      return valueJson(term, style, list);
    case 'text':
      return term.text;
    case 'prefix':
      return { prefix: { addr: scalarJson(term.value, term.type, term.bits, style), len: term.length } };
    case 'range': {
      const plain = { ...style, numericProtocol: true };
      return {
        range: [scalarJson(term.from, term.type, term.bits, plain), scalarJson(term.to, term.type, term.bits, plain)],
      };
    }
    case 'any':
      return '*';
    case 'concat':
      return { concat: term.parts.map((part) => partJson(part, style)) };
    case 'set':
      return { set: elementsJson(term, style) };
    case 'named':
      return `@${term.name}`;
    case 'verdict':
      return term.verdict;
    case 'payload':
      return term.header && term.field
        ? { payload: { protocol: term.header.name, field: term.field.name } }
        : { payload: { base: term.base, offset: term.offset, len: term.bits } };
    case 'read':
      return term.what;
    case 'hash': {
      const more = {
        ...(term.seed === undefined ? {} : { seed: term.seed }),
        ...(term.offset ? { offset: term.offset } : {}),
      };
      return { jhash: { mod: term.mod, ...more, expr: termJson(term.of, style) } };
    }
    case 'binary':
      return binary(term.operator, termJson(term.left, style), termJson(term.right, style, list));
    case 'map':
      return { map: { key: termJson(term.key, style), data: termJson(term.data, style) } };
  }
}
