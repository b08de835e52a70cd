/** Rules and objects of nftables, in text and JSON: what is taken and refused, and how nft lists it back. */
import {
  type NftFamily,
  NftRefusal,
  type NftStatement,
  printRuleBody,
  Ruleset,
  readRule,
  readScript,
  statementJson,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';

interface Target {
  family: NftFamily;
  table: string;
  chains: string[];
}

interface RuleCase {
  id: string;
  stmt: 'rule' | 'set' | 'element' | 'object';
  targets: Target[];
  chain_defs: Record<string, string>;
  rule: string;
  expect: 'ok' | 'fail';
  canonical: string | null;
  json: NftStatement[] | null;
  json_out?: NftStatement[];
  setup: string[];
}

/** The suite's clock (POSIX TZ=UTC-2). */
const UTC_OFFSET = 7200;

/** Elements of anonymous sets stand in no fixed order: each `{ … }` is compared in sorted order, blanks left out. */
function normalText(text: string): string {
  let out = text
    .replace(/\s+/g, ' ')
    .replaceAll(/ ?([{},:]) ?/g, '$1')
    .replaceAll(/ ?- ?(?=\d)/g, '-')
    .trim();
  out = out.replaceAll(/\{([^{}]*)\}/g, (_, inner: string) => `{${inner.split(',').sort().join(',')}}`);
  return out;
}

/** Keys of objects in order. */
function normalJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalJson);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const plain = key === 'set' && Array.isArray(inner) ? [...inner].map(normalJson) : normalJson(inner);
    return [key, key === 'set' && Array.isArray(plain) ? sorted(plain) : plain];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const sorted = (values: unknown[]): unknown[] =>
  values
    .map((value) => JSON.stringify(value))
    .sort()
    .map((text): unknown => JSON.parse(text));

function message(error: unknown): string {
  if (error instanceof NftRefusal) return error.message;
  throw error;
}

function prepare(target: Target, row: RuleCase): Ruleset {
  const ruleset = new Ruleset({ utcOffset: UTC_OFFSET, numericProtocol: true });
  const table = `${target.family} ${target.table}`;
  const lines = [
    `add table ${table}`,
    ...target.chains.map((chain) => `add chain ${table} ${chain} { ${row.chain_defs[chain] ?? ''}; }`),
    ...row.setup.map((line) => line.replace('{table}', table)),
  ];
  for (const line of lines) for (const command of readScript(line).commands) ruleset.apply(command);
  return ruleset;
}

/** What is wrong with one rule in one chain; undefined where all is as expected. */
function judgeRule(target: Target, chain: string, row: RuleCase): string | undefined {
  const ruleset = prepare(target, row);
  const place = { family: target.family, table: target.table, chain };
  const style = { family: target.family, stateless: true, numericProtocol: true, utcOffset: UTC_OFFSET };
  const print = (expr: NftStatement[]): string => printRuleBody({ expr }, style);
  const list = (expr: NftStatement[]): NftStatement[] => ruleset.rule({ ...place, expr }).expr;
  let listed: NftStatement[];
  try {
    listed = list(readRule(row.rule).expr);
  } catch (error) {
    return row.expect === 'fail' ? undefined : `refused: ${message(error)}`;
  }
  const text = print(listed);
  if (row.expect === 'fail') return `taken as "${text}"`;
  if (row.canonical !== null && normalText(text) !== normalText(row.canonical))
    return `listed "${text}", expected "${row.canonical}"`;
  const again = print(list(readRule(text).expr));
  if (again !== text) return `"${text}" read back gives "${again}"`;
  return row.json === null ? undefined : judgeJson(row, listed, text, list, print);
}

function judgeJson(
  row: RuleCase,
  listed: NftStatement[],
  text: string,
  list: (expr: NftStatement[]) => NftStatement[],
  print: (expr: NftStatement[]) => string,
): string | undefined {
  const expected = JSON.stringify(normalJson(row.json_out ?? row.json));
  const found = JSON.stringify(normalJson(listed.map((statement) => statementJson(statement, { stateless: true }))));
  if (found !== expected) return `JSON ${found}, expected ${expected}`;
  try {
    const fromJson = print(list(row.json ?? []));
    return normalText(fromJson) === normalText(text) ? undefined : `from JSON "${fromJson}", from text "${text}"`;
  } catch (error) {
    return `JSON refused: ${message(error)}`;
  }
}

function judgeCommand(target: Target, row: RuleCase): string | undefined {
  const ruleset = prepare(target, row);
  try {
    for (const command of readScript(row.rule.replace('{table}', `${target.family} ${target.table}`)).commands)
      ruleset.apply(command);
  } catch (error) {
    return row.expect === 'fail' ? undefined : `refused: ${message(error)}`;
  }
  return row.expect === 'fail' ? 'taken' : undefined;
}

function judge(row: RuleCase): Outcome {
  for (const target of row.targets) {
    if (row.stmt !== 'rule') {
      const why = judgeCommand(target, row);
      if (why !== undefined) return fail(`${target.family}: ${row.rule}: ${why}`);
      continue;
    }
    for (const chain of target.chains) {
      const why = judgeRule(target, chain, row);
      if (why !== undefined) return fail(`${target.family} ${chain}: ${row.rule}: ${why}`);
    }
  }
  return pass;
}

export const nftRuleJson: Kind = {
  kind: 'nft-rule-json',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<RuleCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
