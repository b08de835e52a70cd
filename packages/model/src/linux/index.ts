/** Text of Linux's own tools, in and out of the machine's types. */

export * from './arptables/index.ts';
export * from './arptables-save.ts';
export * from './bridge/index.ts';
export * from './conntrack/index.ts';
export * from './ebtables/index.ts';
export * from './ebtables-save.ts';
export { frameTable } from './frame-rules/index.ts';
export * from './ip/index.ts';
export * from './ipset/index.ts';
export {
  type IpFamily,
  parseIptablesRule,
  parseIptablesRules,
  printIptablesRule,
  type RulePlace,
  splitRestoreWords,
  splitShellWords,
} from './iptables/index.ts';
export {
  mergedChains,
  type PrintOptions,
  parseIptablesSave,
  printIptablesSave,
  type ReadIptables,
  type ReadOptions,
  sniffFamily,
} from './iptables-save.ts';
export * from './ipvs/index.ts';
export * from './nft/index.ts';
export { nftTables, printNftTables } from './nft-compile/index.ts';
export * from './node/index.ts';
export * from './proc/index.ts';
export { IptablesRefusal, LiveIptables } from './rule-dump/index.ts';
export * from './sockets/index.ts';
export * from './sysctl/index.ts';
export * from './translate/index.ts';
export * from './wireguard/index.ts';
