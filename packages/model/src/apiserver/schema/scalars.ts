/** Types with a decoder of their own. */

import { canonicalQuantity, QUANTITY_FAULT } from './quantity.ts';
import { Unreadable } from './reading.ts';
import { parseTime, timeFault } from './time.ts';
import { describe, int32, type Type } from './type.ts';

/** apimachinery/pkg/util/intstr. */
export const intOrString: Type<number | string> = {
  go: 'intstr.IntOrString',
  zero: () => 0,
  decode(value, reading) {
    if (typeof value === 'string') return value;
    if (value === null) return 0;
    if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
    return reading.refuse(typeof value === 'number' ? `number ${value}` : describe(value), int32.go);
  },
  encode: (value) => value,
  isEmpty: () => false,
};

/**
 * metav1.Time: RFC 3339 to the second, in UTC. Empty: no time, which is left out where Go says `omitzero` and else written as null.
 */
export const time: Type<string> = {
  go: 'v1.Time',
  zero: () => '',
  decode(value, reading) {
    if (value === null) return '';
    if (typeof value !== 'string') return reading.refuse(describe(value), 'string');
    const parsed = parseTime(value);
    if (parsed === undefined) throw new Unreadable(timeFault(value));
    return parsed;
  },
  encode: (value) => (value === '' ? null : value),
  isEmpty: (value) => value === '',
};

/** metav1.MicroTime: with six digits of the second. */
export const microTime: Type<string> = {
  ...time,
  go: 'v1.MicroTime',
  decode(value, reading) {
    const parsed = time.decode(value, reading);
    const fraction = typeof value === 'string' ? (/[.,](\d+)/.exec(value)?.[1] ?? '') : '';
    return parsed === '' ? '' : `${parsed.slice(0, -1)}.${fraction.padEnd(6, '0').slice(0, 6)}Z`;
  },
};

/** resource.Quantity, in its canonical form. */
export const quantity: Type<string> = {
  go: 'resource.Quantity',
  zero: () => '0',
  decode(value) {
    if (value === null || value === '') return '0';
    const canonical =
      typeof value === 'object' || typeof value === 'boolean' ? undefined : canonicalQuantity(String(value));
    if (canonical === undefined) throw new Unreadable(QUANTITY_FAULT);
    return canonical;
  },
  encode: (value) => value,
  isEmpty: () => false,
};

const BASE64 = /[A-Za-z0-9+/]/;

/** Where encoding/base64 stops reading; undefined for what is well-formed. Ends of lines do not count. */
function base64Fault(value: string): number | undefined {
  const characters = [...value].flatMap((character, index) => (/[\r\n]/.test(character) ? [] : [{ character, index }]));
  const end = characters.findIndex(({ character }) => !BASE64.test(character));
  const data = end < 0 ? characters.length : end;
  const open = data % 4;
  const rest = characters.slice(data);
  if (rest.length === 0) return open === 0 ? undefined : value.length - open;
  const wanted = open < 2 ? 0 : 4 - open;
  const wrong = rest.findIndex(({ character }, place) => place >= wanted || character !== '=');
  // Of a second padding character that is another one Go names the place before.
  if (wrong >= 0) return (rest[wrong]?.index ?? 0) - (wrong === 1 && wanted === 2 ? 1 : 0);
  return rest.length < wanted ? value.length : undefined;
}

/** Bytes, in base64. */
export const bytes: Type<string | undefined> = {
  go: '[]uint8',
  zero: () => undefined,
  decode(value, reading) {
    if (value === null) return undefined;
    if (typeof value !== 'string') {
      reading.mismatch(describe(value), '[]uint8');
      return undefined;
    }
    const fault = base64Fault(value);
    if (fault === undefined) return value.replace(/[\r\n]/g, '');
    reading.fault(`illegal base64 data at input byte ${fault}`);
    return undefined;
  },
  encode: (value) => value ?? null,
  isEmpty: (value) => value === undefined || value === '',
};
