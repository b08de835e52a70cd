/** A table of names that finds nothing but its own: `constructor` and its like may stand in a rule, too. */
export function dictionary<T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, entries);
}
