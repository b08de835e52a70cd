/** `@podwire/engine/reference`: the slow, obvious interpreter of the same records, the oracle of the fast machine. */
export type { Machine } from '../src/machine.ts';
export { createReference } from './machine.ts';
