/** Statements of a rule, in order. */

import type { NftExpression, NftOperator, NftStatement } from '../syntax.ts';
import { ctKeys } from '../tables/keys.ts';
import { readLog, readMeter, readQueue, readReject, readSetStatement, readSynproxy } from './action.ts';
import type { Cursor } from './cursor.ts';
import { readKey, readMapData, readStatementValue } from './expression.ts';
import { readDup, readFwd, readNat, readNatPort, readTproxy } from './nat.ts';
import { tcpOption } from './packet.ts';
import { readStatefulStatement } from './state.ts';
import { readRightSide, readSet, readVerdict } from './values.ts';

const OPERATORS: Readonly<Record<string, NftOperator>> = {
  '==': '==',
  eq: '==',
  '!=': '!=',
  ne: '!=',
  '<': '<',
  lt: '<',
  '>': '>',
  gt: '>',
  '<=': '<=',
  le: '<=',
  '>=': '>=',
  ge: '>=',
  '!': '!',
  not: '!',
};

function operator(at: Cursor): NftOperator {
  const token = at.peek();
  const found = token.kind === 'sign' || token.kind === 'word' ? OPERATORS[token.text] : undefined;
  if (found === undefined) return 'in';
  at.next();
  return found;
}

/** Flags of `value / mask`. */
function readMask(at: Cursor): NftExpression {
  const mask = readRightSide(at);
  if (typeof mask === 'string' && /[.:]/.test(mask))
    return at.fail('syntax error: a mask of an address is a prefix length');
  return mask;
}

function settable(key: NftExpression): boolean {
  if (typeof key !== 'object' || Array.isArray(key)) return false;
  if ('ct' in key) return ctKeys[key.ct.key]?.settable === true || key.ct.key === 'event';
  return 'meta' in key || 'payload' in key || 'exthdr' in key || 'tcp option' in key || 'ip option' in key;
}

function test(at: Cursor): NftStatement {
  const left = at.is('{') ? readSet(at) : readKey(at);
  if (at.accept('vmap')) return { vmap: { key: left, data: readMapData(at) } };
  if (at.accept('set')) {
    if (!settable(left)) return at.fail('syntax error, unexpected set');
    const value = at.is('{') ? readSet(at) : readStatementValue(at);
    return { mangle: { key: left, value } };
  }
  if (at.is('map')) return at.unexpected();
  const op = operator(at);
  const right = readRightSide(at);
  if (!at.accept('/')) return { match: { op, left, right } };
  return { match: { op: op === 'in' ? '==' : op, left: { '&': [left, readMask(at)] }, right } };
}

/** `ct helper set "name"` and its kin; other uses of `ct` are expressions. */
function ctObject(at: Cursor): NftStatement | undefined {
  const kind = (['helper', 'timeout', 'expectation'] as const).find((word) => at.is(word, 1) && at.is('set', 2));
  if (kind === undefined) return undefined;
  at.place += 3;
  const value = readStatementValue(at);
  if (kind === 'helper') return { 'ct helper': value };
  return kind === 'timeout' ? { 'ct timeout': value } : { 'ct expectation': value };
}

function flow(at: Cursor): NftStatement {
  if (at.is('table', 1)) return readMeter(at);
  at.next();
  if (!at.accept('add') && !at.accept('offload')) return at.unexpected('expecting add');
  at.expect('@');
  return { flow: { op: 'add', flowtable: `@${at.string()}` } };
}

function reset(at: Cursor): NftStatement {
  at.next();
  at.expect('tcp');
  at.expect('option');
  return { reset: tcpOption(at, false) };
}

function xt(at: Cursor): NftStatement {
  at.next();
  const type = at.acceptOne(['match', 'target', 'watcher'] as const);
  const name = at.string();
  return type === undefined ? at.unexpected() : { xt: { type, name } };
}

function secmark(at: Cursor): NftStatement | undefined {
  if (!at.is('secmark', 1) || !at.is('set', 2)) return undefined;
  const start = at.place;
  at.place += 3;
  const value = readStatementValue(at);
  const named = typeof value === 'string' || (typeof value === 'object' && 'map' in value);
  if (named) return { secmark: value };
  at.place = start;
  return undefined;
}

/** One statement; what is none of the others is a test. */
function readStatement(at: Cursor): NftStatement {
  switch (at.word()) {
    case 'log':
      return readLog(at);
    case 'reject':
      return readReject(at);
    case 'snat':
    case 'dnat':
      return readNat(at, at.word() as 'snat' | 'dnat');
    case 'masquerade':
    case 'redirect':
      return readNatPort(at, at.word() as 'masquerade' | 'redirect');
    case 'tproxy':
      return readTproxy(at);
    case 'dup':
      return readDup(at);
    case 'fwd':
      return readFwd(at);
    case 'queue':
      return readQueue(at);
    case 'synproxy':
      return readSynproxy(at);
    case 'notrack':
      at.next();
      return { notrack: null };
    case 'flow':
      return flow(at);
    case 'meter':
      return readMeter(at);
    case 'reset':
      return reset(at);
    case 'xt':
      return xt(at);
    case 'set':
    case 'add':
    case 'update':
    case 'delete':
      return readSetStatement(at);
    default:
      break;
  }
  const special =
    readStatefulStatement(at) ??
    (at.is('ct') ? ctObject(at) : undefined) ??
    (at.is('meta') ? secmark(at) : undefined) ??
    readVerdict(at);
  return special ?? test(at);
}

/** Statements up to the end of the rule; its comment follows them. */
export function readRuleBody(at: Cursor): { expr: NftStatement[]; comment?: string } {
  const expr: NftStatement[] = [];
  while (!at.atSeparator() && !at.is('}')) {
    if (at.is('comment') && (at.isKind('quoted', 1) || at.isKind('word', 1))) {
      at.next();
      return { expr, comment: at.string() };
    }
    expr.push(readStatement(at));
  }
  return { expr };
}
