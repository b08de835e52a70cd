/** Dumps of iptables, ebtables and arptables: whole tables, as their save programs print them. */

export { mergeChains, type PrintOptions, printDump } from './print.ts';
export { type DumpOptions, type DumpText, readDump } from './read.ts';
export { arptables, dumpTools, ebtables, iptables } from './tools.ts';
