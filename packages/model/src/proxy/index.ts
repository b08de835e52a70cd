/** kube-proxy: what all its modes share, and each of them. */
export * from './categorize-endpoints.ts';
export * from './detect-local.ts';
export * from './endpoints.ts';
export { iptablesJumpLines } from './iptables/base-chains.ts';
export { iptablesCompiler } from './iptables/compile.ts';
export * as iptablesNames from './iptables/names.ts';
export { type RestoreInput, restoreText } from './iptables/restore-text.ts';
export type { IptablesSettings } from './iptables/settings.ts';
export { proxyCompiler } from './modes/compilers.ts';
export { servicePortName } from './names.ts';
export { nftablesCompiler } from './nftables/compile.ts';
export * as nftablesNames from './nftables/names.ts';
export { type RulesetInput, rulesetText } from './nftables/ruleset-text.ts';
export type { NftablesSettings } from './nftables/settings.ts';
export * from './node-port-addresses.ts';
export type * from './proxy.ts';
export { type ServicePortInfo, servicePortKey, servicePorts, servicePortsOf } from './service-ports.ts';
export * from './tracking.ts';
