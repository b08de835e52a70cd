/** A test as nft lists it: prefixes for masks, flags in lists, fields for masked bits, one range for two bounds. */
import type { NftOperator } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { fits, foldChain, headerAt, maskedField } from './complete.ts';
import type { Protocols } from './protocols.ts';
import type { Match } from './step.ts';
import { type Binary, ones, type Part, type Payload, prefixMask, type Term, type Value } from './term.ts';

/** The numbers of a constant under another type. */
export function retype(term: Term, part: Part): Term {
  switch (term.is) {
    case 'value':
    case 'range':
    case 'prefix':
      return { ...term, type: part.type, bits: part.bits };
    case 'set':
      return { ...term, elements: term.elements.map((element) => ({ ...element, key: retype(element.key, part) })) };
    default:
      return term;
  }
}

function shiftRight(term: Term, by: number): Term {
  const shift = BigInt(by);
  switch (term.is) {
    case 'value':
      return { ...term, value: term.value >> shift };
    case 'range':
      return { ...term, from: term.from >> shift, to: term.to >> shift };
    case 'set':
      return { ...term, elements: term.elements.map((element) => ({ ...element, key: shiftRight(element.key, by) })) };
    default:
      return term;
  }
}

/** Length of the prefix that a mask is; undefined where it is none. */
function prefixLength(mask: bigint, bits: number): number | undefined {
  for (let length = 0; length <= bits; length++) if (prefixMask(bits, length) === mask) return length;
  return undefined;
}

const many = (value: bigint): boolean => (value & (value - 1n)) !== 0n;

/** `flags & mask == value` in the words for flags; undefined where it stays as it is. */
function flagTest(op: NftOperator, left: Binary, mask: bigint, right: Value): Match | undefined {
  if (op !== '==' && op !== '!=') return undefined;
  if (right.value === 0n) {
    const value: Value = { ...right, value: mask };
    return { is: 'match', op: op === '!=' ? 'in' : '!', left: left.left, right: value };
  }
  if (!many(mask) && right.value === mask) return undefined;
  return { is: 'match', op, left, right };
}

function masked(step: Match, left: Binary, known: Protocols): Match {
  const { right, op } = step;
  if (left.operator !== '&' || left.right.is !== 'value') return step;
  const mask = left.right.value;
  if (left.type.bitmask === true && right.is === 'value') return flagTest(op, left, mask, right) ?? step;
  const length = left.type.prefix === true && right.is === 'value' ? prefixLength(mask, left.bits) : undefined;
  if (length !== undefined && right.is === 'value') {
    const { type, bits } = left;
    return { ...step, left: left.left, right: { is: 'prefix', value: right.value, length, type, bits } };
  }
  const found = left.left.is === 'payload' ? maskedField(left.left, mask, known) : undefined;
  if (!found) return step;
  return { ...step, left: found.field, right: retype(shiftRight(right, found.shift), found.field) };
}

/** Bits that stand at no byte's edge are read with the bytes around them. */
function widen(step: Match, left: Payload): Match {
  const start = left.offset - (left.offset % 8);
  const end = Math.ceil((left.offset + left.bits) / 8) * 8;
  const bits = end - start;
  if (bits === left.bits) return step;
  const shift = BigInt(end - left.offset - left.bits);
  const wide: Payload = { is: 'payload', base: left.base, offset: start, bits, type: types.bits, raw: true };
  const value = (number: bigint): Value => ({ is: 'value', value: number << shift, type: types.bits, bits });
  const mask: Binary = {
    is: 'binary',
    operator: '&',
    left: wide,
    right: value(ones(left.bits)),
    type: types.bits,
    bits,
  };
  const { right } = step;
  if (right.is === 'value') return { ...step, left: mask, right: value(right.value) };
  if (right.is === 'range')
    return {
      ...step,
      left: mask,
      right: { ...right, from: right.from << shift, to: right.to << shift, type: types.bits, bits },
    };
  return step;
}

/** A value that covers several fields of a known header is one test of each. */
export function expand(step: Match, known: Protocols): Match[] {
  const { left, right } = step;
  if (left.is !== 'payload' || left.field || right.is !== 'value' || (step.op !== '==' && step.op !== '!='))
    return [step];
  const parts: Match[] = [];
  let { offset, bits } = left;
  while (bits > 0) {
    const place = headerAt(left.base, offset, known);
    const field = place?.header.fields.find(
      (entry) => entry.offset === offset - place.skipped && entry.bits <= bits && fits(entry, place.header, known),
    );
    if (!place || !field) break;
    const value = (right.value >> BigInt(bits - field.bits)) & ones(field.bits);
    const { type } = field;
    parts.push({
      is: 'match',
      op: step.op,
      left: { is: 'payload', base: left.base, offset, bits: field.bits, type, header: place.header, field },
      right: { is: 'value', value, type, bits: field.bits },
    });
    offset += field.bits;
    bits -= field.bits;
  }
  return parts.length > 0 && bits === 0 ? parts : [step];
}

export function tidyMatch(step: Match, known: Protocols): Match {
  const left = foldChain(step.left);
  let out: Match = { ...step, left };
  if (left.is === 'binary') out = masked(out, left, known);
  else if (left.is === 'payload') {
    out = { ...out, right: retype(out.right, left) };
    if (left.raw === true && !left.field) out = widen(out, left);
  }
  const { right } = out;
  if (right.is === 'prefix') return tidyPrefix(out, right.length, right.value);
  return out;
}

/** A prefix of full length is a value; types without prefixes show their mask. */
function tidyPrefix(step: Match, length: number, value: bigint): Match {
  const { left, right } = step;
  if (right.is !== 'prefix') return step;
  const { type, bits } = right;
  if (length === bits) return { ...step, right: { is: 'value', value, type, bits } };
  if (type.prefix === true || (left.is === 'payload' && length % 8 === 0 && length > 0) || left.is === 'concat')
    return step;
  const mask: Value = { is: 'value', value: prefixMask(bits, length), type, bits };
  return {
    ...step,
    left: { is: 'binary', operator: '&', left, right: mask, type, bits },
    right: { is: 'value', value, type, bits },
  };
}
