/** Statements that translate or divert: `snat`, `dnat`, `masquerade`, `redirect`, `tproxy`, `dup`, `fwd`. */
import type { NftExpression, NftNat, NftNatPort, NftStatement } from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { readStatementValue } from './expression.ts';

const FLAGS = ['random', 'fully-random', 'persistent'] as const;

/** `random,persistent`: one flag alone stays text. */
function readFlags(at: Cursor): { flags?: string | string[] } {
  const first = at.acceptOne(FLAGS);
  if (first === undefined) return {};
  const flags: string[] = [first];
  while (at.accept(',')) {
    const flag = at.acceptOne(FLAGS);
    if (flag === undefined) return at.unexpected('expecting a flag');
    flags.push(flag);
  }
  return { flags: flags.length === 1 ? first : flags };
}

function family(at: Cursor): 'ip' | 'ip6' | undefined {
  const known = at.is('ip') || at.is('ip6');
  const follows = ['to', 'addr', 'interval', 'prefix'].includes(at.word(1));
  return known && follows ? at.acceptOne(['ip', 'ip6'] as const) : undefined;
}

export function readNat(at: Cursor, kind: 'snat' | 'dnat'): NftStatement {
  at.next();
  const nat: NftNat = {};
  const said = family(at);
  if (said !== undefined) nat.family = said;
  if (at.accept('addr', '.', 'port')) nat.type_flags = 'concat';
  else if (at.accept('interval')) nat.type_flags = 'interval';
  else if (at.accept('prefix')) nat.type_flags = 'prefix';
  at.accept('to');
  if (!at.is(':')) nat.addr = readStatementValue(at);
  if (at.accept(':')) nat.port = readStatementValue(at);
  Object.assign(nat, readFlags(at));
  return kind === 'snat' ? { snat: nat } : { dnat: nat };
}

/** `redirect` may leave out the colon before the port. */
export function readNatPort(at: Cursor, kind: 'masquerade' | 'redirect'): NftStatement {
  at.next();
  const values: NftNatPort = {};
  if (at.accept('to')) {
    if (kind === 'masquerade') at.expect(':');
    else at.accept(':');
    values.port = readStatementValue(at);
  }
  Object.assign(values, readFlags(at));
  const body = Object.keys(values).length === 0 ? null : values;
  return kind === 'masquerade' ? { masquerade: body } : { redirect: body };
}

export function readTproxy(at: Cursor): NftStatement {
  at.next();
  const said = family(at);
  at.expect('to');
  const addr: { addr?: NftExpression } = at.is(':') ? {} : { addr: readStatementValue(at) };
  const port: { port?: NftExpression } = at.accept(':') ? { port: readStatementValue(at) } : {};
  return { tproxy: { ...(said === undefined ? {} : { family: said }), ...addr, ...port } };
}

export function readDup(at: Cursor): NftStatement {
  at.next();
  at.expect('to');
  const addr = readStatementValue(at);
  return { dup: { addr, ...(at.accept('device') ? { dev: readStatementValue(at) } : {}) } };
}

export function readFwd(at: Cursor): NftStatement {
  at.next();
  const said = family(at);
  at.expect('to');
  const first = readStatementValue(at);
  if (said === undefined) return { fwd: { dev: first } };
  at.expect('device');
  return { fwd: { dev: readStatementValue(at), family: said, addr: first } };
}
