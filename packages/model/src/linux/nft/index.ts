/** Text and JSON of nftables, in and out. */

export { NftRefusal } from './base/refusal.ts';
export { type EvaluateOptions, evaluateRule } from './evaluate/rule.ts';
export { Ruleset, type RulesetOptions, setInfo } from './evaluate/ruleset.ts';
export type { TableScope } from './evaluate/scope.ts';
export { LiveNft } from './live.ts';
export type { PrintStyle } from './print/expression.ts';
export { type JsonStyle, statementJson } from './print/json.ts';
export { nftCommandsJson, nftRulesetJson, printNftRuleset } from './print/ruleset.ts';
export { printRuleBody, printStatement } from './print/statement.ts';
export { checkStatement } from './read/json.ts';
export { type ReadScript, readRule, readScript, type ScriptOptions, type ScriptProblem } from './read/script.ts';
export { looksLikeNftJson, type NftRuleset, type ParseNftOptions, parseNftRuleset } from './ruleset.ts';
export type * from './syntax.ts';
