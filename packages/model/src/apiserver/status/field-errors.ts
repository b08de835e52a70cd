/** Faults of fields, in the words of apimachinery/pkg/util/validation/field. */
import { goJson, goQuote } from './go-text.ts';

const TYPES = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooShort: 'Too short',
  FieldValueTooMany: 'Too many',
  FieldValueTypeInvalid: 'Invalid value',
  InternalError: 'Internal error',
} as const;

type FaultType = keyof typeof TYPES;

/** One cause of a refusal, as the status of the answer lists it. */
export interface Cause {
  reason?: FaultType;
  /** Without the field: `Invalid value: 0: must be between 1 and 65535, inclusive`. */
  message: string;
  /** As the server writes it, which is not always a path of the object: `spec.LoadBalancerSourceRanges[0]`. */
  field?: string;
}

/** A value in a message: strings quoted, numbers bare, everything else as JSON. */
function shown(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : goJson(value);
}

/** Collects the faults of one object in the order in which they are found. Paths are texts: `spec.ports[0].port`. */
export class FieldErrors {
  readonly list: Cause[] = [];

  #add(reason: FaultType, field: string, value: string | undefined, detail: string): void {
    const parts = [TYPES[reason], ...(value === undefined ? [] : [value]), ...(detail === '' ? [] : [detail])];
    this.list.push({ reason, message: parts.join(': '), field });
  }

  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, undefined, detail);
  }

  /** A `value` of undefined is a pointer that is not there. */
  invalid(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueInvalid', field, shown(value ?? null), detail);
  }

  /** The same value with several details, as the checks of names give them. */
  invalidEach(field: string, value: unknown, details: readonly string[]): void {
    for (const detail of details) this.invalid(field, value, detail);
  }

  typeInvalid(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueTypeInvalid', field, shown(value ?? null), detail);
  }

  /** `supported` in the order in which the server names them. */
  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const detail = supported.length === 0 ? '' : `supported values: ${supported.map(goQuote).join(', ')}`;
    this.#add('FieldValueNotSupported', field, shown(value ?? null), detail);
  }

  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, undefined, detail);
  }

  duplicate(field: string, value: unknown, detail = ''): void {
    this.#add('FieldValueDuplicate', field, shown(value ?? null), detail);
  }

  notFound(field: string, value: unknown): void {
    this.#add('FieldValueNotFound', field, shown(value ?? null), '');
  }

  tooLong(field: string, most: number, unit: 'byte' | 'character' = 'byte'): void {
    this.#add('FieldValueTooLong', field, undefined, `may not be more than ${most} ${unit}${most === 1 ? '' : 's'}`);
  }

  tooMany(field: string, found: number, most: number): void {
    this.#add('FieldValueTooMany', field, String(found), `must have at most ${most} item${most === 1 ? '' : 's'}`);
  }

  internal(field: string, detail: string): void {
    this.#add('InternalError', field, undefined, detail);
  }

  /** validation.go:ValidateImmutableField(). `isSame` says whether old and new are equal. */
  immutable(field: string, value: unknown, isSame: boolean): void {
    if (!isSame) this.invalid(field, value, 'field is immutable');
  }
}

/** field.ErrorList.ToAggregate(): each sentence once, in brackets where there are several. */
export function sentenceOf(causes: readonly Cause[]): string {
  const sentences = [...new Set(causes.map(({ field, message }) => `${field}: ${message}`))];
  return sentences.length === 1 ? (sentences[0] as string) : `[${sentences.join(', ')}]`;
}
