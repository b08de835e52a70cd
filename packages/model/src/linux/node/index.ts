/** Dumps of whole nodes. */
export type { Assembled } from './assemble.ts';
export type { DumpKind } from './kinds.ts';
export { type FoundDump, isDumpName, type NodeDump, openNode, readNode } from './read-node.ts';
export { sniff } from './sniff.ts';
export { isDumpPath, type SplitFiles, splitDumps } from './split.ts';
