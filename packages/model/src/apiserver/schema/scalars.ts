/** Types with a decoder of their own. */
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
