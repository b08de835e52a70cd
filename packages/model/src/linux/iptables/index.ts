/** Text of iptables rules, in and out. */
export type { IpFamily } from './extension.ts';
export { parseIptablesRule, parseIptablesRules } from './parse-rule.ts';
export { printIptablesRule } from './print-rule.ts';
export { quoteWord, splitRestoreWords, splitShellWords } from './words.ts';
