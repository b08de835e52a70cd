/** Text of iptables rules, in and out. */
export type { IpFamily, RulePlace } from './base/extension.ts';
export { splitRestoreWords, splitShellWords } from './base/words.ts';
export { parseIptablesRule, parseIptablesRules } from './parse-rule.ts';
export { printIptablesRule } from './print-rule.ts';
export { iptablesFamily } from './tables.ts';
