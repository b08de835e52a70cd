/** Times as Go's time.Parse() reads them in RFC 3339, and what it says of others. */
import { goQuote } from '../status/go-text.ts';

const LAYOUT = '2006-01-02T15:04:05Z07:00';

const ELEMENTS: readonly [layout: string, expression: RegExp][] = [
  ['2006', /^\d{4}/],
  ['-', /^-/],
  ['01', /^\d{2}/],
  ['-', /^-/],
  ['02', /^\d{2}/],
  ['T', /^T/],
  ['15', /^\d{2}/],
  [':', /^:/],
  ['04', /^\d{2}/],
  [':', /^:/],
  ['05', /^\d{2}(?:[.,]\d+)?/],
  ['Z07:00', /^(?:Z|[+-]\d{2}:\d{2})/],
];

/** The sentence of time.Parse() about a text that is no time. */
export function timeFault(text: string): string {
  const opening = `parsing time ${goQuote(text)}`;
  let rest = text;
  for (const [layout, expression] of ELEMENTS) {
    const found = expression.exec(rest);
    if (found === null) return `${opening} as ${goQuote(LAYOUT)}: cannot parse ${goQuote(rest)} as ${goQuote(layout)}`;
    rest = rest.slice(found[0].length);
  }
  return rest === '' ? `${opening}: ${outOfRange(text)} out of range` : `${opening}: extra text: ${goQuote(rest)}`;
}

function outOfRange(text: string): string {
  const [, month = 0, day = 0, hour = 0, minute = 0] = (text.match(/\d+/g) ?? []).map(Number);
  if (month < 1 || month > 12) return 'month';
  if (day < 1 || day > 31) return 'day';
  if (hour > 23) return 'hour';
  if (minute > 59) return 'minute';
  return /:(?:[6-9]\d)(?:[.Z+-]|$)/.test(text) ? 'second' : 'day';
}

const WHOLE = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,]\d+)?(?:Z|[+-]\d{2}:\d{2})$/;

/** The time in UTC to the second, `2024-05-01T12:00:00Z`; undefined for what is no time. */
export function parseTime(text: string): string | undefined {
  const [, , month, day] = WHOLE.exec(text) ?? [];
  const at = day === undefined ? Number.NaN : Date.parse(text.replace(',', '.'));
  if (Number.isNaN(at)) return undefined;
  const lastDay = new Date(Date.UTC(Number(text.slice(0, 4)), Number(month), 0)).getUTCDate();
  if (Number(day) > lastDay) return undefined;
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
