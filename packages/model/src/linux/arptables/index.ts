/** Text of arptables rules, in and out. */
export { parseArptablesRule, parseArptablesRules, printArptablesRule } from './rule.ts';
