/** Rules as statement records, in the order written (`assembly/layout/statement.ts`). */
import { Op } from './codes.ts';
import { encodeAction } from './encode-actions.ts';
import { encodeMatch } from './encode-matches.ts';
import { encodeNft, encodeParts, isNft, type NftStatement, type Parts } from './encode-nft.ts';
import { type Place, record } from './encode-record.ts';
import { plainStatements } from './plain.ts';
import type { IptablesAction, PlainStatement, Statement } from './rule.ts';

const ACTIONS: ReadonlySet<string> = new Set<IptablesAction['kind']>([
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
  'ct-helper',
  'set-add',
  'set-del',
  'note',
  'unmodelled-target',
  'queue',
]);

type Iptables = Exclude<PlainStatement, NftStatement>;
type PlainAction = Extract<Iptables, IptablesAction>;

const isAction = (statement: Iptables): statement is PlainAction => ACTIONS.has(statement.kind);

/** Writes statements in a row; returns the address of the first. */
export function encodeBody(place: Place, written: readonly Statement[]): number {
  const body = plainStatements(written);
  const parts: (Parts | undefined)[] = [];
  for (let i = 0; i < body.length; i++) {
    const statement = body[i] as PlainStatement;
    if (isNft(statement)) parts[i] = encodeParts(place, statement);
  }
  const start = place.encoding.arena.end;
  for (let i = 0; i < body.length; i++) {
    const statement = body[i] as PlainStatement;
    if (isNft(statement)) encodeNft(place, statement, parts[i] as Parts);
    else if (isAction(statement)) encodeAction(place, statement);
    else encodeMatch(place, statement);
  }
  record(place, Op.END, 8, false, 0);
  return start;
}
