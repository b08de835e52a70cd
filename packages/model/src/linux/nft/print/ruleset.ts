/** A whole ruleset as `nft list ruleset` and `nft -j list ruleset` print it. */

import { type SetTypes, shapeOfSetType } from '../evaluate/shape.ts';
import type {
  NftChain,
  NftFamily,
  NftFlowtable,
  NftListing,
  NftMap,
  NftObject,
  NftRule,
  NftScript,
  NftSet,
  NftSetType,
  NftTable,
} from '../syntax.ts';
import { type PrintStyle, quote } from './expression.ts';
import { type JsonStyle, plainJson } from './json.ts';
import { chainLine, printFlowtable, printHandle, printObject, printSetBlock } from './object.ts';
import { printRuleBody } from './statement.ts';

interface TableParts {
  table: NftTable;
  objects: NftObject[];
  sets: { kind: 'set' | 'map' | 'meter'; set: NftSet | NftMap }[];
  flowtables: NftFlowtable[];
  chains: { chain: NftChain; rules: NftRule[] }[];
}

function bodyOf(object: NftObject): { family: NftFamily; table?: string; name?: string } {
  return Object.values(object)[0] as { family: NftFamily; table?: string; name?: string };
}

/** Objects by table, in the order in which tables are met; elements join their sets. */
function groupTables(objects: readonly NftObject[]): TableParts[] {
  const tables = new Map<string, TableParts>();
  const chains = new Map<string, { chain: NftChain; rules: NftRule[] }>();
  const partsOf = (family: NftFamily, name: string): TableParts => {
    const key = `${family} ${name}`;
    let parts = tables.get(key);
    if (!parts) {
      parts = { table: { family, name }, objects: [], sets: [], flowtables: [], chains: [] };
      tables.set(key, parts);
    }
    return parts;
  };
  const chainOf = (family: NftFamily, table: string, name: string): { chain: NftChain; rules: NftRule[] } => {
    const key = `${family} ${table} ${name}`;
    let found = chains.get(key);
    if (!found) {
      found = { chain: { family, table, name }, rules: [] };
      chains.set(key, found);
      partsOf(family, table).chains.push(found);
    }
    return found;
  };
  for (const object of objects) {
    if ('table' in object) partsOf(object.table.family, object.table.name).table = object.table;
    else if ('chain' in object)
      chainOf(object.chain.family, object.chain.table, object.chain.name).chain = object.chain;
    else if ('rule' in object)
      chainOf(object.rule.family, object.rule.table, object.rule.chain).rules.push(object.rule);
    else {
      const body = bodyOf(object);
      const parts = partsOf(body.family, body.table ?? '');
      if ('set' in object) parts.sets.push({ kind: 'set', set: object.set });
      else if ('map' in object) parts.sets.push({ kind: 'map', set: object.map });
      else if ('meter' in object) parts.sets.push({ kind: 'meter', set: object.meter });
      else if ('flowtable' in object) parts.flowtables.push(object.flowtable);
      else if (!('element' in object)) parts.objects.push(object);
    }
  }
  return [...tables.values()];
}

function typesOf(parts: TableParts): SetTypes {
  const sets = new Map(parts.sets.map(({ set }) => [set.name, set]));
  const shape = (type: NftSetType | undefined): ReturnType<SetTypes['key']> =>
    type === undefined ? undefined : shapeOfSetType(type);
  return {
    key: (name) => shape(sets.get(name)?.type),
    data: (name) => {
      const set = sets.get(name);
      return set && 'map' in set ? shape(set.map) : undefined;
    },
  };
}

function printChain({ chain, rules }: TableParts['chains'][number], style: PrintStyle): string {
  let text = `\tchain ${chain.name} {${printHandle(chain.handle, style)}\n`;
  if (chain.comment !== undefined) text += `\t\tcomment ${quote(chain.comment)}\n`;
  const base = chainLine(chain, style);
  if (base !== undefined) text += `\t\t${base}\n`;
  for (const rule of rules)
    text += `\t\t${style.instead?.(rule) ?? `${printRuleBody(rule, style)}${printHandle(rule.handle, style)}`}\n`;
  return `${text}\t}\n`;
}

function printTable(parts: TableParts, base: PrintStyle): string {
  const { table } = parts;
  const style: PrintStyle = { ...base, family: table.family, sets: typesOf(parts) };
  const flags = table.flags === undefined ? [] : typeof table.flags === 'string' ? [table.flags] : table.flags;
  let head = `table ${table.family} ${table.name} {${printHandle(table.handle, style)}\n`;
  if (flags.length > 0) head += `\tflags ${flags.join(',')}\n`;
  if (table.comment !== undefined) head += `\tcomment ${quote(table.comment)}\n`;
  const blocks = [
    ...parts.objects.map((object) => printObject(object, style)),
    ...parts.sets.map(({ kind, set }) => printSetBlock(kind, set, style)),
    ...parts.flowtables.map((flowtable) => printFlowtable(flowtable, style)),
    ...parts.chains.map((chain) => printChain(chain, style)),
  ];
  const gap = flags.length > 0 && blocks.length > 0 ? '\n' : '';
  return `${head}${gap}${blocks.join('\n')}}\n`;
}

/** `nft list ruleset` of these objects. */
export function printNftRuleset(objects: readonly NftObject[], style: PrintStyle = {}): string {
  return groupTables(objects)
    .map((parts) => printTable(parts, style))
    .join('');
}

/** The tree of `nft -j list ruleset`: objects in nft's order, `metainfo` first. */
export function nftRulesetJson(objects: readonly NftObject[], style: JsonStyle = {}): NftListing {
  const listed: NftObject[] = groupTables(objects).flatMap((parts): NftObject[] => [
    { table: parts.table },
    ...parts.objects,
    ...parts.sets.map(({ kind, set }) => ({ [kind]: set }) as unknown as NftObject),
    ...parts.flowtables.map((flowtable): NftObject => ({ flowtable })),
    ...parts.chains.map(({ chain }): NftObject => ({ chain })),
    ...parts.chains.flatMap(({ rules }) => rules.map((rule): NftObject => ({ rule }))),
  ]);
  return {
    nftables: [{ metainfo: { json_schema_version: 1 } }, ...listed.map((object) => plainJson(object, style, true))],
  };
}

/** What `nft -j -f` reads to make these objects: each stands behind what it names. */
export function nftCommandsJson(objects: readonly NftObject[], style: JsonStyle = {}): NftScript {
  const made: NftObject[] = groupTables(objects).flatMap((parts): NftObject[] => [
    { table: parts.table },
    ...parts.chains.map(({ chain }): NftObject => ({ chain })),
    ...parts.objects,
    ...parts.flowtables.map((flowtable): NftObject => ({ flowtable })),
    ...parts.sets.map(({ kind, set }) => ({ [kind]: set }) as unknown as NftObject),
    ...parts.chains.flatMap(({ rules }) => rules.map((rule): NftObject => ({ rule }))),
  ]);
  return { nftables: made.map((object) => ({ add: plainJson(object, style) })) };
}
