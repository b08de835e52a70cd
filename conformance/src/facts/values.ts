/** Ways into objects whose shape nobody promised: manifests hold wrong types, and the facts count them too. */

export type Mapping = Record<string, unknown>;

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands at a path; `undefined` where the path is not there. */
export function at(value: unknown, ...path: string[]): unknown {
  let here = value;
  for (const part of path) here = isMapping(here) ? here[part] : undefined;
  return here;
}

export function mappingAt(value: unknown, ...path: string[]): Mapping {
  const found = at(value, ...path);
  return isMapping(found) ? found : {};
}

export function listAt(value: unknown, ...path: string[]): unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** Neither absent nor null, false, 0, or empty. */
export function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isMapping(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** Counts by name, in the order in which names come up. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, times = 1): void {
    if (times > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + times);
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}
