/** Dumps of iptables, ebtables and arptables: whole tables, as their save programs print them. */

export { listingAsSave } from './listing.ts';
export { IptablesRefusal, LiveIptables } from './live.ts';
export { mergeChains, type PrintOptions, printDump } from './print.ts';
export { type DumpOptions, type DumpText, readDump } from './read.ts';
export { writtenAs, writtenRule } from './tool.ts';
export { arptables, dumpTools, ebtables, iptables } from './tools.ts';
