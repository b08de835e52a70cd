/** Fields of a plugin's configuration, read as Go's encoding/json reads them into the plugin's structure. */
import { CniError } from './call.ts';

/** One entry of a conflist's `plugins`, with `name` and `cniVersion` of the list, `runtimeConfig` and `prevResult`. */
export interface Conf {
  readonly type: string;
  readonly name: string;
  readonly cniVersion: string;
  readonly [field: string]: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

const KINDS: Readonly<Record<string, string>> = { string: 'string', boolean: 'bool', number: 'number' };

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'array' : (KINDS[typeof value] ?? 'object');
}

function typed<T>(fields: Fields, field: string, type: string, is: (value: unknown) => value is T): T | undefined {
  const value = fields[field];
  if (value === undefined || value === null) return undefined;
  if (is(value)) return value;
  throw new CniError(
    `failed to load netconf: json: cannot unmarshal ${kindOf(value)} into Go struct field NetConf.${field} of type ${type}`,
  );
}

export const text = (fields: Fields, field: string): string | undefined =>
  typed(fields, field, 'string', (value) => typeof value === 'string');

export const flag = (fields: Fields, field: string): boolean =>
  typed(fields, field, 'bool', (value) => typeof value === 'boolean') ?? false;

export const number = (fields: Fields, field: string): number | undefined =>
  typed(fields, field, 'int', (value): value is number => Number.isInteger(value));

/** An object; empty where absent. */
export const object = (fields: Fields, field: string): Fields =>
  typed(fields, field, 'map', (value): value is Fields => typeof value === 'object' && !Array.isArray(value)) ?? {};

export const list = <T = unknown>(fields: Fields, field: string): readonly T[] =>
  typed(fields, field, 'slice', (value): value is readonly T[] => Array.isArray(value)) ?? [];

export const has = (fields: Fields, field: string): boolean => fields[field] !== undefined && fields[field] !== null;
