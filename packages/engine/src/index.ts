/** `@podwire/engine`: a small Linux network stack. It knows nothing of Kubernetes. */
export * from './address.ts';
export { compileEngine, type WasmSource } from './compile.ts';
export { fitsFilter } from './conntrack-filter.ts';
export {
  type Conversation,
  continueConversation,
  converse,
  type Errno,
  endsWrapped,
  type Outcome,
  resumeConversation,
} from './converse.ts';
export { createEngine, type Engine, type EngineOptions } from './engine.ts';
export { EngineError, type EngineErrorCode } from './errors.ts';
export { type Branch, type Exploration, type ExploreOptions, explore, type Odds, tally } from './explore.ts';
export { createFlowMap, type FlowKey, type FlowMap, type FlowMapOptions, NO_FLOW } from './flows.ts';
export {
  addFractions,
  compareFractions,
  type Fraction,
  formatFraction,
  fraction,
  fractionToNumber,
  multiplyFractions,
  ONE,
  ZERO,
} from './fraction.ts';
export { addressesOf, IMPLIED_LOOPBACK, isSecondary, kernelTables, localTable } from './local-table.ts';
export type * from './lookup.ts';
export {
  createPrefixMap,
  matchLength,
  matchValue,
  type PrefixMap,
  type PrefixMapOptions,
  type PrefixMatch,
} from './lpm.ts';
export type * from './machine.ts';
export type * from './network.ts';
export type * from './packet.ts';
export { optionText, plainStatements, unsaidText } from './plain.ts';
export { plainPacket } from './plain-packet.ts';
export type * from './rule.ts';
export { createRuleList, type HeaderMatch, type RuleList, type RuleListOptions } from './rules.ts';
export type * from './selector.ts';
export { type PortClass, SourcePorts } from './source-ports.ts';
export { checkStacks } from './stacks.ts';
export { confAll, confAny, confMax, confOf, mtu6, type Sysctls, sysctl } from './sysctl.ts';
export * from './terms.ts';
export type * from './walk.ts';
