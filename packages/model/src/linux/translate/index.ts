/** Rules of iptables and nftables in each other's words. */
export { Listing } from './listed.ts';
export { type NeededObject, neededObjects } from './needs.ts';
export { ruleInNftWords } from './nft-words.ts';
export { NotTranslated } from './part.ts';
export { type Translation, translateRule } from './rule.ts';
