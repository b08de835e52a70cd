/** What the readers and printers of dumps must know of iptables, ip6tables, ebtables and arptables: where they differ. */
import type { BaseHook, Rule, TableFamily } from '@podwire/engine';
import type { RulePlace } from '../iptables/base/extension.ts';

export interface DumpTool {
  /** As it is named in messages. */
  name: string;
  /** Codes of problems begin with it. */
  code: 'iptables' | 'ebtables' | 'arptables';
  family: TableFamily;
  tables: readonly string[];
  /** Built-in chains of a table, in the order in which they are printed. Empty for a table that the tool does not have. */
  chains(table: string): readonly string[];
  /** Where a built-in chain hangs; undefined for any other chain. */
  hook(
    table: string,
    chain: string,
    policy: BaseHook['policy'],
    backend: 'nft' | 'legacy' | undefined,
  ): BaseHook | undefined;
  parse(words: readonly string[], place: RulePlace): { rules: Rule[] } | { error: string };
  /** As it stands behind `-A CHAIN`. */
  print(rule: Rule): string;
  /** Is a target of this name an extension's, and no chain? */
  hasTarget(name: string): boolean;
  /** What a chain of the user's own may have for a policy: the first unless told otherwise. None where absent. */
  ownPolicies?: readonly string[];
  /** The last rule of a chain whose policy no hook can say. */
  policyRule?(table: string, policy: string, builtin: boolean): Rule | undefined;
  /** `iptables-save` prints them behind each chain, and COMMIT behind each table. */
  chainCounters: boolean;
}

interface PolicySource {
  chainPolicy: string;
}

/** Marks a rule that stands for its chain's policy. */
export function policySource(policy: string): PolicySource {
  return { chainPolicy: policy };
}

interface Written {
  written: Rule;
}

/** Marks a rule that the machine runs in other words than those it was read in. */
export function writtenAs(written: Rule): Written {
  return { written };
}

/** The rule as it was read. */
export function writtenRule(rule: Rule): Rule {
  const { source } = rule;
  return typeof source === 'object' && source !== null && 'written' in source ? (source as Written).written : rule;
}

/** The policy that a rule stands for. */
export function policyOf(rule: Rule | undefined): string | undefined {
  const source = rule && writtenRule(rule).source;
  if (typeof source !== 'object' || source === null || !('chainPolicy' in source)) return undefined;
  return typeof source.chainPolicy === 'string' ? source.chainPolicy : undefined;
}
