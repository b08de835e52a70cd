/**
 * Types of the API as Go's JSON package reads and writes them: which values a field takes, what it holds when nobody set it, and whether it
 * is written then. The messages are those of sigs.k8s.io/json, which the API server reads requests with.
 */
import type { Reading } from './reading.ts';

export interface Type<T> {
  /** As Go's messages call it: `int32`, `v1.ServiceSpec`, `[]v1.ServicePort`. */
  readonly go: string;
  /** What a field holds that nobody set. */
  zero(): T;
  /** Null counts as not set. Faults go to `reading`; the zero value stands for what did not fit. */
  decode(value: unknown, reading: Reading): T;
  /** As JSON; `null` for lists, maps and pointers that are not there. */
  encode(value: T): unknown;
  /** Whether `omitempty` leaves the field out. */
  isEmpty(value: T): boolean;
}

/** A field that is not `omitempty`, or one that Go's struct takes from another one inside it. */
export interface Field<T> {
  readonly type: Type<T>;
  /** Written even if empty. */
  readonly always?: boolean;
  /** The Go struct inside which the field stands without a level of its own in JSON; faults name it. */
  readonly embedded?: string;
}

export type Fields = Readonly<Record<string, Type<unknown> | Field<unknown>>>;

/** What stands in a struct of these fields. */
export type Struct<F extends Fields> = {
  [K in keyof F]: F[K] extends Field<infer T> ? T : F[K] extends Type<infer T> ? T : never;
};

/** The values of a type. */
export type Of<T> = T extends Type<infer Value> ? Value : never;

/** What JSON calls a value in Go's messages. */
export function describe(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  return typeof value === 'number' || typeof value === 'bigint' ? 'number' : 'object';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A string, or a type of strings with a name: `v1.Protocol`. */
export function text(go: string): Type<string> {
  return {
    go,
    zero: () => '',
    decode(value, reading) {
      if (typeof value === 'string') return value;
      if (value !== null) reading.mismatch(describe(value), go);
      return '';
    },
    encode: (value) => value,
    isEmpty: (value) => value === '',
  };
}

export const string = text('string');

function integer(go: string, from: number, to: number): Type<number> {
  return {
    go,
    zero: () => 0,
    decode(value, reading) {
      if (value === null) return 0;
      if (typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to) return value;
      reading.mismatch(typeof value === 'number' ? `number ${value}` : describe(value), go);
      return 0;
    },
    encode: (value) => value,
    isEmpty: (value) => value === 0,
  };
}

export const int32 = integer('int32', -(2 ** 31), 2 ** 31 - 1);
export const int64 = integer('int64', -(2 ** 63), 2 ** 63 - 1);

export const bool: Type<boolean> = {
  go: 'bool',
  zero: () => false,
  decode(value, reading) {
    if (typeof value === 'boolean') return value;
    if (value !== null) reading.mismatch(describe(value), 'bool');
    return false;
  },
  encode: (value) => value,
  isEmpty: (value) => !value,
};

/** Anything, as it is: `runtime.RawExtension`, `FieldsV1`. */
export const anything: Type<unknown> = {
  go: 'interface {}',
  zero: () => undefined,
  decode: (value) => value ?? undefined,
  encode: (value) => value ?? null,
  isEmpty: (value) => value === undefined,
};

export function pointer<T>(to: Type<T>): Type<T | undefined> {
  return {
    go: to.go,
    zero: () => undefined,
    decode: (value, reading) => (value === null ? undefined : to.decode(value, reading)),
    encode: (value) => (value === undefined ? null : to.encode(value)),
    isEmpty: (value) => value === undefined,
  };
}

export function list<T>(of: Type<T>): Type<T[] | undefined> {
  const go = `[]${of.go}`;
  return {
    go,
    zero: () => undefined,
    decode(value, reading) {
      if (value === null) return undefined;
      if (!Array.isArray(value)) {
        reading.mismatch(describe(value), go);
        return undefined;
      }
      return value.map((member: unknown, index) => reading.inItem(index, () => of.decode(member, reading)));
    },
    encode: (value) => (value === undefined ? null : value.map((member) => of.encode(member))),
    isEmpty: (value) => value === undefined || value.length === 0,
  };
}

/** `go` for types of maps with a name: `v1.ResourceList`. */
export function map<T>(of: Type<T>, go = `map[string]${of.go}`): Type<Record<string, T> | undefined> {
  return {
    go,
    zero: () => undefined,
    decode(value, reading) {
      if (value === null) return undefined;
      if (!isRecord(value)) {
        reading.mismatch(describe(value), go);
        return undefined;
      }
      const members = Object.entries(value).map(([name, member]): [string, T] => [
        name,
        reading.inKey(name, () => of.decode(member, reading)),
      ]);
      return Object.fromEntries(members);
    },
    encode(value) {
      if (value === undefined) return null;
      return Object.fromEntries(
        Object.keys(value)
          .sort()
          .map((name) => [name, of.encode(value[name] as T)]),
      );
    },
    isEmpty: (value) => value === undefined || Object.keys(value).length === 0,
  };
}

/** A field that is written even if it is empty. */
export function always<T>(type: Type<T>): Field<T> {
  return { type, always: true };
}

function isField(entry: Type<unknown> | Field<unknown>): entry is Field<unknown> {
  return 'type' in entry;
}

/** Fields of a Go struct that is embedded: they stand in the JSON of the outer one. */
export function embedded<F extends Fields>(go: string, fields: F): { [K in keyof F]: Field<Struct<F>[K]> } {
  return Object.fromEntries(
    Object.entries(fields).map(([name, entry]) => [
      name,
      { ...(isField(entry) ? entry : { type: entry }), embedded: go },
    ]),
  ) as { [K in keyof F]: Field<Struct<F>[K]> };
}

/** A Go struct. `go` has its package: `v1.ServiceSpec`. `omitempty` does not leave structs out. */
export function struct<F extends Fields>(go: string, fields: F): Type<Struct<F>> {
  const name = go.replace(/^.*\./, '');
  const entries = Object.entries(fields).map(([key, entry]): [string, Field<unknown>] => [
    key,
    isField(entry) ? entry : { type: entry },
  ]);
  const byName = new Map(entries);
  const zero = () => Object.fromEntries(entries.map(([key, { type }]) => [key, type.zero()]));
  return {
    go,
    zero: () => zero() as Struct<F>,
    decode(value, reading) {
      const made = zero();
      if (value === null) return made as Struct<F>;
      if (!isRecord(value)) {
        reading.mismatch(describe(value), go);
        return made as Struct<F>;
      }
      for (const [key, member] of Object.entries(value)) {
        const field = byName.get(key);
        if (field === undefined) reading.unknownField(key, () => [...byName.keys()]);
        else made[key] = reading.inField(name, field.embedded, key, () => field.type.decode(member, reading));
      }
      return made as Struct<F>;
    },
    encode(value) {
      const members = value as Record<string, unknown>;
      const written = entries.filter(([key, { type, always }]) => always || !type.isEmpty(members[key]));
      return Object.fromEntries(written.map(([key, { type }]) => [key, type.encode(members[key])]));
    },
    isEmpty: () => false,
  };
}
