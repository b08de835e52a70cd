import type { Draft } from '../schema/meta.ts';
import type { Allocation } from './allocation.ts';

/** What a request knows beside its object. */
export interface Request {
  /** Nothing is kept: then the server does not look who else has an address. */
  readonly dryRun: boolean;
  readonly allocation: Allocation;
  /** Whether an object is there: `ServiceAccount`, `val`, `default`. Kinds that nobody keeps are always there. */
  exists(kind: string, namespace: string, name: string): boolean;
  /** All objects of a kind, in the order in which they came. */
  all(kind: string): readonly Draft[];
  /** Paths of the object whose values were drawn. */
  readonly assigned: string[];
}
