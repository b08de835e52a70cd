/** nftables for the machine: a ruleset that was read becomes tables of rules, each with the statement that it was made of. */
import type { NftSet as MachineSet, Rule, Statement, Table, TableFamily } from '@podwire/engine';
import { printExpression } from '../nft/print/expression.ts';
import { printNftRuleset } from '../nft/print/ruleset.ts';
import { printRuleBody, printStatement } from '../nft/print/statement.ts';
import type { NftExpression, NftMap, NftObject, NftRule, NftSet, NftStatement } from '../nft/syntax.ts';
import type { Scope } from './part.ts';
import { type CompileOptions, compileNft } from './ruleset.ts';
import { declaration, namedSet } from './sets.ts';
import { compileStatement } from './statement.ts';

/** As nft prints it. */
function textOf(node: unknown): string {
  if (typeof node !== 'object' || node === null) return String(node);
  const [word = ''] = Object.keys(node);
  return READ.has(word) ? printExpression(node as NftExpression) : printStatement(node as NftStatement);
}

/** Words of expressions; everything else is a statement. */
const READ = new Set([
  'payload',
  'meta',
  'ct',
  'rt',
  'fib',
  'exthdr',
  'tcp option',
  'ip option',
  'sctp chunk',
  'socket',
  'osf',
  'ipsec',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  'jhash',
  'symhash',
  'numgen',
  'concat',
]);

/** The machine's tables, in the order of the ruleset. */
export function nftTables(objects: readonly NftObject[], options: Pick<CompileOptions, 'cause'> = {}): Table[] {
  return compileNft(objects, { ...options, text: textOf });
}

/** Statements of one rule. `declared`: the named sets that it may ask for, by `declaredSet`. */
export const nftStatements = (
  expr: readonly NftStatement[],
  family: TableFamily,
  declared: Scope['declared'] = new Map(),
): Statement[] => expr.flatMap((statement) => compileStatement(statement, { family, declared, text: textOf }));

/** A named set or map with its elements, and what rules see of it. Throws `NftRefusal` for what is not modelled. */
export function declaredSet(
  set: NftSet | NftMap,
  family: TableFamily,
  cause: unknown,
): { set: MachineSet; declared: DeclaredSet } {
  const scope: Scope = { family, declared: new Map(), text: textOf };
  return { set: namedSet(set, scope, cause), declared: declaration(set, scope) };
}

export type DeclaredSet = ReturnType<typeof declaration>;

/** The objects of a table, those of the tables below it included where it has none of the same name. */
function objectsOf(table: Table): NftObject[] {
  const layers: NftObject[][] = [];
  for (let layer: Table | undefined = table; layer; layer = layer.base)
    if (Array.isArray(layer.source)) layers.unshift(layer.source as NftObject[]);
  if (layers.length < 2) return layers[0] ?? [];
  const named = new Map<string, NftObject>();
  const rules = new Map<string, NftObject[]>();
  for (const layer of layers)
    for (const object of layer) {
      if ('rule' in object) rules.get(object.rule.chain)?.push(object);
      else {
        const [[kind, body] = ['', { name: '' }]] = Object.entries(object) as [string, { name: string }][];
        named.set(`${kind} ${body.name}`, object);
        if (kind === 'chain') rules.set(body.name, []);
      }
    }
  return [...named.values(), ...[...rules.values()].flat()];
}

/** The rule as nft prints it. Throws for one that was not made of nftables' text. */
export function nftRuleText({ source }: Rule, family: Table['family']): string {
  if (typeof source !== 'object' || source === null || !('expr' in source)) throw new Error('not a rule of nftables');
  return printRuleBody(source as NftRule, { family, stateless: true });
}

/** `nft list ruleset` of the tables that were made of nftables' text. */
export function printNftTables(tables: readonly Table[]): string {
  return printNftRuleset(tables.flatMap(objectsOf));
}
