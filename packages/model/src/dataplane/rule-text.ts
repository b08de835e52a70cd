/** Rules of the network plugins, written as iptables prints them. */
import type { Rule, Table } from '@podwire/engine';
import { parseIptablesRule, splitRestoreWords } from '../linux/iptables/index.ts';
import type { DataplaneCause } from './cause.ts';

/** `text` is what follows `-A CHAIN`. Throws for what iptables would refuse: these texts are podwire's own. */
export function ruleOf(text: string, family: Table['family'], cause: DataplaneCause): Rule {
  const words = splitRestoreWords(text);
  const parsed = words ? parseIptablesRule(words, family) : { error: 'unbalanced quotes' };
  if ('error' in parsed) throw new Error(`${text}: ${parsed.error}`);
  return { ...parsed.rule, cause };
}

export function tableFamily(family: 4 | 6): Table['family'] {
  return family === 4 ? 'ip' : 'ip6';
}
