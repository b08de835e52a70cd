/** Expressions whose names are resolved: values are numbers of a datatype, fields have their place in the packet. */
import type { NftBinaryOperator, NftElem, NftExpression, NftPayloadBase, NftVerdict } from '../syntax.ts';
import type { Datatype } from '../tables/datatypes.ts';
import type { Field, Header } from '../tables/headers.ts';
import type { Key } from '../tables/keys.ts';

/** One part of a concatenation, or the whole of a simple value. */
export interface Part {
  type: Datatype;
  bits: number;
  /** Largest value, where it is below what the bits hold. */
  max?: number;
}

export type Shape = readonly Part[];

export interface Value extends Part {
  is: 'value';
  value: bigint;
}

/** A name: of a link, an account, a chain, an object. */
interface Text extends Part {
  is: 'text';
  text: string;
}

interface Prefix extends Part {
  is: 'prefix';
  value: bigint;
  length: number;
}

interface Range extends Part {
  is: 'range';
  from: bigint;
  to: bigint;
}

interface Any {
  is: 'any';
}

interface Concat {
  is: 'concat';
  parts: Term[];
}

export interface SetTerm {
  is: 'set';
  elements: Element[];
  /** Elements may be ranges. */
  interval: boolean;
}

type ElementOptions = Omit<NftElem['elem'], 'val'>;

export interface Element {
  key: Term;
  data?: Term;
  options?: ElementOptions;
}

interface Named {
  is: 'named';
  name: string;
  key: Shape;
}

interface Verdict {
  is: 'verdict';
  verdict: NftVerdict;
}

/** Bits of the packet. `field` is known where the protocol is; `raw`: written by place, so nothing follows from it. */
export interface Payload extends Part {
  is: 'payload';
  base: NftPayloadBase;
  /** In bits, from the start of the layer's first header. */
  offset: number;
  header?: Header;
  field?: Field;
  raw?: boolean;
}

/** Anything else that is read and has no parts: `meta`, `ct`, options. */
export interface Read extends Part {
  is: 'read';
  what: NftExpression;
  key?: Key;
}

interface Hash extends Part {
  is: 'hash';
  mod: number;
  offset?: number;
  seed?: number;
  of: Term;
}

export interface Binary extends Part {
  is: 'binary';
  operator: NftBinaryOperator;
  left: Term;
  right: Term;
}

export interface MapTerm extends Part {
  is: 'map';
  key: Term;
  data: SetTerm | Named;
}

export type Term =
  | Value
  | Text
  | Prefix
  | Range
  | Any
  | Concat
  | SetTerm
  | Named
  | Verdict
  | Payload
  | Read
  | Hash
  | Binary
  | MapTerm;

export const isConstant = (term: Term): boolean =>
  term.is === 'value' ||
  term.is === 'text' ||
  term.is === 'prefix' ||
  term.is === 'range' ||
  term.is === 'any' ||
  term.is === 'verdict' ||
  term.is === 'set' ||
  term.is === 'named' ||
  (term.is === 'concat' && term.parts.every(isConstant)) ||
  (term.is === 'binary' && isConstant(term.left));

/** What values a term takes. */
export function shapeOf(term: Term): Shape {
  switch (term.is) {
    case 'concat':
      return term.parts.flatMap(shapeOf);
    case 'named':
      return term.key;
    case 'set': {
      const first = term.elements[0];
      return first ? shapeOf(first.key) : [];
    }
    case 'any':
    case 'verdict':
      return [];
    default:
      return [{ type: term.type, bits: term.bits, ...(term.max === undefined ? {} : { max: term.max }) }];
  }
}

export const ones = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

/** Mask of a prefix in a value of `bits`. */
export const prefixMask = (bits: number, length: number): bigint => ones(length) << BigInt(bits - length);

/** Name of a shape, as in messages: `ipv4_addr . inet_service`. */
export const shapeName = (shape: Shape): string => shape.map((part) => part.type.name).join(' . ');

/**
 * May a value of the one be compared with the other? Types must be the same; plain integers only have to be as wide as each other where
 * both widths are known.
 */
export function comparable(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((part, index) => part.type.name === right[index]?.type.name);
}
