/** Constants: what an expression is compared with, what elements hold, what is written. */
import type { Scalar, ValueRange } from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftExpression } from '../nft/syntax.ts';
import { printEther, printIpv4, printIpv6 } from '../nft/tables/address.ts';
import { parseScalar } from '../nft/tables/codec.ts';
import type { Datatype } from '../nft/tables/datatypes.ts';
import type { Part } from './part.ts';
import { constantNumber } from './read.ts';

/** What values of one component look like. */
export type Shape = Pick<Part, 'datatype' | 'type' | 'renumber'>;

export function scalarOf(value: bigint, { type, renumber }: Shape): Scalar {
  switch (type) {
    case 'ipv4_addr':
      return printIpv4(value);
    case 'ipv6_addr':
      return printIpv6(value);
    case 'ether_addr':
      return printEther(value, 48);
    default: {
      const number = renumber?.(value) ?? value;
      if (number > 0xffff_ffffn) throw new NftRefusal(`${number} has more than 32 bits`);
      return Number(number);
    }
  }
}

const bitsOf = ({ datatype }: Shape): number => datatype.bits || 32;

function one(node: NftExpression, shape: Shape): Scalar | bigint {
  if (typeof node === 'string' || typeof node === 'number' || typeof node === 'boolean') {
    const value = parseScalar(node, shape.datatype);
    // A name; where the machine keeps numbers it means nothing.
    return typeof value === 'string' && shape.type !== 'ifname' ? refuse(node) : value;
  }
  return constantNumber(node, shape.datatype) ?? refuse(node);
}

const refuse = (node: NftExpression): never => {
  throw new NftRefusal(`not a constant: ${JSON.stringify(node)}`);
};

function numberOf(node: NftExpression, shape: Shape): bigint {
  const value = one(node, shape);
  return typeof value === 'bigint' ? value : refuse(node);
}

/** One component: a value, a range or a prefix. Throws `NftRefusal` for anything else. */
export function rangeOf(node: NftExpression, shape: Shape): ValueRange {
  if (typeof node === 'object' && !Array.isArray(node)) {
    if ('range' in node) {
      const [from, to] = node.range;
      return { from: scalarOf(numberOf(from, shape), shape), to: scalarOf(numberOf(to, shape), shape) };
    }
    if ('prefix' in node) {
      const first = numberOf(node.prefix.addr, shape);
      const bits = bitsOf(shape);
      const { len } = node.prefix;
      if (!Number.isInteger(len) || len < 0 || len > bits)
        throw new NftRefusal(`Prefix length ${len} is invalid for type of ${bits} bits width`);
      const rest = (1n << BigInt(bits - len)) - 1n;
      return { from: scalarOf(first & ~rest, shape), to: scalarOf(first | rest, shape) };
    }
  }
  const value = one(node, shape);
  return typeof value === 'bigint' ? scalarOf(value, shape) : value;
}

/** All components of a key or value. */
export function rangesOf(node: NftExpression, shapes: readonly Shape[]): ValueRange[] {
  const parts =
    typeof node === 'object' && !Array.isArray(node) && 'concat' in node && shapes.length > 1 ? node.concat : [node];
  if (parts.length !== shapes.length) throw new NftRefusal(`${parts.length} values for ${shapes.length} fields`);
  return parts.map((part, i) => rangeOf(part, shapes[i] as Shape));
}

/** The shape of values of a declared type. */
export function shapeOf(datatype: Datatype, type: Part['type']): Shape {
  return { datatype, type };
}
