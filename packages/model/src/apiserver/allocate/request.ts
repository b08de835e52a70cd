import type { Allocation } from './allocation.ts';

/** What a request knows beside its object. */
export interface Request {
  /** Nothing is kept: then the server does not look who else has an address. */
  readonly dryRun: boolean;
  readonly allocation: Allocation;
  /** Whether an object is there: `ServiceAccount`, `val`, `default`. Kinds that nobody keeps are always there. */
  exists(kind: string, namespace: string, name: string): boolean;
  /** Paths of the object whose values were drawn. */
  readonly assigned: string[];
}
