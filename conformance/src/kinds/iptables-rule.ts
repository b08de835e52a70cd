/** Rules of iptables, ip6tables, arptables and ebtables: what is refused, and what the save tools print of the rest. */
import {
  parseArptablesRule,
  parseEbtablesRule,
  parseIptablesRule,
  printArptablesRule,
  printEbtablesRule,
  printIptablesRule,
  type RulePlace,
  splitRestoreWords,
  splitShellWords,
} from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference } from '../runner/difference.ts';

type Rule = Parameters<typeof printIptablesRule>[0];
type Backend = NonNullable<RulePlace['backend']>;

interface Expectation {
  expect: 'ok' | 'fail';
  /** What the save tool prints behind `-A CHAIN `; null: not specified, or refused. */
  canonical: string | null;
}

interface RuleCase extends Expectation {
  id: string;
  family: 'ip' | 'ip6' | 'ip+ip6' | 'arp' | 'bridge';
  chains: string[];
  table: string;
  /** Shell quoting. */
  rule: string;
  backends?: Record<Backend, Expectation>;
  /** Commands that made what the rule speaks of. */
  pre?: string[];
}

interface Tool {
  name: string;
  parse(words: string[], place: RulePlace): { rule: Rule } | { error: string };
  print(rule: Rule): string;
  backends: Backend[];
}

const TOOLS: Record<'ip' | 'ip6' | 'arp' | 'bridge', Tool> = {
  ip: {
    name: 'iptables',
    parse: (words, place) => parseIptablesRule(words, 'ip', place),
    print: (rule) => printIptablesRule(rule, 'ip'),
    backends: ['nft', 'legacy'],
  },
  ip6: {
    name: 'ip6tables',
    parse: (words, place) => parseIptablesRule(words, 'ip6', place),
    print: (rule) => printIptablesRule(rule, 'ip6'),
    backends: ['nft', 'legacy'],
  },
  arp: { name: 'arptables', parse: parseArptablesRule, print: printArptablesRule, backends: ['nft'] },
  bridge: { name: 'ebtables', parse: parseEbtablesRule, print: printEbtablesRule, backends: ['nft'] },
};

/** What is there when the rule is added: nothing but what the commands before it made. */
function objectsOf(pre: readonly string[]): NonNullable<RulePlace['objects']> {
  const objects = {
    chains: new Set<string>(),
    sets: new Set<string>(),
    nfacct: new Set<string>(),
    rateest: new Set<string>(),
  };
  for (const command of pre) {
    const words = splitShellWords(command) ?? [];
    const after = (word: string) => (words.includes(word) ? words[words.indexOf(word) + 1] : undefined);
    const [made, name] =
      words[0] === 'nfacct'
        ? [objects.nfacct, after('add')]
        : words[0] === 'ipset'
          ? [objects.sets, after('create') ?? after('-N')]
          : [objects.rateest, after('--rateest-name')];
    if (name === undefined) throw new Error(`command not understood: ${command}`);
    made.add(name);
  }
  return objects;
}

function judgeOne(tool: Tool, words: string[], place: RulePlace, expected: Expectation): string | undefined {
  const read = tool.parse(words, place);
  if (expected.expect === 'fail') return 'error' in read ? undefined : 'expected a refusal, it was read';
  if ('error' in read) return `refused: ${read.error}`;
  const printed = tool.print(read.rule);
  if (expected.canonical !== null && printed !== expected.canonical) {
    return `expected "${expected.canonical}", printed "${printed}"`;
  }
  const again = tool.parse(splitRestoreWords(printed) ?? [], place);
  if ('error' in again) return `what was printed is refused: ${printed}: ${again.error}`;
  // Counters are no part of the text.
  const difference = firstDifference({ ...read.rule, counters: undefined }, { ...again.rule, counters: undefined });
  return difference === undefined ? undefined : `read again, "${printed}" is another rule: ${difference}`;
}

function judge(row: RuleCase): Outcome {
  const words = splitShellWords(row.rule);
  if (!words) return fail('a quotation mark of the rule is not closed');
  const objects = objectsOf(row.pre ?? []);
  const tools = row.family === 'ip+ip6' ? (['ip', 'ip6'] as const) : [row.family];
  for (const tool of tools.map((family) => TOOLS[family])) {
    for (const backend of tool.backends) {
      for (const chain of row.chains) {
        const expected = row.backends?.[backend] ?? row;
        const why = judgeOne(tool, words, { table: row.table, chain, backend, objects, stock: true }, expected);
        if (why !== undefined) return fail(`${tool.name} (${backend}) -t ${row.table} -A ${chain}: ${why}`);
      }
    }
  }
  return pass;
}

export const iptablesRule: Kind = {
  kind: 'iptables-rule',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<RuleCase>('cases.jsonl')) yield { id: row.id, run: () => judge(row) };
  },
};
