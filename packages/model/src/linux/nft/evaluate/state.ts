/** Statements that count or limit: their units and defaults, and objects that they name. */
import { NftRefusal } from '../base/refusal.ts';
import type {
  NftCounter,
  NftExpression,
  NftLimit,
  NftLimitValues,
  NftQuota,
  NftQuotaValues,
  NftStatement,
  NftSynproxy,
} from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import type { Evaluator } from './evaluator.ts';
import { orderedFlags } from './nat.ts';
import type { Part } from './term.ts';

const UNITS = ['bytes', 'kbytes', 'mbytes'] as const;
const NAME: Part = { type: types.string, bits: 128 * 8 };

/** The largest unit that divides it (nftables' get_rate). */
export function inUnits(bytes: number): { value: number; unit: string } {
  let value = bytes;
  let unit = 0;
  while (value !== 0 && unit < 2 && value % 1024 === 0) {
    value /= 1024;
    unit++;
  }
  return { value, unit: UNITS[unit] as string };
}

function inBytes(value: number, unit: string | undefined): number {
  const power = UNITS.indexOf((unit ?? 'bytes') as (typeof UNITS)[number]);
  if (power < 0) throw new NftRefusal(`unknown unit "${unit}"`);
  return value * 1024 ** power;
}

function normalLimit(limit: NftLimitValues): NftLimitValues {
  const per = limit.per ?? 'second';
  if (!['second', 'minute', 'hour', 'day', 'week'].includes(per)) throw new NftRefusal(`unknown time unit "${per}"`);
  if (limit.rate === 0) throw new NftRefusal('limit rate must be > 0');
  const inv = limit.inv === true ? { inv: true } : {};
  if (limit.rate_unit === undefined || limit.rate_unit === 'packets')
    return { rate: limit.rate, burst: limit.burst ?? 5, per, ...inv };
  const rate = inUnits(inBytes(limit.rate, limit.rate_unit));
  const burst = inUnits(inBytes(limit.burst ?? 0, limit.burst_unit));
  return { rate: rate.value, burst: burst.value, per, ...inv, rate_unit: rate.unit, burst_unit: burst.unit };
}

function normalQuota(quota: NftQuotaValues): NftQuotaValues {
  const val = inUnits(inBytes(quota.val, quota.val_unit));
  const used = quota.used ? inUnits(inBytes(quota.used, quota.used_unit)) : undefined;
  return {
    val: val.value,
    val_unit: val.unit,
    ...(quota.inv === true ? { inv: true } : {}),
    ...(used ? { used: used.value, used_unit: used.unit } : {}),
  };
}

/** The statement in the form in which it is listed; for elements of sets, too. */
export function normalState(statement: NftStatement): NftStatement {
  if ('limit' in statement && typeof statement.limit === 'object' && !('map' in statement.limit))
    return { limit: normalLimit(statement.limit) };
  if ('quota' in statement && typeof statement.quota === 'object' && !('map' in statement.quota))
    return { quota: normalQuota(statement.quota) };
  if ('ct count' in statement) {
    const { val, inv } = statement['ct count'];
    return { 'ct count': { val, ...(inv === true ? { inv: true } : {}) } };
  }
  return statement;
}

export type ObjectKind =
  | 'counter'
  | 'quota'
  | 'limit'
  | 'synproxy'
  | 'ct helper'
  | 'ct timeout'
  | 'ct expectation'
  | 'secmark';

/** A statement that uses an object by name, or by a map of names. */
export function evaluateReference(at: Evaluator, kind: ObjectKind, name: NftExpression): void {
  const build = (value: NftExpression): NftStatement => ({ [kind]: value }) as unknown as NftStatement;
  if (typeof name === 'object' && !Array.isArray(name) && 'map' in name) {
    const map = at.map(name.map, { shape: [NAME] }, kind);
    at.push({ is: 'action', terms: [map], build: ([value]) => build(value as NftExpression) });
    return;
  }
  if (typeof name !== 'string') throw new NftRefusal(`${kind} expression must be constant`);
  if (at.scope.object(kind, name) === false) throw new NftRefusal(`No such file or directory: ${kind} ${name}`);
  at.push({ is: 'action', terms: [], build: () => build(name) });
}

export function evaluateCounter(at: Evaluator, { counter }: NftCounter): void {
  if (typeof counter === 'string' || (counter !== null && 'map' in counter)) evaluateReference(at, 'counter', counter);
  else {
    const values = counter === null ? null : { packets: counter.packets ?? 0, bytes: counter.bytes ?? 0 };
    at.push({ is: 'action', terms: [], build: () => ({ counter: values }) });
  }
}

export function evaluateLimit(at: Evaluator, { limit }: NftLimit): void {
  if (typeof limit === 'string' || 'map' in limit) evaluateReference(at, 'limit', limit);
  else {
    const values = normalLimit(limit);
    at.push({ is: 'action', terms: [], build: () => ({ limit: values }) });
  }
}

export function evaluateQuota(at: Evaluator, { quota }: NftQuota): void {
  if (typeof quota === 'string' || 'map' in quota) evaluateReference(at, 'quota', quota);
  else {
    const values = normalQuota(quota);
    at.push({ is: 'action', terms: [], build: () => ({ quota: values }) });
  }
}

export function evaluateSynproxy(at: Evaluator, { synproxy }: NftSynproxy): void {
  if (typeof synproxy === 'string' || (synproxy !== null && 'map' in synproxy)) {
    evaluateReference(at, 'synproxy', synproxy);
    return;
  }
  const flags = orderedFlags(synproxy?.flags, ['timestamp', 'sack-perm']).flags;
  const values = {
    ...(synproxy?.mss === undefined ? {} : { mss: synproxy.mss }),
    ...(synproxy?.wscale === undefined ? {} : { wscale: synproxy.wscale }),
    ...(flags === undefined ? {} : { flags: typeof flags === 'string' ? [flags] : flags }),
  };
  const body = Object.keys(values).length === 0 ? null : values;
  at.push({ is: 'action', terms: [], build: () => ({ synproxy: body }) });
}
