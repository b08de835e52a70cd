/** metadata.generation, which counts the changes of what users write. */
import type { Draft } from '../schema/meta.ts';

/** Equal as the server compares (apimachinery/pkg/api/equality): a list or map that is empty is one that is not there. */
export function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a, withoutEmpty) === JSON.stringify(b, withoutEmpty);
}

function withoutEmpty(_key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (typeof value !== 'object' || value === null) return value;
  const keys = Object.keys(value).sort();
  return keys.length === 0
    ? undefined
    : Object.fromEntries(keys.map((key) => [key, (value as Record<string, unknown>)[key]]));
}

/** One more if what `content` takes of the object has changed. */
export function bumpGeneration<T extends Draft>(draft: T, before: T, content: (one: T) => unknown): void {
  if (!isEqual(content(draft), content(before))) draft.metadata.generation = before.metadata.generation + 1;
}
