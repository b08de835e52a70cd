/** nftables for the machine: a ruleset that was read becomes tables of rules, each with the statement that it was made of. */
import type { Rule, Statement, Table, TableFamily } from '@podwire/engine';
import { printExpression } from '../nft/print/expression.ts';
import { printNftRuleset } from '../nft/print/ruleset.ts';
import { printRuleBody, printStatement } from '../nft/print/statement.ts';
import type { NftExpression, NftObject, NftRule, NftStatement } from '../nft/syntax.ts';
import { type CompileOptions, compileNft } from './ruleset.ts';
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

/** Statements of one rule that names no sets. */
export const nftStatements = (expr: readonly NftStatement[], family: TableFamily): Statement[] =>
  expr.flatMap((statement) => compileStatement(statement, { family, declared: new Map(), text: textOf }));

/** The rule as nft prints it. Throws for one that was not made of nftables' text. */
export function nftRuleText({ source }: Rule, family: Table['family']): string {
  if (typeof source !== 'object' || source === null || !('expr' in source)) throw new Error('not a rule of nftables');
  return printRuleBody(source as NftRule, { family, stateless: true });
}

/** `nft list ruleset` of the tables that were made of nftables' text. */
export function printNftTables(tables: readonly Table[]): string {
  return printNftRuleset(tables.flatMap(({ source }) => (Array.isArray(source) ? (source as NftObject[]) : [])));
}
