/** Packet sets: what rules match and chains decide, as exact algebra. */
export { RulesError } from './compile.ts';
export { ChainDecision, decideChain } from './decision.ts';
export {
  type Difference,
  differenceOf,
  type RuleSource,
  rulesetDifference,
  type Stage as HookStage,
} from './equivalent.ts';
export { PacketSet } from './packet-set.ts';
export { findShadows, type RuleFinding, type ShadowReport } from './shadow.ts';
export { AlgebraLimitError } from './space/diagram.ts';
export type { Outcome as ChainOutcome, OutcomeVerdict } from './space/outcome.ts';
export { PacketSpace } from './space/packet-space.ts';
export type { Subject } from './subject.ts';
