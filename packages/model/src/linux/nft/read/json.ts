/** JSON of `nft -j`: commands and listings, checked against libnftables-json(5) before anything else sees them. */
import { NftRefusal } from '../base/refusal.ts';
import type { NftCommand, NftObject, NftStatement } from '../syntax.ts';

/** Expressions and statements may be nested this deep. */
const MAX_DEPTH = 64;

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const EXPRESSIONS = new Set([
  'concat',
  'set',
  'map',
  'prefix',
  'range',
  'payload',
  'exthdr',
  'tcp option',
  'ip option',
  'sctp chunk',
  'meta',
  'rt',
  'ct',
  'socket',
  'osf',
  'ipsec',
  'fib',
  'numgen',
  'jhash',
  'symhash',
  '&',
  '|',
  '^',
  '<<',
  '>>',
  'elem',
]);
const VERDICTS = new Set(['accept', 'drop', 'continue', 'return', 'jump', 'goto']);
const STATEMENTS = new Set([
  ...VERDICTS,
  'match',
  'vmap',
  'counter',
  'mangle',
  'quota',
  'limit',
  'fwd',
  'notrack',
  'dup',
  'snat',
  'dnat',
  'masquerade',
  'redirect',
  'reject',
  'set',
  'map',
  'log',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'ct count',
  'meter',
  'queue',
  'tproxy',
  'synproxy',
  'secmark',
  'flow',
  'reset',
  'last',
  'xt',
]);
const OBJECTS = new Set([
  'table',
  'chain',
  'rule',
  'set',
  'map',
  'meter',
  'element',
  'flowtable',
  'counter',
  'quota',
  'ct helper',
  'ct timeout',
  'ct expectation',
  'limit',
  'secmark',
  'synproxy',
]);
const FAMILIES = new Set(['ip', 'ip6', 'inet', 'arp', 'bridge', 'netdev']);
/** Statements that also stand as something else have these fields with expressions in them. */
const STATEMENT_FIELDS: Readonly<Record<string, readonly string[]>> = {
  match: ['left', 'right'],
  vmap: ['key', 'data'],
  mangle: ['key', 'value'],
  fwd: ['dev', 'addr'],
  dup: ['addr', 'dev'],
  snat: ['addr', 'port'],
  dnat: ['addr', 'port'],
  masquerade: ['port'],
  redirect: ['port'],
  reject: ['expr'],
  set: ['elem'],
  queue: ['num'],
  tproxy: ['addr', 'port'],
  meter: ['key'],
};

function only(node: JsonObject, what: string): [string, Json] {
  const entries = Object.entries(node);
  const [first] = entries;
  if (!first || entries.length !== 1) throw new NftRefusal(`${what} has to be an object with one key`);
  return first;
}

function needText(node: JsonObject, key: string): void {
  if (typeof node[key] !== 'string') throw new NftRefusal(`"${key}" is not text`);
}

function needNumber(node: JsonObject, key: string, optional = false): void {
  if (optional && node[key] === undefined) return;
  if (typeof node[key] !== 'number') throw new NftRefusal(`"${key}" is not a number`);
}

function fields(value: Json, what: string): JsonObject {
  if (!isObject(value)) throw new NftRefusal(`${what} is not an object`);
  return value;
}

/** Throws `NftRefusal` where a value is no expression. */
function checkExpression(value: Json | undefined, depth: number): void {
  if (depth > MAX_DEPTH) throw new NftRefusal('nested too deep');
  if (value === undefined || value === null) throw new NftRefusal('expression missing');
  if (typeof value !== 'object') return;
  if (Array.isArray(value)) {
    for (const entry of value) checkExpression(entry, depth + 1);
    return;
  }
  const [kind, body] = only(value, 'expression');
  if (VERDICTS.has(kind)) checkVerdict(kind, body);
  else if (!EXPRESSIONS.has(kind)) throw new NftRefusal(`unknown expression "${kind}"`);
  else if (kind === 'set') checkExpression(body, depth + 1);
  else if (['concat', 'range', '&', '|', '^', '<<', '>>'].includes(kind)) {
    if (!Array.isArray(body) || (kind === 'range' && body.length !== 2))
      throw new NftRefusal(`${kind} is not a list of expressions`);
    checkExpression(body, depth + 1);
  } else checkFields(kind, fields(body, kind), depth);
}

function checkFields(kind: string, body: JsonObject, depth: number): void {
  if (kind === 'prefix') {
    checkExpression(body.addr, depth + 1);
    needNumber(body, 'len');
  } else if (kind === 'map') {
    checkExpression(body.key, depth + 1);
    checkExpression(body.data, depth + 1);
  } else if (kind === 'elem') checkExpression(body.val, depth + 1);
  else if (kind === 'jhash') {
    needNumber(body, 'mod');
    checkExpression(body.expr, depth + 1);
  } else if (kind === 'numgen' || kind === 'symhash') needNumber(body, 'mod');
  else if (kind === 'fib') {
    needText(body, 'result');
    if (typeof body.flags !== 'string' && !isTexts(body.flags)) throw new NftRefusal('fib needs flags');
  } else if (kind === 'payload' && body.protocol === undefined) {
    needText(body, 'base');
    needNumber(body, 'offset');
    needNumber(body, 'len');
  } else if (kind === 'payload') {
    needText(body, 'protocol');
    needText(body, 'field');
  } else if (kind === 'tcp option' && body.base !== undefined) {
    needNumber(body, 'base');
    needNumber(body, 'offset');
    needNumber(body, 'len');
  } else needText(body, ['exthdr', 'tcp option', 'ip option', 'sctp chunk'].includes(kind) ? 'name' : 'key');
}

const isTexts = (value: Json | undefined): boolean =>
  Array.isArray(value) && value.every((entry) => typeof entry === 'string');

function checkVerdict(kind: string, body: Json): void {
  if (kind !== 'jump' && kind !== 'goto') return;
  needText(fields(body, kind), 'target');
}

const NULLABLE = new Set([
  'log',
  'masquerade',
  'redirect',
  'reject',
  'queue',
  'synproxy',
  'counter',
  'notrack',
  'last',
  'xt',
]);

/** Throws `NftRefusal` where a value is no statement. */
export function checkStatement(value: unknown, depth = 0): asserts value is NftStatement {
  if (!isObject(value)) throw new NftRefusal('statement is not an object');
  const [kind, body] = only(value, 'statement');
  if (!STATEMENTS.has(kind)) throw new NftRefusal(`unknown statement "${kind}"`);
  if (VERDICTS.has(kind)) checkVerdict(kind, body);
  else if (kind.startsWith('ct ') && kind !== 'ct count') checkExpression(body, depth + 1);
  else if (kind === 'secmark') checkExpression(body, depth + 1);
  else if (body === null) {
    if (!NULLABLE.has(kind)) throw new NftRefusal(`${kind} needs a body`);
  } else if (typeof body === 'string') {
    if (!['counter', 'quota', 'limit', 'synproxy'].includes(kind)) throw new NftRefusal(`${kind} is not an object`);
  } else checkBody(kind, fields(body, kind), depth);
}

function checkBody(kind: string, body: JsonObject, depth: number): void {
  if (body.map !== undefined && isObject(body.map)) {
    checkExpression({ map: body.map }, depth + 1);
    return;
  }
  const needed = ['match', 'vmap', 'mangle', 'set'].includes(kind);
  for (const key of STATEMENT_FIELDS[kind] ?? []) {
    if (body[key] !== undefined) checkExpression(body[key], depth + 1);
    else if (needed) throw new NftRefusal(`${kind} without "${key}"`);
  }
  if (kind === 'match') needText(body, 'op');
  if (kind === 'limit') needNumber(body, 'rate');
  if (kind === 'quota' || kind === 'ct count') needNumber(body, 'val');
  if (kind === 'reset') checkExpression(body, depth + 1);
  if (kind === 'flow') needText(body, 'flowtable');
  if (kind === 'set') {
    needText(body, 'set');
    needText(body, 'op');
    if (Array.isArray(body.stmt)) for (const state of body.stmt) checkStatement(state, depth + 1);
  }
  if (kind === 'meter') {
    needText(body, 'name');
    checkStatement(body.stmt, depth + 1);
  }
}

const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  quota: ['bytes'],
  limit: ['rate'],
  'ct expectation': ['dport', 'timeout', 'size'],
};
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  secmark: ['context'],
  'ct helper': ['type', 'protocol'],
  'ct timeout': ['protocol'],
  'ct expectation': ['protocol'],
};

/** The value of a map's element is a range: JSON does not say so of the map. */
function hasRange(element: Json): boolean {
  const value = Array.isArray(element) ? element[1] : undefined;
  const parts = isObject(value) && Array.isArray(value.concat) ? value.concat : [value];
  return parts.some((part) => isObject(part) && ('range' in part || 'prefix' in part));
}

function elements(body: JsonObject): void {
  if (body.elem === undefined) return;
  if (!Array.isArray(body.elem)) body.elem = [body.elem];
  checkExpression(body.elem, 0);
}

/** Throws `NftRefusal` where a value is no object of a ruleset; `whole`: it is not only named. */
function checkObject(value: Json, whole: boolean): void {
  const [kind, content] = only(fields(value, 'object'), 'object');
  if (!OBJECTS.has(kind)) throw new NftRefusal(`unknown object "${kind}"`);
  const body = fields(content, kind);
  if (body.family === undefined) body.family = 'ip';
  if (typeof body.family !== 'string' || !FAMILIES.has(body.family))
    throw new NftRefusal(`unknown family "${String(body.family)}"`);
  if (!whole) return;
  if (kind !== 'table') needText(body, 'table');
  needText(body, kind === 'rule' ? 'chain' : 'name');
  for (const key of NUMBERS[kind] ?? []) needNumber(body, key);
  for (const key of TEXTS[kind] ?? []) needText(body, key);
  if (kind === 'rule') {
    if (!Array.isArray(body.expr)) throw new NftRefusal('rule without "expr"');
    for (const statement of body.expr) checkStatement(statement);
  } else if (kind === 'set' || kind === 'map' || kind === 'meter') {
    if (typeof body.type !== 'string' && !isTexts(body.type) && !isObject(body.type))
      throw new NftRefusal(`${kind} without a type`);
    if (kind === 'map' && typeof body.map !== 'string' && !isTexts(body.map) && !isObject(body.map))
      throw new NftRefusal('map without a type of its values');
    if (typeof body.map === 'string' && body.map.includes(' . ')) body.map = body.map.split(' . ');
    elements(body);
    if (kind === 'map' && Array.isArray(body.elem) && body.elem.some(hasRange)) body.interval = true;
  } else if (kind === 'element') elements(body);
}

/** One entry of `nftables`: a command, or an object of a listing; undefined for `metainfo`. Throws `NftRefusal`. */
export function readJsonEntry(entry: unknown): NftCommand | undefined {
  if (!isObject(entry)) throw new NftRefusal('entry is not an object');
  const [verb, body] = only(entry, 'entry');
  if (verb === 'metainfo') return undefined;
  if (OBJECTS.has(verb)) {
    checkObject(entry, true);
    return { add: entry as unknown as NftObject };
  }
  const inner = fields(body, verb);
  if (['add', 'create', 'insert', 'replace'].includes(verb)) checkObject(inner, true);
  else if (verb === 'flush' && 'ruleset' in inner) return entry as unknown as NftCommand;
  else if (['delete', 'destroy', 'flush', 'rename'].includes(verb)) checkObject(inner, false);
  else throw new NftRefusal(`command "${verb}" is not read`);
  return entry as unknown as NftCommand;
}
