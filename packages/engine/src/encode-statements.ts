/** Rules as statement records: matches first, in their order, then actions (`assembly/layout/statement.ts`). */
import { Op } from './codes.ts';
import { encodeAction } from './encode-actions.ts';
import { encodeMatch } from './encode-matches.ts';
import { type Place, record } from './encode-record.ts';
import type { Action, Rule, Statement } from './rule.ts';

const ACTIONS: ReadonlySet<string> = new Set<Action['kind']>([
  'accept',
  'drop',
  'return',
  'jump',
  'goto',
  'reject',
  'set-mark',
  'set-connmark',
  'save-mark',
  'restore-mark',
  'dnat',
  'snat',
  'masquerade',
  'redirect',
  'notrack',
  'ct-zone',
  'set-add',
  'set-del',
  'note',
  'unmodelled-target',
]);

const isAction = (statement: Statement): statement is Action => ACTIONS.has(statement.kind);

/** Writes one rule; returns the address of its first statement. */
export function encodeRule(place: Place, rule: Rule): number {
  const start = place.encoding.arena.end;
  for (const statement of rule.body) if (!isAction(statement)) encodeMatch(place, statement);
  for (const statement of rule.body) if (isAction(statement)) encodeAction(place, statement);
  record(place, Op.END, 8, false, 0);
  return start;
}
