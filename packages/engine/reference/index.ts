/** `@podwire/engine/reference`: the slow, obvious interpreter of the same records, the oracle of the fast machine. */
export type { Machine } from '../src/machine.ts';
export { type Finding, type FuzzOptions, type FuzzResult, fuzz } from './fuzz/fuzz.ts';
export { addNftTables } from './fuzz/nft-tables.ts';
export { type Case, type Mismatch, replay } from './fuzz/play.ts';
export { type Random, random } from './fuzz/random.ts';
export { addRulesets } from './fuzz/rulesets.ts';
export { sctpChunks, tcpNumbers } from './fuzz/segments.ts';
export { makePlan } from './fuzz/topology.ts';
export { MARKS, type Plan, PORTS, PROTOCOLS } from './fuzz/world.ts';
export { createReference } from './machine.ts';
export { type ChainProbe, createProbe, type ProbePacket, type ProbeResult } from './probe.ts';
