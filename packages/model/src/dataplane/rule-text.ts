/** Rules of the network plugins, written as iptables prints them. */
import type { Rule } from '@podwire/engine';
import { type IpFamily, parseIptablesRule, splitRestoreWords } from '../linux/iptables/index.ts';
import type { DataplaneCause } from './cause.ts';

/** `text` is what follows `-A CHAIN`. Throws for what iptables would refuse: these texts are podwire's own. */
export function ruleOf(text: string, family: IpFamily, cause: DataplaneCause): Rule {
  const words = splitRestoreWords(text);
  const parsed = words ? parseIptablesRule(words, family) : { error: 'unbalanced quotes' };
  if ('error' in parsed) throw new Error(`${text}: ${parsed.error}`);
  return { ...parsed.rule, cause };
}

export function tableFamily(family: 4 | 6): IpFamily {
  return family === 4 ? 'ip' : 'ip6';
}
