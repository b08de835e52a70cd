/** Types of the expressions of a tree, which say how the values beside them are written. */

import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression, NftSetType } from '../syntax.ts';
import { datatypeNamed, types } from '../tables/datatypes.ts';
import { binaryOf } from './constant.ts';
import { resolveRead } from './left.ts';
import { type Part, type Shape, shapeOf } from './term.ts';

/** Types of the keys of named sets and of the values of named maps, where they are known. */
export interface SetTypes {
  key(name: string): Shape | undefined;
  data(name: string): Shape | undefined;
}

export const NO_SETS: SetTypes = { key: () => undefined, data: () => undefined };

/** What an expression that is read gives; empty where that is not known. */
export function shapeOfExpression(node: NftExpression, sets: SetTypes = NO_SETS): Shape {
  if (typeof node === 'string' && node.startsWith('@')) return sets.key(node.slice(1)) ?? [];
  if (typeof node !== 'object' || Array.isArray(node)) return [];
  if ('concat' in node) return node.concat.flatMap((part) => shapeOfExpression(part, sets));
  if ('elem' in node) return shapeOfExpression(node.elem.val, sets);
  if ('map' in node) return typeof node.map.data === 'string' ? (sets.data(node.map.data.slice(1)) ?? []) : [];
  const binary = binaryOf(node);
  if (binary) return shapeOfExpression(binary.left, sets);
  try {
    const term = resolveRead(node, () => ({ is: 'any' }));
    return term ? shapeOf(term) : [];
  } catch (error) {
    if (error instanceof NftRefusal) return [];
    throw error;
  }
}

/** Parts of the type of a set; undefined where a name is not known. */
export function shapeOfSetType(type: NftSetType): Shape | undefined {
  if (typeof type === 'object' && !Array.isArray(type)) {
    const shape = shapeOfExpression(type.typeof);
    return shape.length === 0 ? undefined : shape;
  }
  const names = typeof type === 'string' ? [type] : type;
  const parts: Part[] = [];
  for (const name of names) {
    const known = datatypeNamed(name);
    if (!known) return undefined;
    parts.push({ type: known, bits: known.bits });
  }
  return parts;
}

/** Type of an object's name. */
export const NAME_SHAPE: Shape = [{ type: types.string, bits: 0 }];
