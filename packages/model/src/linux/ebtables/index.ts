/** Text of ebtables rules, in and out. */
export { parseEbtablesRule, printEbtablesRule } from './rule.ts';
