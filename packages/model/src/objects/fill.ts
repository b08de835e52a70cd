/** Fields to put in where they are not written; a value may be `undefined`, which puts in nothing. */
type Defaults<T> = { [Field in keyof T]?: T[Field] | undefined };

/** The object with what it lacks; the object itself, not a copy, where it lacks nothing. Null counts as not written, as for the API server. */
export function fill<T extends object>(object: T, defaults: Defaults<T>): T {
  let filled: T | undefined;
  for (const field of Object.keys(defaults) as (keyof T)[]) {
    const value = defaults[field];
    if (value === undefined || (object[field] !== undefined && object[field] !== null)) continue;
    filled ??= { ...object };
    filled[field] = value;
  }
  return filled ?? object;
}

/** The object with a field changed; the object itself where it has that value already. */
export function withField<T extends object, Field extends keyof T>(object: T, field: Field, value: T[Field]): T {
  return object[field] === value ? object : { ...object, [field]: value };
}

/** The list with each member changed; the list itself where no member changes. */
export function mapList<T>(list: T[] | undefined, change: (member: T) => T): T[] | undefined {
  if (list === undefined || list === null) return list;
  let changed: T[] | undefined;
  list.forEach((member, index) => {
    const next = change(member);
    if (next === member) return;
    changed ??= [...list];
    changed[index] = next;
  });
  return changed ?? list;
}
