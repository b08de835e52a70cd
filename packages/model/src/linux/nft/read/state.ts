/** Statements that count: `counter`, `limit`, `quota`, `ct count`, `last`. Elements of sets carry them too. */
import type {
  NftCounter,
  NftCtCount,
  NftLast,
  NftLimit,
  NftLimitValues,
  NftMapLookup,
  NftQuota,
  NftQuotaValues,
} from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { readStatementValue } from './expression.ts';
import { readMilliseconds } from './time.ts';

const BYTE_UNITS = ['bytes', 'kbytes', 'mbytes'] as const;
const TIME_UNITS = ['second', 'minute', 'hour', 'day', 'week'] as const;

/** Name of an object, or a map that gives one. */
export function readObjectName(at: Cursor): string | NftMapLookup {
  const value = readStatementValue(at);
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && !Array.isArray(value) && 'map' in value) return value;
  return at.fail('expecting the name of an object');
}

export function readCounterValues(at: Cursor): { packets?: number; bytes?: number } {
  const values: { packets?: number; bytes?: number } = {};
  for (;;) {
    if (at.is('packets') && at.isKind('number', 1)) {
      at.next();
      values.packets = at.number();
    } else if (at.is('bytes') && at.isKind('number', 1)) {
      at.next();
      values.bytes = at.number();
    } else return values;
  }
}

function counter(at: Cursor): NftCounter {
  at.next();
  if (at.accept('name')) return { counter: readObjectName(at) };
  const values = readCounterValues(at);
  return { counter: Object.keys(values).length === 0 ? null : { packets: 0, bytes: 0, ...values } };
}

/** `over` or `until` (which is the default). */
function mode(at: Cursor): { inv?: true } {
  if (at.accept('over')) return { inv: true };
  at.accept('until');
  return {};
}

function byteUnit(at: Cursor): string {
  const word = at.word();
  const unit = BYTE_UNITS.find((known) => known === word);
  if (unit === undefined) return at.fail(`unknown unit "${at.peek().text}"`);
  at.next();
  return unit;
}

/** `kbytes/second` is one word, `bytes / second` three. */
function rateUnits(at: Cursor): { rate_unit?: string; per: string } {
  const joined = /^(k|m)?bytes\/(\w+)$/.exec(at.word());
  if (joined) {
    at.next();
    const per = TIME_UNITS.find((unit) => unit === joined[2]);
    return per === undefined
      ? at.fail(`unknown time unit "${joined[2]}"`)
      : { rate_unit: `${joined[1] ?? ''}bytes`, per };
  }
  const rate_unit = at.is('/') ? undefined : byteUnit(at);
  at.expect('/');
  const per = at.acceptOne(TIME_UNITS);
  if (per === undefined) return at.unexpected('expecting a time unit');
  return { ...(rate_unit === undefined ? {} : { rate_unit }), per };
}

/** What follows `limit rate`, or `rate` of a limit object. */
export function readLimitValues(at: Cursor): NftLimitValues {
  const inv = mode(at);
  const values: NftLimitValues = { rate: at.number(), ...rateUnits(at), ...inv };
  if (!at.accept('burst')) return values;
  values.burst = at.number();
  if (values.rate_unit === undefined) at.expect('packets');
  else values.burst_unit = byteUnit(at);
  return values;
}

function limit(at: Cursor): NftLimit {
  at.next();
  if (at.accept('name')) return { limit: readObjectName(at) };
  at.expect('rate');
  return { limit: readLimitValues(at) };
}

/** What follows `quota`. */
export function readQuotaValues(at: Cursor): NftQuotaValues {
  const inv = mode(at);
  const val = at.number();
  const values: NftQuotaValues = { val, val_unit: byteUnit(at), ...inv };
  if (!at.accept('used')) return values;
  values.used = at.number();
  values.used_unit = byteUnit(at);
  return values;
}

function quota(at: Cursor): NftQuota {
  at.next();
  if (at.accept('name')) return { quota: readObjectName(at) };
  return { quota: readQuotaValues(at) };
}

function ctCount(at: Cursor): NftCtCount {
  at.next();
  at.next();
  const inv = at.accept('over') ? { inv: true } : {};
  return { 'ct count': { val: at.number(), ...inv } };
}

function last(at: Cursor): NftLast {
  at.next();
  if (!at.accept('used')) return { last: null };
  if (at.accept('never')) return { last: null };
  return { last: { used: readMilliseconds(at) } };
}

/** The counting statement that starts here; undefined where none does. */
export function readStatefulStatement(at: Cursor): NftCounter | NftLimit | NftQuota | NftCtCount | NftLast | undefined {
  switch (at.word()) {
    case 'counter':
      return counter(at);
    case 'limit':
      return limit(at);
    case 'quota':
      return quota(at);
    case 'last':
      return last(at);
    case 'ct':
      return at.is('count', 1) ? ctCount(at) : undefined;
    default:
      return undefined;
  }
}
