/** `podwire rules --check`: rules of a network namespace that can never match, or that change nothing, with the reason. */
import type { Chain, Netns, Table } from '@podwire/engine';
import { AlgebraLimitError, findShadows, PacketSpace, type RuleFinding, RulesError } from '../algebra/index.ts';
import { ruleText } from './linux-text.ts';

export type RuleCheckKind = RuleFinding['kind'] | 'unreached-chain';

export interface RuleCheckRow {
  /** Family and name: `ip filter`. */
  table: string;
  chain: string;
  /** Counted from 1, as `iptables -L --line-numbers` does. Absent for a chain that no packet comes to. */
  rule?: number;
  /** As iptables-save prints it. */
  text?: string;
  kind: RuleCheckKind;
  /** Rules of the same chain that take its packets. */
  by?: { rule: number; text: string }[];
}

export interface RuleCheck {
  rows: RuleCheckRow[];
  /** Rules looked at. */
  rules: number;
  /** Tables that could not be looked at, and why. */
  undecided: { table: string; why: string }[];
  /** Chains that decide too much to find rules in them that change nothing. */
  coarse: { table: string; chain: string }[];
}

const tableText = ({ family, name }: Table): string => `${family} ${name}`;

function rowOf(finding: RuleFinding): RuleCheckRow {
  const { table, chain, index, kind } = finding;
  const quoted = (at: number) => ({ rule: at + 1, text: ruleText(chain, at, table) });
  return {
    table: tableText(table),
    chain: chain.name,
    ...quoted(index),
    kind,
    ...(finding.kind === 'shadowed' && { by: finding.by.map(quoted) }),
  };
}

const unreachedRow = ({ table, chain }: { table: Table; chain: Chain }): RuleCheckRow => ({
  table: tableText(table),
  chain: chain.name,
  kind: 'unreached-chain',
});

/** Tables whose chains see no packets on their way: `arp` is kept for printing alone. */
const isLookedAt = ({ family }: Table): boolean => family !== 'arp';

/** `netns`: whose addresses and sets tests ask for; absent where only the tables are known. */
export function checkRules(tables: readonly Table[], netns?: Netns): RuleCheck {
  const check: RuleCheck = { rows: [], rules: 0, undecided: [], coarse: [] };
  for (const table of tables.filter(isLookedAt)) {
    try {
      const { findings, unreached, coarse, rules } = findShadows(new PacketSpace(), table, netns);
      check.rules += rules;
      check.coarse.push(...coarse.map(({ chain }) => ({ table: tableText(table), chain: chain.name })));
      check.rows.push(...findings.map(rowOf), ...unreached.map(unreachedRow));
    } catch (error) {
      if (!(error instanceof RulesError || error instanceof AlgebraLimitError)) throw error;
      check.undecided.push({ table: tableText(table), why: error.message });
    }
  }
  return check;
}
