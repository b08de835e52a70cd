import { identityOf } from '../objects/kinds.ts';
import { refOf } from '../objects/refs.ts';
import type { Problem } from '../problem.ts';
import type { SourcedObject } from './source.ts';

export interface Definitions {
  /** One per object: its last definition, at the place of the first. Objects without a name are left out. */
  distinct: SourcedObject[];
  /** Objects that were defined more than once, with all definitions in order. */
  repeated: SourcedObject[][];
}

/** Tell objects from definitions: of several definitions of one object the last wins, as with `kubectl apply` in that order. */
export function distinctObjects(objects: readonly SourcedObject[]): Definitions {
  const definitions = new Map<string, SourcedObject | SourcedObject[]>();
  for (const sourced of objects) {
    if (sourced.object.metadata.name === '') continue;
    const identity = identityOf(sourced.object);
    const before = definitions.get(identity);
    if (before === undefined) definitions.set(identity, sourced);
    else if (Array.isArray(before)) before.push(sourced);
    else definitions.set(identity, [before, sourced]);
  }
  const result: Definitions = { distinct: [], repeated: [] };
  for (const one of definitions.values()) {
    const last = Array.isArray(one) ? one.at(-1) : one;
    if (last !== undefined) result.distinct.push(last);
    if (Array.isArray(one)) result.repeated.push(one);
  }
  return result;
}

/** No object is nested this deeply; JSON.parse reads what is, and recursion must not follow it to the end of the stack. */
const DEEPEST = 500;

/** Structural equality of JSON values, whatever the order of keys. */
export function sameValue(a: unknown, b: unknown, depth = 0): boolean {
  if (a === b) return true;
  if (depth > DEEPEST) return false;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((member, index) => sameValue(member, b[index], depth + 1));
  }
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  return keys.every((key) => Object.hasOwn(right, key) && sameValue(left[key], right[key], depth + 1));
}

/** One problem per object that is defined more than once; of no weight where all definitions are equal. */
export function reportRepeated(repeated: readonly SourcedObject[][]): Problem[] {
  return repeated.flatMap((definitions) => {
    const last = definitions.at(-1);
    const first = definitions[0];
    if (last === undefined || first === undefined) return [];
    const ref = refOf(last.object);
    const equal = definitions.every(({ object }) => sameValue(object, last.object));
    const elsewhere = `${first.origin.file}:${first.origin.line}`;
    return {
      severity: equal ? 'info' : 'warning',
      code: 'duplicate-object',
      message: equal
        ? `${ref} is defined ${definitions.length} times, each time alike`
        : `${ref} is defined ${definitions.length} times; this last definition counts, not the one in ${elsewhere}`,
      mend: 'Read only the files that belong together.',
      file: last.origin.file,
      line: last.origin.line,
      object: ref,
    };
  });
}
