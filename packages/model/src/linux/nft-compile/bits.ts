/** Bit operations on what was read, as the machine has them: ((value & mask) ^ xor), then shifted. */
import type { Scalar, Selector } from '@podwire/engine';
import { printIpv4, printIpv6 } from '../nft/tables/address.ts';
import type { Part } from './part.ts';

export type Operator = '&' | '|' | '^' | '<<' | '>>';

const WIDTHS = { integer: 32, ipv4_addr: 32, ipv6_addr: 128, ether_addr: 48, ifname: 0 } as const;

const onesOf = (part: Part): bigint => (1n << BigInt(WIDTHS[part.type])) - 1n;

const etherText = (value: bigint): string =>
  value
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?!$)/g, '$&:');

function scalarOf(part: Part, value: bigint): Scalar {
  if (part.type === 'ipv4_addr') return printIpv4(value);
  if (part.type === 'ether_addr') return etherText(value);
  return part.type === 'ipv6_addr' ? printIpv6(value) : Number(value);
}

/** Undefined: more than the machine's three operations can say. */
export function withOperator(part: Part, operator: Operator, operand: bigint | undefined): Part | undefined {
  if (operand === undefined || part.type === 'ifname') return undefined;
  const { selector } = part;
  if (selector.field === 'unmodelled') return part;
  if (operator === '<<' || operator === '>>') {
    if (part.type === 'ether_addr') return undefined;
    const shift = (selector.shift ?? 0) + (operator === '>>' ? Number(operand) : -Number(operand));
    // Back and forth loses bits, which one shift cannot.
    if (selector.shift && Math.sign(selector.shift) !== Math.sign(shift)) return undefined;
    return { ...part, selector: { ...selector, shift } };
  }
  if (selector.shift) return shiftedBefore(part, selector, selector.shift, operator, operand);
  return withBits(part, combined(part, selector, operator, operand));
}

/** The bits of a field that was shifted right are those further up before the shift. */
function shiftedBefore(
  part: Part,
  selector: Selector,
  shift: number,
  operator: Operator,
  operand: bigint,
): Part | undefined {
  if (shift < 0) return undefined;
  const up = operand << BigInt(shift);
  // What `&` leaves must not lose the bits below: they are shifted out anyway.
  const bits = operator === '&' ? up | ((1n << BigInt(shift)) - 1n) : up;
  return withBits(part, combined(part, selector, operator, bits));
}

type Bits = Pick<Selector, 'mask' | 'xor'>;

function withBits(part: Part, bits: Bits | undefined): Part | undefined {
  if (!bits) return undefined;
  const { mask: _mask, xor: _xor, ...rest } = part.selector;
  return { ...part, selector: { ...rest, ...bits } as Selector };
}

/** Undefined: a second operation on an address. */
function combined(part: Part, { mask, xor }: Selector, operator: Operator, operand: bigint): Bits | undefined {
  const all = onesOf(part);
  const number = (scalar: Scalar | undefined, absent: bigint) =>
    scalar === undefined ? absent : typeof scalar === 'number' ? BigInt(scalar) : undefined;
  let bits = number(mask, all);
  let flipped = number(xor, 0n);
  if (bits === undefined || flipped === undefined) return undefined;
  if (operator === '&') {
    bits &= operand;
    flipped &= operand;
  } else if (operator === '|') {
    bits &= all ^ operand;
    flipped = (flipped & (all ^ operand)) | operand;
  } else {
    flipped ^= operand;
  }
  return {
    ...(bits === all ? {} : { mask: scalarOf(part, bits) }),
    ...(flipped === 0n ? {} : { xor: scalarOf(part, flipped) }),
  };
}
