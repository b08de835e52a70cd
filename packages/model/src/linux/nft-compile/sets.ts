/** Sets and maps: named ones of a table, and those that stand in a rule. */
import type {
  NftElement as Element,
  NftSet as MachineSet,
  NftVerdict as MachineVerdict,
  SetRef,
  Statement,
} from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type {
  NftElem,
  NftElement,
  NftExpression,
  NftMap,
  NftSet,
  NftSetType,
  NftStatement,
  NftVerdict,
} from '../nft/syntax.ts';
import { type Datatype, datatypeNamed, types } from '../nft/tables/datatypes.ts';
import { byName, type Scope, valueType } from './part.ts';
import { readParts } from './read.ts';
import { rangesOf, type Shape, shapeOf } from './value.ts';

export function verdictOf(node: NftVerdict): MachineVerdict {
  if ('jump' in node) return { kind: 'jump', chain: node.jump.target };
  if ('goto' in node) return { kind: 'goto', chain: node.goto.target };
  if ('accept' in node) return { kind: 'accept' };
  if ('drop' in node) return { kind: 'drop' };
  return { kind: 'return' in node ? 'return' : 'continue' };
}

const VERDICTS = ['accept', 'drop', 'continue', 'return', 'jump', 'goto'];

export const isVerdict = (node: unknown): node is NftVerdict =>
  typeof node === 'object' && node !== null && VERDICTS.some((word) => word in node);

/** Statements of an element that have a say in whether it is found. */
function carried(elem: NftElem['elem'], scope: Scope): Statement[] {
  const statements: Statement[] = [];
  if (elem.limit !== undefined) statements.push({ kind: 'limit', text: scope.text({ limit: elem.limit }) });
  if (elem.quota !== undefined) statements.push({ kind: 'limit', text: scope.text({ quota: elem.quota }) });
  if (elem['ct count'] !== undefined)
    statements.push({ kind: 'limit', text: scope.text({ 'ct count': elem['ct count'] }) });
  return statements;
}

interface Unwrapped {
  node: NftExpression;
  options: Omit<Element, 'key' | 'data' | 'verdict'>;
}

function unwrap(node: NftExpression, scope: Scope): Unwrapped {
  if (typeof node !== 'object' || Array.isArray(node) || !('elem' in node)) return { node, options: {} };
  const { elem } = node;
  const statements = carried(elem, scope);
  const { timeout, expires, comment } = elem;
  return {
    node: elem.val,
    options: {
      ...(timeout === undefined ? {} : { timeout }),
      ...(expires === undefined ? {} : { expires }),
      ...(comment === undefined ? {} : { comment }),
      ...(statements.length > 0 ? { statements } : {}),
    },
  };
}

export interface Content {
  key: readonly Shape[];
  /** Maps: what values look like, or verdicts. */
  data?: readonly Shape[] | 'verdict';
}

function elementOf(given: NftElement, { key, data }: Content, scope: Scope): Element {
  const [left, right] =
    Array.isArray(given) && data ? (given as [NftExpression, NftExpression]) : [given as NftExpression];
  const { node, options } = unwrap(left, scope);
  const element: Element = { key: node === '*' ? '*' : rangesOf(node, key), ...options };
  if (!data || right === undefined) return element;
  if (data !== 'verdict') return { ...element, data: rangesOf(right, data) };
  if (!isVerdict(right)) throw new NftRefusal(`no verdict: ${JSON.stringify(right)}`);
  return { ...element, verdict: verdictOf(right) };
}

/** A list of one and a single element are the same. */
const elementsOf = (set: NftElement | NftElement[]): NftElement[] =>
  Array.isArray(set) ? (set as NftElement[]) : [set];

/** `@name`, or braces. */
export function setRef(node: NftExpression, content: Content, scope: Scope): SetRef {
  if (typeof node === 'string' && node.startsWith('@')) {
    const name = node.slice(1);
    if (!scope.declared.has(name)) throw new NftRefusal(`set ${name} is not declared, or holds what is not modelled`);
    return name;
  }
  if (typeof node !== 'object' || Array.isArray(node) || !('set' in node))
    throw new NftRefusal(`no set: ${JSON.stringify(node)}`);
  const elements = elementsOf(node.set).map((element) => elementOf(element, content, scope));
  const data = content.data === 'verdict' ? content.data : content.data?.map(({ type }) => type);
  return { type: content.key.map(({ type }) => type), elements, ...(data ? { data } : {}) };
}

/** The datatypes that `type A . B` or `typeof EXPRESSION` names. */
function datatypesOf(type: NftSetType, scope: Scope): Datatype[] {
  if (typeof type === 'object' && !Array.isArray(type))
    return readParts(type.typeof, scope).map((part) => byName(part).datatype);
  const named = [type].flat().map((name) => datatypeNamed(name) ?? types.integer);
  return named.map((datatype) => (datatype === types.interfaceIndex ? types.interfaceName : datatype));
}

export const shapesOf = (datatypes: readonly Datatype[]): Shape[] =>
  datatypes.map((datatype) => shapeOf(datatype, valueType(datatype)));

const OBJECTS = new Set([
  'counter',
  'quota',
  'limit',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'secmark',
  'synproxy',
]);

/** What a set or map is declared to hold. */
export function declaration(
  set: NftSet | NftMap,
  scope: Scope,
): { key: Datatype[]; data?: Datatype[] | 'verdict' | 'object' } {
  const key = datatypesOf(set.type, scope);
  if (!('map' in set)) return { key };
  if (set.map === 'verdict') return { key, data: 'verdict' };
  if (typeof set.map === 'string' && OBJECTS.has(set.map)) return { key, data: 'object' };
  return { key, data: datatypesOf(set.map, scope) };
}

function limits(statements: readonly NftStatement[] | undefined, scope: Scope): Statement[] {
  return (statements ?? []).flatMap((statement): Statement[] =>
    'limit' in statement || 'quota' in statement || 'ct count' in statement
      ? [{ kind: 'limit', text: scope.text(statement) }]
      : [],
  );
}

/** A named set or map with its elements. Those of a map of objects (counters, helpers) lead to nothing that decides. */
export function namedSet(set: NftSet | NftMap, scope: Scope, cause: unknown): MachineSet {
  const declared = declaration(set, scope);
  const shapes = shapesOf(declared.key);
  const data = Array.isArray(declared.data)
    ? shapesOf(declared.data)
    : declared.data === 'verdict'
      ? 'verdict'
      : undefined;
  const content: Content = { key: shapes, ...(data ? { data } : {}) };
  const each = limits(set.stmt, scope);
  const elements = (set.elem ?? []).map((given) => {
    const own = declared.data === 'object' && Array.isArray(given) ? (given[0] as NftElement) : given;
    const element = elementOf(own, content, scope);
    return each.length > 0 ? { ...element, statements: [...(element.statements ?? []), ...each] } : element;
  });
  const flags = [set.flags ?? []].flat();
  return {
    name: set.name,
    type: shapes.map(({ type }) => type),
    elements,
    ...(data ? { data: data === 'verdict' ? data : data.map(({ type }) => type) } : {}),
    ...(flags.includes('dynamic') || flags.includes('timeout') ? { dynamic: true } : {}),
    ...(set.timeout === undefined ? {} : { timeout: set.timeout }),
    ...(set.size === undefined ? {} : { size: set.size }),
    cause,
  };
}
