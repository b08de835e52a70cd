/** Constants, resolved by the type of what they are compared with (nftables' expr_evaluate of symbols, ranges, prefixes, lists). */
import { NftRefusal } from '../base/refusal.ts';
import type { NftBinaryOperator, NftElement, NftExpression } from '../syntax.ts';
import { parseScalar } from '../tables/codec.ts';
import { types } from '../tables/datatypes.ts';
import { requireSet, type TableScope } from './scope.ts';
import { type Element, ones, type Part, prefixMask, type Shape, shapeName, type Term, type Value } from './term.ts';

const BINARY = ['&', '|', '^', '<<', '>>'] as const;

/** The operator of a node and its two sides. */
export function binaryOf(
  node: NftExpression,
): { operator: NftBinaryOperator; left: NftExpression; right: NftExpression } | undefined {
  if (typeof node !== 'object' || Array.isArray(node)) return undefined;
  for (const operator of BINARY) {
    if (!(operator in node)) continue;
    const sides = (node as Record<string, NftExpression[]>)[operator] ?? [];
    const [first, ...rest] = sides;
    const last = rest.at(-1);
    if (first === undefined || last === undefined) throw new NftRefusal(`operator ${operator} takes two sides`);
    const left = rest.length === 1 ? first : ({ [operator]: sides.slice(0, -1) } as unknown as NftExpression);
    return { operator, left, right: last };
  }
  return undefined;
}

export function fold(operator: NftBinaryOperator, left: bigint, right: bigint, bits: number): bigint {
  const mask = bits > 0 ? ones(bits) : -1n;
  switch (operator) {
    case '&':
      return left & right & mask;
    case '|':
      return (left | right) & mask;
    case '^':
      return (left ^ right) & mask;
    case '<<':
      return (left << right) & mask;
    case '>>':
      return (left & mask) >> right;
  }
}

const IFNAMSIZ = 16;

/** The longest text that a value of this width holds, the closing zero byte counted out. */
function checkText(text: string, part: Part): void {
  // Who that is the host's own files say.
  if (part.type === types.user || part.type === types.group)
    throw new NftRefusal(`${part.type === types.user ? 'User' : 'Group'} "${text}" is not known here`);
  if (text === '') throw new NftRefusal('Empty string is not allowed');
  if (text === '*') throw new NftRefusal('All-wildcard strings are not supported');
  // A device is named where its index is kept.
  const bytes = part.type.codec === 'interface' ? IFNAMSIZ : part.bits / 8;
  if (bytes > 0 && text.replace('\\*', '*').length >= bytes + (text.endsWith('*') ? 1 : 0))
    throw new NftRefusal(`String exceeds maximum length of ${bytes}`);
}

function checked(value: bigint, part: Part): Value {
  const max = part.max === undefined ? (part.bits > 0 ? ones(part.bits) : undefined) : BigInt(part.max);
  if (max !== undefined && value > max) throw new NftRefusal(`Value ${value} exceeds valid range 0-${max}`);
  return { is: 'value', value, type: part.type, bits: part.bits };
}

function scalar(given: string | number | boolean, part: Part, scope: TableScope): Term {
  const value = parseScalar(given, part.type, scope.options);
  if (typeof value === 'bigint') return checked(value, part);
  checkText(value, part);
  return { is: 'text', text: value, type: part.type, bits: part.bits };
}

function number(term: Term, what: string): bigint {
  if (term.is !== 'value') throw new NftRefusal(`${what} is undefined for ${term.is} expressions`);
  return term.value;
}

/** A value of one part: also a range, a prefix, or flags in a list. */
function single(node: NftExpression, part: Part, scope: TableScope): Term {
  if (typeof node !== 'object') return scalar(node, part, scope);
  if (Array.isArray(node)) return flagList(node, part, scope);
  if ('range' in node) {
    const from = number(single(node.range[0], part, scope), 'Range');
    const to = number(single(node.range[1], part, scope), 'Range');
    return { is: 'range', from, to, type: part.type, bits: part.bits };
  }
  if ('prefix' in node) {
    const base = single(node.prefix.addr, part, scope);
    const value = number(base, 'Prefix expression');
    const length = node.prefix.len;
    if (length > part.bits)
      throw new NftRefusal(`Prefix length ${length} is invalid for type of ${part.bits} bits width`);
    return { is: 'prefix', value: value & prefixMask(part.bits, length), length, type: part.type, bits: part.bits };
  }
  if ('elem' in node) return single(node.elem.val, part, scope);
  const binary = binaryOf(node);
  if (binary) {
    const left = number(single(binary.left, part, scope), `Binary operation (${binary.operator})`);
    const shift = binary.operator === '<<' || binary.operator === '>>';
    const other = shift ? { type: types.integer, bits: 32 } : part;
    const right = number(single(binary.right, other, scope), `Binary operation (${binary.operator})`);
    return checked(fold(binary.operator, left, right, part.bits), part);
  }
  throw new NftRefusal('Right hand side of relational expression must be constant');
}

function flagList(nodes: readonly NftExpression[], part: Part, scope: TableScope): Value {
  if (part.type.bitmask !== true) throw new NftRefusal(`Basetype of type ${part.type.name} is not bitmask`);
  let value = 0n;
  for (const node of nodes) value |= number(single(node, part, scope), 'List member');
  return { is: 'value', value, type: part.type, bits: part.bits };
}

export function checkOrder(term: Term): void {
  if (term.is === 'range' && term.from > term.to) throw new NftRefusal('Range has zero or negative size');
  if (term.is === 'concat') term.parts.forEach(checkOrder);
}

/** A constant of the given shape; a set is resolved by `resolveElements`. Throws `NftRefusal`. */
export function resolveConstant(node: NftExpression, shape: Shape, scope: TableScope): Term {
  if (typeof node === 'string' && node.startsWith('@')) {
    const set = requireSet(scope, node);
    return { is: 'named', name: set.name, key: set.key };
  }
  if (typeof node === 'object' && !Array.isArray(node)) {
    if ('set' in node) return resolveElements(Array.isArray(node.set) ? node.set : [node.set], shape, scope);
    if ('concat' in node) {
      if (node.concat.length !== shape.length || shape.length < 2)
        throw new NftRefusal(
          `datatype mismatch, expected ${shapeName(shape)}, expression has ${node.concat.length} parts`,
        );
      return { is: 'concat', parts: node.concat.map((part, index) => single(part, shape[index] as Part, scope)) };
    }
    if ('elem' in node) return resolveConstant(node.elem.val, shape, scope);
  }
  const [part, more] = shape;
  if (!part) throw new NftRefusal('no type for this value');
  if (more) throw new NftRefusal(`datatype mismatch, expected ${shapeName(shape)}`);
  return single(node, part, scope);
}

export interface DataShape {
  shape: Shape | 'verdict';
  /** Ranges and prefixes may stand as values. */
  interval?: boolean;
}

/** Elements of a set, of a map where `data` says what its values are. Sets inside are opened. */
export function resolveElements(
  nodes: readonly NftElement[],
  shape: Shape,
  scope: TableScope,
  data?: DataShape,
): { is: 'set'; elements: Element[]; interval: boolean } {
  const elements: Element[] = [];
  let interval = false;
  const add = (node: NftElement): void => {
    const pair = data !== undefined && Array.isArray(node) && node.length === 2 ? node : undefined;
    const keyNode = (pair ? pair[0] : node) as NftExpression;
    if (data && !pair) throw new NftRefusal('map element without a value');
    const elem = typeof keyNode === 'object' && !Array.isArray(keyNode) && 'elem' in keyNode ? keyNode.elem : undefined;
    const plain = elem ? elem.val : keyNode;
    if (typeof plain === 'object' && !Array.isArray(plain) && 'set' in plain) {
      const inner = Array.isArray(plain.set) ? plain.set : [plain.set];
      for (const each of inner) add(pair ? [each as NftExpression, pair[1] as NftExpression] : each);
      return;
    }
    if (typeof plain === 'string' && plain.startsWith('@'))
      throw new NftRefusal('Set reference cannot be part of another set');
    const key: Term = plain === '*' ? { is: 'any' } : resolveConstant(plain, shape, scope);
    checkOrder(key);
    if (isInterval(key)) interval = true;
    const options = elem ? optionsOf(elem) : undefined;
    const element: Element = { key, ...(options === undefined ? {} : { options }) };
    if (data && pair) element.data = resolveData(pair[1] as NftExpression, data, scope);
    elements.push(element);
  };
  for (const node of nodes) add(node);
  return { is: 'set', elements, interval };
}

function optionsOf(elem: { val: NftExpression }): Element['options'] {
  const { val: _, ...options } = elem;
  return Object.keys(options).length === 0 ? undefined : options;
}

function resolveData(node: NftExpression, data: DataShape, scope: TableScope): Term {
  if (data.shape === 'verdict') {
    const verdict = typeof node === 'object' && !Array.isArray(node) ? node : undefined;
    if (
      verdict &&
      ('accept' in verdict ||
        'drop' in verdict ||
        'continue' in verdict ||
        'return' in verdict ||
        'jump' in verdict ||
        'goto' in verdict)
    )
      return { is: 'verdict', verdict };
    throw new NftRefusal('datatype mismatch, expected verdict');
  }
  const value = resolveConstant(node, data.shape, scope);
  checkOrder(value);
  if (data.interval !== true && isInterval(value)) throw new NftRefusal('Value must be a singleton');
  return value;
}

/** Does it stand for more than one value? */
export function isInterval(term: Term): boolean {
  if (term.is === 'concat') return term.parts.some(isInterval);
  if (term.is === 'text') return term.text.endsWith('*') && !term.text.endsWith('\\*');
  return term.is === 'range' || term.is === 'prefix';
}
