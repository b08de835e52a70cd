/** Statements that note, refuse or hand over a packet: `log`, `reject`, `queue`, `synproxy`, sets that grow, meters. */
import type { NftElem, NftExpression, NftLog, NftReject, NftStatement, NftSynproxyValues } from '../syntax.ts';
import type { Cursor } from './cursor.ts';
import { readKey, readStatementValue, readVariable } from './expression.ts';
import { readObjectName } from './state.ts';
import { readElementOptions, readSetReference } from './values.ts';

type LogValues = NonNullable<NftLog['log']>;

function logFlags(at: Cursor): string[] {
  if (at.accept('tcp')) {
    const flags: string[] = [];
    do {
      const flag = at.acceptOne(['sequence', 'options'] as const);
      if (flag === undefined) return at.unexpected('expecting sequence or options');
      flags.push(`tcp ${flag}`);
    } while (at.accept(','));
    return flags;
  }
  if (at.accept('ip')) {
    at.expect('options');
    return ['ip options'];
  }
  const flag = at.acceptOne(['skuid', 'ether', 'all'] as const);
  return flag === undefined ? at.unexpected('expecting a log flag') : [flag];
}

export function readLog(at: Cursor): NftStatement {
  at.next();
  const values: LogValues = {};
  const flags: string[] = [];
  for (;;) {
    if (at.accept('prefix')) {
      const prefix = at.accept('$') ? readVariable(at) : at.string();
      if (typeof prefix !== 'string') return at.fail('log prefix is not text');
      values.prefix = prefix;
    } else if (at.accept('group')) values.group = at.number();
    else if (at.accept('snaplen')) values.snaplen = at.number();
    else if (at.accept('queue-threshold')) values['queue-threshold'] = at.number();
    else if (at.accept('level')) values.level = at.string();
    else if (at.accept('flags')) flags.push(...logFlags(at));
    else break;
  }
  if (flags.length > 0) values.flags = flags.length === 1 ? (flags[0] as string) : flags;
  return { log: Object.keys(values).length === 0 ? null : values };
}

export function readReject(at: Cursor): NftReject {
  at.next();
  if (!at.accept('with')) return { reject: null };
  if (at.accept('tcp')) {
    at.expect('reset');
    return { reject: { type: 'tcp reset' } };
  }
  const type = at.acceptOne(['icmp', 'icmpv6', 'icmpx'] as const);
  if (type === undefined) return at.unexpected('expecting icmp, icmpv6, icmpx or tcp');
  at.accept('type');
  const expr = at.isKind('number') ? at.number() : at.string();
  return { reject: { type, expr } };
}

function queueFlags(at: Cursor): string[] {
  const flags: string[] = [];
  do {
    const flag = at.acceptOne(['bypass', 'fanout'] as const);
    if (flag === undefined) return at.unexpected('expecting bypass or fanout');
    flags.push(flag);
  } while (at.accept(','));
  return flags;
}

function queueNumber(at: Cursor): NftExpression {
  const value = readStatementValue(at);
  const computed =
    typeof value === 'number' ||
    (typeof value === 'object' &&
      ('range' in value || 'numgen' in value || 'jhash' in value || 'symhash' in value || 'map' in value));
  return computed ? value : at.fail('queue: expecting a number, a range or a map');
}

/** Also the older `queue num 1-3 bypass`. */
export function readQueue(at: Cursor): NftStatement {
  at.next();
  const values: { num?: NftExpression; flags?: string | string[] } = {};
  const flags: string[] = [];
  if (at.accept('flags')) flags.push(...queueFlags(at));
  if (at.accept('to')) {
    values.num = queueNumber(at);
    const computed = typeof values.num === 'object' && !('range' in values.num);
    if (computed && flags.includes('fanout')) return at.fail('fanout requires a range to be specified');
  } else {
    for (;;) {
      if (at.accept('num')) values.num = queueNumber(at);
      else if (at.is('bypass') || at.is('fanout')) flags.push(...queueFlags(at));
      else break;
    }
  }
  if (flags.length > 0) values.flags = flags.length === 1 ? (flags[0] as string) : flags;
  return { queue: Object.keys(values).length === 0 ? null : values };
}

/** What follows `synproxy`, in any order; also the body of a synproxy object. */
export function readSynproxyValues(at: Cursor, skip: () => void = () => {}): NftSynproxyValues {
  const values: NftSynproxyValues = {};
  const flags: string[] = [];
  for (;;) {
    skip();
    if (at.accept('mss') || at.accept('maxseg')) values.mss = at.number();
    else if (at.accept('wscale')) values.wscale = at.number();
    else if (at.accept('timestamp')) flags.push('timestamp');
    else if (at.accept('sack-perm') || at.accept('sack-permitted')) flags.push('sack-perm');
    else break;
  }
  if (flags.length > 0) values.flags = flags;
  return values;
}

export function readSynproxy(at: Cursor): NftStatement {
  at.next();
  if (at.accept('name')) return { synproxy: readObjectName(at) };
  const values = readSynproxyValues(at);
  return { synproxy: Object.keys(values).length === 0 ? null : values };
}

/** A key with the statements and times that its element gets. */
function dynamicElement(at: Cursor): { elem: NftExpression; stmt: NftStatement[] } {
  const val = readKey(at);
  const {
    counter,
    limit,
    quota,
    'ct count': count,
    last,
    ...times
  } = readElementOptions(at) satisfies Partial<NftElem['elem']>;
  const stmt: NftStatement[] = [];
  if (counter !== undefined) stmt.push({ counter });
  if (limit !== undefined) stmt.push({ limit });
  if (quota !== undefined) stmt.push({ quota });
  if (count !== undefined) stmt.push({ 'ct count': count });
  if (last !== undefined) stmt.push({ last });
  return { elem: Object.keys(times).length === 0 ? val : { elem: { val, ...times } }, stmt };
}

/** `add @set { key }`, `update @map { key : value }`, and the older `set add key @set`. */
export function readSetStatement(at: Cursor): NftStatement {
  const older = at.accept('set');
  const op = at.acceptOne(['add', 'update', 'delete'] as const);
  if (op === undefined) return at.unexpected('expecting add, update or delete');
  if (older) {
    const { elem, stmt } = dynamicElement(at);
    return { set: { op, elem, set: readSetReference(at) as string, ...(stmt.length > 0 ? { stmt } : {}) } };
  }
  const name = readSetReference(at) as string;
  at.expect('{');
  const { elem, stmt } = dynamicElement(at);
  const states = stmt.length > 0 ? { stmt } : {};
  const data = at.accept(':') ? readStatementValue(at) : undefined;
  at.expect('}');
  return data === undefined
    ? { set: { op, elem, set: name, ...states } }
    : { map: { op, elem, data, map: name, ...states } };
}

/** `meter name size 128 { key limit … }`, and the older `flow table name { … }`. */
export function readMeter(at: Cursor): NftStatement {
  const older = at.is('flow');
  at.next();
  if (older) at.expect('table');
  const name = at.string();
  const size = at.accept('size') ? { size: at.number() } : {};
  at.expect('{');
  const { elem: key, stmt: states } = dynamicElement(at);
  at.expect('}');
  const [stmt, second] = states;
  if (!stmt || second) return at.fail('meter takes one stateful statement');
  return { meter: { key, stmt, size: size.size ?? 0, name } };
}
