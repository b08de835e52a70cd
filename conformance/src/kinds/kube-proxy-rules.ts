/**
 * The rulesets that kube-proxy writes: the text that it feeds to iptables-restore, byte for byte, and the tables after the sync, chain by
 * chain.
 */
import { iptablesJumpLines, restoreText, rulesetText } from '@podwire/model';
import { fail, type Kind, type Outcome, pass, type SuiteCase } from '../runner/contract.ts';
import { firstDifference, firstDifferentLine } from '../runner/difference.ts';
import { type ProxyCase, restoreInput, rulesetInput } from './kube-proxy-input.ts';
import { afterJumps, readTables, type Tables, unquoted } from './kube-proxy-tables.ts';

interface RulesCase extends ProxyCase {
  expect: {
    text: string;
    dump?: string;
    /** nftables: chains of former states, empty and not deleted yet. */
    staleChains?: string[];
  };
}

function afterSync(row: RulesCase): Tables {
  const tables = afterJumps(readTables(restoreText(restoreInput(row, true))), iptablesJumpLines());
  // Jumped to by every node, filled on some.
  if (tables.filter) tables.filter['KUBE-FIREWALL'] ??= [];
  return tables;
}

/**
 * A large cluster's tables hold what earlier syncs left: comments from before it was large, and chains that are not deleted yet. What this
 * sync wrote was compared as text.
 */
function comparable(tables: Tables, row: RulesCase, others: Tables): Tables {
  const isLarge = row.config.largeClusterMode;
  const existing = new Set(row.sync.existingServiceChains);
  const uncommented = (rule: string) => rule.replace(/ -m comment --comment .*?(?= -{1,2}[a-z]| ! |$)/, '');
  const clean = (rule: string) => (isLarge ? uncommented(unquoted(rule)) : unquoted(rule));
  const chains = (name: string, table: Record<string, string[]>) =>
    Object.entries(table)
      .filter(([chain]) => !(isLarge && existing.has(chain) && others[name]?.[chain] === undefined))
      .map(([chain, rules]) => [chain, rules.map(clean)]);
  return Object.fromEntries(
    Object.entries(tables).map(([name, table]) => [name, Object.fromEntries(chains(name, table))]),
  );
}

/**
 * The table of nftables mode. Elements stand in the order in which they were added, which tells of former states: they are compared as sets.
 * Chains that a former state left behind are left out.
 */
function tableText(text: string, staleChains: readonly string[] = []): string {
  const stale = new Set(staleChains);
  const lines = text.split('\n').filter((line) => {
    const [verb, kind, , , name = ''] = line.split(' ');
    return !(verb === 'add' && kind === 'chain' && stale.has(name));
  });
  const isElement = (line: string) => line.startsWith('add element ');
  return [...lines.filter((line) => !isElement(line)), ...lines.filter(isElement).sort()].join('\n');
}

function judgeNftables(row: RulesCase): Outcome {
  const text = firstDifferentLine(
    tableText(row.expect.text, row.expect.staleChains),
    tableText(rulesetText(rulesetInput(row))),
  );
  return text === undefined ? pass : fail(text);
}

function judge(row: RulesCase): Outcome {
  if (row.mode === 'nftables') return judgeNftables(row);
  const text = firstDifferentLine(row.expect.text, restoreText(restoreInput(row, false)));
  if (text !== undefined) return fail(text);
  if (row.expect.dump === undefined) return pass;
  const [expected, found] = [readTables(row.expect.dump), afterSync(row)];
  const dump = firstDifference(comparable(expected, row, found), comparable(found, row, expected), 'dump');
  return dump === undefined ? pass : fail(dump);
}

export const kubeProxyRules: Kind = {
  kind: 'kube-proxy-rules',
  *cases(suite): Generator<SuiteCase> {
    for (const row of suite.jsonLines<RulesCase>('cases.jsonl')) {
      yield { id: row.id, variant: row.mode, run: () => judge(row) };
    }
  },
};
