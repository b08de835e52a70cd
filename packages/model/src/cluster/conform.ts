/**
 * Makes sure that an object has the types its kind's fields must have, so that nothing behind this file meets a string where a number
 * belongs. What does not fit is left out and reported, as the API server would refuse it.
 */

export type Shape =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'integer-or-string'
  /** A quantity may be written as a number too. */
  | 'quantity'
  | 'any'
  | { list: Shape }
  | { map: Shape }
  | { fields: Readonly<Record<string, Shape>>; required?: readonly string[] };

export interface Misfit {
  path: (string | number)[];
  /** `a string`, `a list`. */
  wanted: string;
  /** What stands there: `the number 1.1`; absent when the field is missing. */
  found?: string;
}

const WANTED: Record<Extract<Shape, string>, string> = {
  string: 'a string',
  boolean: 'true or false',
  integer: 'a whole number',
  'integer-or-string': 'a whole number or a name',
  quantity: 'a quantity',
  any: 'a value',
};

function wantedBy(shape: Shape): string {
  if (typeof shape === 'string') return WANTED[shape];
  return 'list' in shape ? 'a list' : 'a mapping';
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'string') return value.length <= 40 ? `the string ${JSON.stringify(value)}` : 'a string';
  return `the ${typeof value} ${String(value)}`;
}

function isPlainFit(value: unknown, shape: Extract<Shape, string>): boolean {
  switch (shape) {
    case 'any':
      return true;
    case 'string':
    case 'boolean':
      return typeof value === shape;
    case 'integer':
      return Number.isSafeInteger(value);
    case 'integer-or-string':
      return typeof value === 'string' || Number.isSafeInteger(value);
    case 'quantity':
      return typeof value === 'string' || typeof value === 'number';
  }
}

/** Stands for "leave this out". */
const NOTHING = Symbol('nothing');

type Path = (string | number)[];

function list(value: readonly unknown[], item: Shape, path: Path, misfits: Misfit[]): unknown {
  let copy: unknown[] | undefined;
  for (let i = 0; i < value.length; i++) {
    path.push(i);
    const fit = value[i] === null || value[i] === undefined ? NOTHING : conformAt(value[i], item, path, misfits);
    path.pop();
    if (fit !== value[i] && !copy) copy = value.slice(0, i);
    if (copy && fit !== NOTHING) copy.push(fit);
  }
  return copy ?? value;
}

function mapping(
  value: Record<string, unknown>,
  shape: Exclude<Shape, string | { list: Shape }>,
  path: Path,
  misfits: Misfit[],
): unknown {
  let copy: Record<string, unknown> | undefined;
  const change = (key: string, fit: unknown): void => {
    copy ??= { ...value };
    if (fit === NOTHING) delete copy[key];
    else copy[key] = fit;
  };
  const check = (key: string, inner: Shape): void => {
    const found = value[key];
    if (found === undefined) return;
    path.push(key);
    // A null field is an absent one, as for the API server.
    const fit = found === null ? NOTHING : conformAt(found, inner, path, misfits);
    path.pop();
    if (fit !== found) change(key, fit);
  };
  if ('map' in shape) {
    for (const key of Object.keys(value)) check(key, shape.map);
    return copy ?? value;
  }
  for (const key in shape.fields) check(key, shape.fields[key] as Shape);
  const result = copy ?? value;
  for (const key of shape.required ?? []) {
    if (result[key] !== undefined) continue;
    // One that is there but of the wrong type has been reported already.
    if (value[key] === undefined || value[key] === null) {
      misfits.push({ path: [...path, key], wanted: wantedBy(shape.fields[key] as Shape) });
    }
    return NOTHING;
  }
  return result;
}

function conformAt(value: unknown, shape: Shape, path: Path, misfits: Misfit[]): unknown {
  if (typeof shape === 'string') {
    if (isPlainFit(value, shape)) return value;
  } else if ('list' in shape) {
    if (Array.isArray(value)) return list(value, shape.list, path, misfits);
  } else if (typeof value === 'object' && !Array.isArray(value)) {
    return mapping(value as Record<string, unknown>, shape, path, misfits);
  }
  misfits.push({ path: [...path], wanted: wantedBy(shape), found: describe(value) });
  return NOTHING;
}

/** True where nothing is amiss, which holds for nearly all objects: then neither paths nor copies are needed. */
function fits(value: unknown, shape: Shape): boolean {
  if (typeof shape === 'string') return isPlainFit(value, shape);
  if (typeof value !== 'object' || value === null) return false;
  if ('list' in shape) {
    if (!Array.isArray(value)) return false;
    for (let i = 0; i < value.length; i++) {
      const member: unknown = value[i];
      if (member === null || member === undefined || !fits(member, shape.list)) return false;
    }
    return true;
  }
  if (Array.isArray(value)) return false;
  const fields = value as Record<string, unknown>;
  if ('map' in shape) {
    for (const key in fields) {
      const found = fields[key];
      if (found === null || (found !== undefined && !fits(found, shape.map))) return false;
    }
    return true;
  }
  for (const key in shape.fields) {
    const found = fields[key];
    if (found === null || (found !== undefined && !fits(found, shape.fields[key] as Shape))) return false;
  }
  for (const key of shape.required ?? NONE) if (fields[key] === undefined) return false;
  return true;
}

const NONE: readonly string[] = [];

/**
 * The value itself where it fits (nothing is copied), a copy without what does not fit otherwise; undefined where nothing is left.
 * Appends to `misfits`.
 */
export function conform<T>(value: unknown, shape: Shape, misfits: Misfit[]): T | undefined {
  if (fits(value, shape)) return value as T;
  const fit = conformAt(value, shape, [], misfits);
  return fit === NOTHING ? undefined : (fit as T);
}
