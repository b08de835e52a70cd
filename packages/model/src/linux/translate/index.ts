/** Rules of iptables and nftables in each other's words. */
export { Listing } from './listed.ts';
export { type NeededObject, neededObjects } from './needs.ts';
export { ruleInNftWords } from './nft-words.ts';
export { NotTranslated } from './part.ts';
export { type Proof, proveAlike } from './proof.ts';
export { type ReadRules, type RuleFile, readRuleFiles, tablesOfNft } from './read-rules.ts';
export type { ReadPlace, Renamed, Untranslated } from './report.ts';
export { type Translation, translateRule } from './rule.ts';
export { type IptablesTranslation, translateToIptables } from './to-iptables/index.ts';
export { type NftTranslation, translateToNft } from './to-nft.ts';
