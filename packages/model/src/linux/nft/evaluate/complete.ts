/** The field that bits of the packet are, as far as the tests before tell which header stands there (nftables' payload_expr_complete). */
import { types } from '../tables/datatypes.ts';
import { type Field, type Header, icmpTypeFor } from '../tables/headers.ts';
import { portField } from './left.ts';
import type { Protocols } from './protocols.ts';
import { type Binary, ones, type Payload, type Term } from './term.ts';

interface Place {
  header: Header;
  /** Bits of the headers before it. */
  skipped: number;
}

/** The header of a layer that holds an offset. */
export function headerAt(base: Payload['base'], offset: number, known: Protocols): Place | undefined {
  const top = known.layers[base];
  if (!top || top.fields.length === 0) return undefined;
  if (base !== 'll') return { header: top, skipped: 0 };
  let rest = offset;
  let skipped = 0;
  for (const stacked of known.stacked) {
    const length = stacked.length ?? 0;
    if (rest < length) return { header: stacked, skipped };
    rest -= length;
    skipped += length;
  }
  return { header: top, skipped };
}

/** Fields of ICMP that the type tested before does not have are passed over. */
export function fits(field: Field, header: Header, known: Protocols): boolean {
  return field.icmp === undefined || known.icmpType === 0 || known.icmpType === icmpTypeFor(header, field.icmp);
}

export function complete(payload: Payload, known: Protocols): Payload {
  const place = headerAt(payload.base, payload.offset, known);
  const field = place?.header.fields.find(
    (entry) =>
      entry.offset === payload.offset - place.skipped &&
      entry.bits === payload.bits &&
      fits(entry, place.header, known),
  );
  const { base, offset, bits } = payload;
  if (place && field) return { is: 'payload', base, offset, bits, type: field.type, header: place.header, field };
  if (base === 'th' && bits === 16 && (offset === 0 || offset === 16)) return portField(offset);
  return { is: 'payload', base, offset, bits, type: types.bits, raw: true };
}

/** Lowest and one past the highest bit of a mask without holes. */
function run(mask: bigint): { low: number; high: number } | undefined {
  if (mask === 0n) return undefined;
  let low = 0;
  while (((mask >> BigInt(low)) & 1n) === 0n) low++;
  const high = mask.toString(2).length;
  return mask >> BigInt(low) === ones(high - low) ? { low, high } : undefined;
}

/** Bits picked by a mask that are a field: the field, and how far a value has to be shifted to be compared with it. */
export function maskedField(
  left: Payload,
  mask: bigint,
  known: Protocols,
): { field: Payload; shift: number } | undefined {
  if (left.field && left.header?.name !== 'th') return undefined;
  const bits = run(mask);
  if (!bits) return undefined;
  const field = complete({ ...left, offset: left.offset + left.bits - bits.high, bits: bits.high - bits.low }, known);
  return field.field ? { field, shift: bits.low } : undefined;
}

/** Chains of `&`, `|`, `^` as the kernel keeps them, one mask and one number to turn bits with. */
export function foldChain(term: Term): Term {
  if (term.is !== 'binary' || term.operator === '<<' || term.operator === '>>') return term;
  const all = ones(term.bits);
  const chain: Binary[] = [];
  let left: Term = term;
  while (left.is === 'binary' && left.operator !== '<<' && left.operator !== '>>' && left.right.is === 'value') {
    chain.unshift(left);
    left = left.left;
  }
  if (chain.length === 0) return term;
  let mask = all;
  let turn = 0n;
  for (const { operator, right } of chain) {
    const value = right.is === 'value' ? right.value : 0n;
    if (operator === '&') {
      mask &= value;
      turn &= value;
    } else if (operator === '|') {
      mask &= all ^ value;
      turn |= value;
    } else turn ^= value;
  }
  const either = (mask & turn) ^ turn;
  turn &= mask;
  mask |= either;
  let out: Term = left;
  const { type, bits } = term;
  const join = (operator: Binary['operator'], value: bigint): void => {
    out = { is: 'binary', operator, left: out, right: { is: 'value', value, type, bits }, type, bits };
  };
  if (mask !== all) join('&', mask);
  if (turn !== 0n) join('^', turn);
  if (either !== 0n) join('|', either);
  return out;
}
