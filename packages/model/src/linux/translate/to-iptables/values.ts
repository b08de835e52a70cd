/** Right sides of nftables' tests, one value at a time. */

import type { NftElement, NftExpression } from '../../nft/syntax.ts';
import { type Datatype, types } from '../../nft/tables/datatypes.ts';
import { constantNumber } from '../../nft-compile/read.ts';
import { type Context, lacks } from './head.ts';

const isObject = (node: NftExpression): node is Exclude<NftExpression, string | number | boolean | NftExpression[]> =>
  typeof node === 'object' && !Array.isArray(node);

/** Without what an element carries beside its value. */
export function plainValue(element: NftExpression): NftExpression {
  if (!isObject(element) || !('elem' in element)) return element;
  const { val, timeout, expires, limit, quota, 'ct count': count } = element.elem;
  if (timeout !== undefined || expires !== undefined) lacks('timeout', 'elements of rules do not go by themselves');
  if (limit !== undefined || quota !== undefined || count !== undefined)
    lacks('a limit of an element', 'elements of rules have no limits of their own');
  return val;
}

/** Elements of an anonymous or named set or map. Undefined: not a set. */
export function elementsOf(node: NftExpression, context: Context): readonly NftElement[] | undefined {
  if (typeof node === 'string' && node.startsWith('@')) {
    const found = context.elementsOf(node.slice(1));
    if (!found) lacks(node, 'what the set holds changes while packets come');
    return found as readonly NftElement[];
  }
  return isObject(node) && 'set' in node ? ([node.set].flat(1) as NftElement[]) : undefined;
}

/** The values that are asked for: one, or those of a set. */
export function valuesOf(node: NftExpression, context: Context): NftExpression[] {
  const elements = elementsOf(node, context);
  return elements ? elements.map((element) => plainValue(element as NftExpression)) : [node];
}

/** Throws `NotTranslated` where it is no number. */
export function numberOf(node: NftExpression, datatype: Datatype = types.integer): number {
  const value = constantNumber(node, datatype);
  if (value === undefined || value > 0xffff_ffffn) lacks(JSON.stringify(node));
  return Number(value);
}

export interface NumberRange {
  from: number;
  to: number;
}

export function numbersOf(node: NftExpression, datatype: Datatype = types.integer): NumberRange {
  if (isObject(node) && 'range' in node) {
    const [from, to] = node.range;
    return { from: numberOf(from, datatype), to: numberOf(to, datatype) };
  }
  const value = numberOf(node, datatype);
  return { from: value, to: value };
}

/** `5`, `5:7`. */
export const rangeWord = ({ from, to }: NumberRange): string => (from === to ? String(from) : `${from}:${to}`);

/** As `-s` takes it, or both ends of a range. */
export function addressOf(node: NftExpression): string | { from: string; to: string } {
  if (typeof node === 'string') return node;
  if (isObject(node)) {
    if ('prefix' in node) return `${text(node.prefix.addr)}/${node.prefix.len}`;
    if ('range' in node) return { from: text(node.range[0]), to: text(node.range[1]) };
  }
  return lacks(JSON.stringify(node));
}

function text(node: NftExpression): string {
  return typeof node === 'string' ? node : lacks(JSON.stringify(node));
}

/** A name, as of a device. */
export const textOf = text;

export const hex = (value: number): string => `0x${value.toString(16)}`;
