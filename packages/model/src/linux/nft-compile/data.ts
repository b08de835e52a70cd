/** Values that are written or translated to: constants, what is read from the packet, or what a map says. */
import type { DataSource } from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftExpression } from '../nft/syntax.ts';
import type { Datatype } from '../nft/tables/datatypes.ts';
import { byName, type Scope } from './part.ts';
import { readParts } from './read.ts';
import { setRef, shapesOf } from './sets.ts';
import { rangesOf } from './value.ts';

const isObject = (node: NftExpression): node is Exclude<NftExpression, string | number | boolean | NftExpression[]> =>
  typeof node === 'object' && !Array.isArray(node);

/** Something that the packet has to be asked for. */
function isRead(node: NftExpression): boolean {
  if (!isObject(node)) return false;
  if ('range' in node || 'prefix' in node) return false;
  if ('concat' in node) return node.concat.some(isRead);
  if ('|' in node) return node['|'].some(isRead);
  return true;
}

/** How many fields the values of an anonymous map have. */
function isWide(node: NftExpression): boolean {
  if (!isObject(node) || !('set' in node)) return false;
  const [first] = Array.isArray(node.set) ? node.set : [node.set];
  const data = Array.isArray(first) ? first[1] : undefined;
  return data !== undefined && typeof data === 'object' && 'concat' in data;
}

/** `wide`: the datatypes where values are concatenations. Throws `NftRefusal` for what cannot be said. */
export function dataSource(
  node: NftExpression,
  datatypes: readonly Datatype[],
  scope: Scope,
  wide = datatypes,
): DataSource {
  if (!isRead(node)) {
    const several = isObject(node) && 'concat' in node;
    return { kind: 'value', values: rangesOf(node, shapesOf(several ? wide : datatypes)) };
  }
  if (isObject(node) && 'map' in node) {
    const { key, data } = node.map;
    const parts = readParts(key, scope).map(byName);
    if (parts.some(({ needs }) => needs.length > 0) && parts.some(({ selector }) => selector.field === 'unmodelled'))
      throw new NftRefusal('the key is not modelled');
    const shapes = shapesOf(isWide(data) ? wide : datatypes);
    const map = setRef(data, { key: parts, data: shapes }, scope);
    return { kind: 'map', key: parts.map(({ selector }) => selector), map };
  }
  return { kind: 'selectors', key: readParts(node, scope).map(({ selector }) => selector) };
}

/** What nft tests before it reads the key. */
export function needsOfSource(node: NftExpression, scope: Scope) {
  const key = isObject(node) && 'map' in node ? node.map.key : node;
  return isRead(key) ? readParts(key, scope).flatMap(({ needs }) => needs) : [];
}
