/** `@podwire/engine/reference`: the slow, obvious interpreter of the same records, the oracle of the fast machine. */
export type { Machine } from '../src/machine.ts';
export { type Finding, type FuzzOptions, type FuzzResult, fuzz } from './fuzz/fuzz.ts';
export { type Case, type Mismatch, replay } from './fuzz/play.ts';
export { createReference } from './machine.ts';
