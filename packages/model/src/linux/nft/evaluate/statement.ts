/** Each statement of a rule, as nft evaluates it when the rule is added. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftExpression, NftLog, NftMangle, NftMeter, NftQueue, NftStatement } from '../syntax.ts';
import { types } from '../tables/datatypes.ts';
import { type Evaluator, writable } from './evaluator.ts';
import { evaluateMatch, evaluateVerdictMap } from './match.ts';
import { evaluateDup, evaluateFwd, evaluateNat, evaluateNatPort, evaluateTproxy, orderedFlags } from './nat.ts';
import { evaluateReject } from './reject.ts';
import { requireSet } from './scope.ts';
import {
  evaluateCounter,
  evaluateLimit,
  evaluateQuota,
  evaluateReference,
  evaluateSynproxy,
  normalState,
} from './state.ts';
import { isConstant, type Part, shapeOf, type Term } from './term.ts';

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit'];
const LOG_FLAGS = ['tcp sequence', 'tcp options', 'ip options', 'skuid', 'ether'];

function keep(at: Evaluator, statement: NftStatement): void {
  at.push({ is: 'action', terms: [], build: () => statement });
}

function log(at: Evaluator, { log: given }: NftLog): void {
  const values = { ...given };
  const flags = values.flags === undefined ? [] : typeof values.flags === 'string' ? [values.flags] : values.flags;
  const grouped = values.group !== undefined || values.snaplen !== undefined || values['queue-threshold'] !== undefined;
  if (grouped && values.level !== undefined) throw new NftRefusal('level and group are mutually exclusive');
  if (grouped && flags.length > 0) throw new NftRefusal('flags and group are mutually exclusive');
  if (values.level !== undefined && !LEVELS.includes(values.level)) throw new NftRefusal('invalid log level');
  if (values.level === 'audit' && (values.prefix !== undefined || grouped || flags.length > 0))
    throw new NftRefusal("log level audit doesn't support any further options");
  if (values.prefix !== undefined && values.prefix.length > 127) throw new NftRefusal('log prefix is too long');
  const all = flags.includes('all') || LOG_FLAGS.every((flag) => flags.includes(flag));
  const shown = all ? { flags: 'all' } : orderedFlags(flags, LOG_FLAGS);
  const body = {
    ...(values.prefix === undefined ? {} : { prefix: values.prefix }),
    ...(values.group === undefined ? {} : { group: values.group }),
    ...(values.snaplen === undefined ? {} : { snaplen: values.snaplen }),
    ...(values['queue-threshold'] === undefined ? {} : { 'queue-threshold': values['queue-threshold'] }),
    ...(values.level === undefined || values.level === 'warn' ? {} : { level: values.level }),
    ...shown,
  };
  keep(at, { log: Object.keys(body).length === 0 ? null : body });
}

function queue(at: Evaluator, given: NftQueue): void {
  const flags = orderedFlags(given.queue?.flags, ['bypass', 'fanout']);
  const part: Part = { type: types.integer, bits: 16 };
  const term = at.value(given.queue?.num ?? 0, part);
  const has = (flag: string): boolean =>
    flags.flags === flag || (Array.isArray(flags.flags) && flags.flags.includes(flag));
  if (has('fanout') && term.is !== 'range') throw new NftRefusal('fanout requires a range to be specified');
  const [own] = shapeOf(term);
  if (own?.max !== undefined && own.max > 0xffff) throw new NftRefusal('queue expression max value exceeds 65535');
  at.push({ is: 'action', terms: [term], build: ([num]) => ({ queue: { num: num as NftExpression, ...flags } }) });
}

function mangle(at: Evaluator, { mangle: { key, value } }: NftMangle): void {
  if (typeof key !== 'object' || Array.isArray(key)) throw new NftRefusal('invalid mangle statement key');
  if ('payload' in key || 'exthdr' in key || 'tcp option' in key || 'ip option' in key) {
    const left = at.left(key);
    const [part] = shapeOf(left);
    if (!part) throw new NftRefusal('invalid mangle statement key');
    const term = at.value(value, part);
    if (left.is === 'payload') at.push({ is: 'mangle', key: left, value: term });
    else
      at.push({
        is: 'action',
        terms: [left, term],
        build: ([to, what]) => ({ mangle: { key: to as NftExpression, value: what as NftExpression } }),
      });
    return;
  }
  const kind = 'meta' in key ? 'meta' : 'ct' in key ? 'ct' : undefined;
  const name = 'meta' in key ? key.meta.key : 'ct' in key ? key.ct.key : '';
  const part = kind && writable(kind, name);
  if (!part)
    throw new NftRefusal(
      `Could not process rule: Operation not supported: ${kind ?? 'expression'} ${name} cannot be set`,
    );
  if ('ct' in key && key.ct.dir !== undefined && name !== 'zone') throw new NftRefusal(`ct ${name} has no direction`);
  const term = at.value(value, part);
  if (name === 'secmark' && kind === 'ct' && isConstant(term))
    throw new NftRefusal('ct secmark must not be set to constant value');
  const list = kind === 'ct' && name === 'event';
  at.push({
    is: 'action',
    terms: [term],
    build: ([what]) => ({
      mangle: { key, value: list ? flagsAsList(what as NftExpression) : (what as NftExpression) },
    }),
  });
}

/** Flags joined by `|` as a list. */
function flagsAsList(node: NftExpression): NftExpression {
  const flags: NftExpression[] = [];
  const walk = (at: NftExpression): void => {
    if (typeof at === 'object' && !Array.isArray(at) && '|' in at) at['|'].forEach(walk);
    else flags.push(at);
  };
  walk(node);
  return flags.length === 1 ? (flags[0] as NftExpression) : flags;
}

/** Key of a set that grows, as the set's type wants it. */
function dynamicKey(at: Evaluator, elem: NftExpression): { term: Term; options: Record<string, unknown> } {
  const inner = typeof elem === 'object' && !Array.isArray(elem) && 'elem' in elem ? elem.elem : { val: elem };
  const { val, ...options } = inner;
  const term = at.left(val);
  if (isConstant(term)) throw new NftRefusal('Key expression can not be constant');
  if ('comment' in options) throw new NftRefusal('Key expression comments are not supported');
  return { term, options };
}

function withOptions(val: NftExpression, options: Record<string, unknown>): NftExpression {
  return Object.keys(options).length === 0 ? val : { elem: { val, ...options } };
}

function growSet(at: Evaluator, statement: Extract<NftStatement, { set: unknown }>['set']): void {
  const info = requireSet(at.scope, statement.set);
  const { term, options } = dynamicKey(at, statement.elem);
  at.checkSet(info.name, shapeOf(term));
  const stmt = statement.stmt?.map(normalState);
  at.push({
    is: 'action',
    terms: [term],
    build: ([key]) => ({
      set: {
        op: statement.op,
        elem: withOptions(key as NftExpression, options),
        set: `@${info.name}`,
        ...(stmt && stmt.length > 0 ? { stmt } : {}),
      },
    }),
  });
}

function growMap(
  at: Evaluator,
  statement: Extract<Extract<NftStatement, { map: unknown }>, { map: { op: unknown } }>['map'],
): void {
  const info = requireSet(at.scope, statement.map);
  if (info.data === undefined || info.data === 'verdict') throw new NftRefusal(`${info.name} is not a map`);
  const { term, options } = dynamicKey(at, statement.elem);
  at.checkSet(info.name, shapeOf(term));
  const [part, more] = info.data;
  const data = more || !part ? at.right(statement.data, info.data) : at.value(statement.data, part);
  const stmt = statement.stmt?.map(normalState);
  at.push({
    is: 'action',
    terms: [term, data],
    build: ([key, value]) => ({
      map: {
        op: statement.op,
        elem: withOptions(key as NftExpression, options),
        data: value as NftExpression,
        map: `@${info.name}`,
        ...(stmt && stmt.length > 0 ? { stmt } : {}),
      },
    }),
  });
}

function meter(at: Evaluator, { meter: given }: NftMeter): void {
  const { term, options } = dynamicKey(at, given.key);
  const stmt = normalState(given.stmt);
  at.push({
    is: 'action',
    terms: [term],
    build: ([key]) => ({
      meter: { key: withOptions(key as NftExpression, options), stmt, size: given.size ?? 0, name: given.name },
    }),
  });
}

/** Evaluates one statement; tells whether nothing may follow it. Throws `NftRefusal`. */
export function evaluateStatement(at: Evaluator, statement: NftStatement): boolean {
  if ('match' in statement) evaluateMatch(at, statement.match);
  else if ('vmap' in statement) evaluateVerdictMap(at, statement.vmap);
  else if ('counter' in statement) evaluateCounter(at, statement);
  else if ('limit' in statement) evaluateLimit(at, statement);
  else if ('quota' in statement) evaluateQuota(at, statement);
  else if ('ct count' in statement) keep(at, normalState(statement));
  else if ('synproxy' in statement) evaluateSynproxy(at, statement);
  else if ('log' in statement) log(at, statement);
  else if ('mangle' in statement) mangle(at, statement);
  else if ('set' in statement) growSet(at, statement.set);
  else if ('map' in statement) growMap(at, statement.map);
  else if ('meter' in statement) meter(at, statement);
  else if ('ct helper' in statement) evaluateReference(at, 'ct helper', statement['ct helper']);
  else if ('ct timeout' in statement) evaluateReference(at, 'ct timeout', statement['ct timeout']);
  else if ('ct expectation' in statement) evaluateReference(at, 'ct expectation', statement['ct expectation']);
  else if ('secmark' in statement) evaluateReference(at, 'secmark', statement.secmark);
  else if ('tproxy' in statement) evaluateTproxy(at, statement.tproxy);
  else if ('dup' in statement) evaluateDup(at, statement.dup);
  else if ('reset' in statement) {
    const option = at.left(statement.reset);
    at.push({ is: 'action', terms: [option], build: ([what]) => ({ reset: what as typeof statement.reset }) });
  } else if (
    'notrack' in statement ||
    'flow' in statement ||
    'last' in statement ||
    'xt' in statement ||
    'continue' in statement
  )
    keep(at, statement);
  else return terminal(at, statement);
  return false;
}

/** Statements behind which nothing has an effect. */
function terminal(at: Evaluator, statement: NftStatement): boolean {
  if ('snat' in statement) evaluateNat(at, 'snat', statement.snat);
  else if ('dnat' in statement) evaluateNat(at, 'dnat', statement.dnat);
  else if ('masquerade' in statement) evaluateNatPort(at, 'masquerade', statement.masquerade);
  else if ('redirect' in statement) evaluateNatPort(at, 'redirect', statement.redirect);
  else if ('reject' in statement) evaluateReject(at, statement);
  else if ('queue' in statement) queue(at, statement);
  else if ('fwd' in statement) evaluateFwd(at, statement.fwd);
  else keep(at, statement);
  return true;
}
