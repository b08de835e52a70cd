/** Packet sets: what rules match and chains decide, as exact algebra. */
export { RulesError } from './compile.ts';
export { ChainDecision, decideChain } from './decision.ts';
export { AlgebraLimitError } from './diagram.ts';
export {
  type Difference,
  differenceOf,
  type RuleSource,
  rulesetDifference,
  type Stage as HookStage,
} from './equivalent.ts';
export type { Outcome as ChainOutcome, OutcomeVerdict } from './outcome.ts';
export { PacketSet } from './packet-set.ts';
export { findShadows, type RuleFinding, type ShadowReport } from './shadow.ts';
export { PacketSpace } from './space.ts';
export type { Subject } from './subject.ts';
