/** Text of Linux's own tools, in and out of the machine's types. */

export * from './ip/index.ts';
export {
  type IpFamily,
  parseIptablesRule,
  parseIptablesRules,
  printIptablesRule,
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
export * from './nft/index.ts';
