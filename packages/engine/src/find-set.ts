import type { Table } from './rule.ts';
import type { NftSet } from './selector.ts';

/** A named set or map of the table, or of what stands below it. */
export function findSet(table: Table, name: string): NftSet | undefined {
  for (let level: Table | undefined = table; level; level = level.base) {
    const found = level.sets?.find((set) => set.name === name);
    if (found) return found;
  }
  return undefined;
}
