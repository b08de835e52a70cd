/** Counting statements as text. */

import { printMilliseconds } from '../base/time.ts';
import { NAME_SHAPE } from '../evaluate/shape.ts';
import type { NftExpression, NftStatement } from '../syntax.ts';
import { type PrintStyle, printExpression, quote } from './expression.ts';

/** Name of an object, or the map that gives one. */
export function printName(name: NftExpression, style: PrintStyle): string {
  return typeof name === 'string' ? quote(name) : printExpression(name, style, NAME_SHAPE);
}

export interface LimitText {
  rate: number;
  rate_unit?: string | undefined;
  per?: string | undefined;
  burst?: number | undefined;
  burst_unit?: string | undefined;
  inv?: boolean | undefined;
}

/** Bursts that nft takes when none is said are not printed. */
export function printRate(limit: LimitText): string {
  const over = limit.inv === true ? 'over ' : '';
  const per = limit.per ?? 'second';
  if (limit.rate_unit === undefined || limit.rate_unit === 'packets') {
    const burst =
      limit.burst === undefined || limit.burst === 0 || limit.burst === 5 ? '' : ` burst ${limit.burst} packets`;
    return `rate ${over}${limit.rate}/${per}${burst}`;
  }
  const burst = limit.burst ? ` burst ${limit.burst} ${limit.burst_unit ?? 'bytes'}` : '';
  return `rate ${over}${limit.rate} ${limit.rate_unit}/${per}${burst}`;
}

/** The statement; undefined where it is none of these. */
export function printStatefulStatement(statement: NftStatement, style: PrintStyle): string | undefined {
  if ('counter' in statement) {
    const { counter } = statement;
    if (typeof counter === 'string' || (counter !== null && 'map' in counter))
      return `counter name ${printName(counter, style)}`;
    if (counter === null || style.stateless === true) return 'counter';
    return `counter packets ${counter.packets ?? 0} bytes ${counter.bytes ?? 0}`;
  }
  if ('limit' in statement) {
    const { limit } = statement;
    return typeof limit === 'string' || 'map' in limit
      ? `limit name ${printName(limit, style)}`
      : `limit ${printRate(limit)}`;
  }
  if ('quota' in statement) {
    const { quota } = statement;
    if (typeof quota === 'string' || 'map' in quota) return `quota name ${printName(quota, style)}`;
    const used = quota.used && style.stateless !== true ? ` used ${quota.used} ${quota.used_unit ?? 'bytes'}` : '';
    return `quota ${quota.inv === true ? 'over ' : ''}${quota.val} ${quota.val_unit ?? 'bytes'}${used}`;
  }
  if ('ct count' in statement) {
    const { val, inv } = statement['ct count'];
    return `ct count ${inv === true ? 'over ' : ''}${val}`;
  }
  if ('last' in statement) {
    if (style.stateless === true) return 'last';
    return statement.last === null ? 'last used never' : `last used ${printMilliseconds(statement.last.used) || '0s'}`;
  }
  return undefined;
}
