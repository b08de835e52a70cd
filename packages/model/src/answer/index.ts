/** Questions and answers. */

export { suggest } from '../objects/suggest.ts';
export { hostPort } from './addresses.ts';
export * from './answer.ts';
export { answerJson, sortedAnswer } from './answer-json.ts';
export { type ClusterAnswer, describeCluster, type SettingView } from './cluster-answer.ts';
export { type ComparedFlow, compareModes } from './compare.ts';
export * from './compare-answer.ts';
export type { Directory, Named } from './directory.ts';
export type * from './dns-answer.ts';
export type { DnsQuestionAsked } from './dns-asking.ts';
export { lookUpDns } from './dns-lookup.ts';
export { type DumpAnswer, describeDump } from './dump-answer.ts';
export {
  type ContainerEnvironment,
  describeEnvironment,
  type EnvironmentAnswer,
  type VariableView,
} from './env-answer.ts';
export { type NetnsSection, type NetnsSectionName, netnsText } from './netns-text.ts';
export { printPacket } from './packet-view.ts';
export { type ContainerView, describePod, type PodFindingView, type PodNetworkAnswer } from './pod-answer.ts';
export type { Question } from './question.ts';
export { QuestionError } from './question-error.ts';
export { type ReasonRow, reasonCatalogue, reasonRow } from './reasons.ts';
export { parseReference, type Reference, shortKind } from './reference.ts';
export { checkRules, type RuleCheck, type RuleCheckKind, type RuleCheckRow } from './rule-check.ts';
export { placeName } from './sentences.ts';
export { type Dumps, openSession, type Session, type SessionOptions, type SessionStep } from './session.ts';
export { type Stage, stagesOf, typicalOutcome } from './stages.ts';
export { type TranslationAnswer, type TranslationTarget, translateRules } from './translation-answer.ts';
export { decision } from './verdicts.ts';
