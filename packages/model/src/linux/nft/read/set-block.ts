/** Bodies of sets, maps, flowtables and chains. */
import type {
  NftChain,
  NftElement,
  NftExpression,
  NftFamily,
  NftFlowtable,
  NftMap,
  NftSet,
  NftSetType,
} from '../syntax.ts';
import { priorityNamed } from '../tables/priorities.ts';
import { type ReadContext, readItems } from './context.ts';
import type { Cursor } from './cursor.ts';
import { readKey, readScalar, readVariable } from './expression.ts';
import { readStatefulStatement } from './state.ts';
import { readRuleBody } from './statement.ts';
import { readSeconds } from './time.ts';
import { readElements } from './values.ts';

export interface Place {
  family: NftFamily;
  table: string;
  name: string;
}

function typeNames(at: Cursor): string | string[] {
  const names: string[] = [];
  do names.push(at.string());
  while (at.accept('.'));
  const [first] = names;
  return names.length === 1 && first !== undefined ? first : names;
}

function readType(at: Cursor): { type: NftSetType; map?: NftSetType; interval?: true } {
  if (at.accept('typeof')) {
    const type = { typeof: readKey(at) };
    if (!at.accept(':')) return { type };
    const interval = at.accept('interval') ? { interval: true as const } : {};
    return { type, map: at.is('verdict') ? at.string() : { typeof: readKey(at) }, ...interval };
  }
  at.expect('type');
  const type = typeNames(at);
  if (!at.accept(':')) return { type };
  if (at.is('ct')) {
    at.next();
    return { type, map: `ct ${at.string()}` };
  }
  const interval = at.accept('interval') ? { interval: true as const } : {};
  return { type, map: typeNames(at), ...interval };
}

export function flagList(at: Cursor): string[] {
  const flags: string[] = [];
  do flags.push(at.string());
  while (at.accept(','));
  return flags;
}

type SetBody = Partial<Omit<NftMap, 'family' | 'table' | 'name'>>;

function setItem(at: Cursor, body: SetBody): void {
  if (at.is('type') || at.is('typeof')) Object.assign(body, readType(at));
  else if (at.accept('flags')) body.flags = flagList(at);
  else if (at.accept('timeout')) body.timeout = readSeconds(at);
  else if (at.accept('gc-interval')) body['gc-interval'] = readSeconds(at);
  else if (at.accept('size')) body.size = at.number();
  else if (at.accept('auto-merge')) body['auto-merge'] = true;
  else if (at.accept('comment')) body.comment = at.string();
  else if (at.accept('policy')) {
    const policy = at.acceptOne(['performance', 'memory'] as const);
    if (policy === undefined) at.unexpected('expecting performance or memory');
    else body.policy = policy;
  } else if (at.accept('elements')) {
    at.expect('=');
    body.elem = [...(body.elem ?? []), ...readElements(at)];
  } else {
    const state = readStatefulStatement(at);
    if (!state) at.unexpected();
    else {
      const stmt = body.stmt ?? [];
      stmt.push(state);
      for (let more = readStatefulStatement(at); more; more = readStatefulStatement(at)) stmt.push(more);
      body.stmt = stmt;
    }
  }
}

/** What stands between the braces of a set or map. */
export function readSetBlock(
  context: ReadContext,
  kind: 'set' | 'map',
  place: Place,
  handle: { handle?: number },
): NftSet | NftMap {
  const { at } = context;
  const body: SetBody = {};
  readItems(context, () => setItem(at, body));
  // src/parser_bison.y: a default time sets the flag.
  if (body.timeout !== undefined) body.flags = [...new Set([...[body.flags ?? []].flat(), 'timeout'])];
  const { type, map, elem, ...rest } = body;
  if (type === undefined) return at.fail(`${kind} definition does not specify key`);
  if (kind === 'map' && map === undefined) return at.fail('map definition does not specify mapping data type');
  if (kind === 'set' && map !== undefined) return at.fail('set definition specifies mapping data type');
  const elements: { elem?: NftElement[] } = elem ? { elem } : {};
  const common = { ...place, ...handle, type, ...rest, ...elements };
  return map === undefined ? common : { ...common, map };
}

function priority(at: Cursor, family: NftFamily, hook: string): number {
  if (at.accept('-')) return -at.number();
  const word = at.accept('$') ? readVariable(at) : readScalar(at);
  if (typeof word === 'number') return word;
  if (typeof word === 'string' && /^-?\d+$/.test(word)) return Number(word);
  const base = typeof word === 'string' ? priorityNamed(word, family, hook) : undefined;
  if (base === undefined) return at.fail(`invalid priority "${String(word)}" in this context`);
  if (at.accept('+')) return base + at.number();
  return at.accept('-') ? base - at.number() : base;
}

/** `{ eth0, eth1 }`, one name, or a variable. */
function devices(at: Cursor): string | string[] {
  const name = (value: NftExpression): string => (typeof value === 'string' ? value : at.fail('expecting a device'));
  if (at.accept('$')) {
    const value = readVariable(at);
    if (typeof value !== 'object') return name(value);
    if (Array.isArray(value)) return value.map(name);
    return 'set' in value
      ? (Array.isArray(value.set) ? value.set : [value.set]).map((entry) => name(entry as NftExpression))
      : name(value);
  }
  if (!at.accept('{')) return at.string();
  const names: string[] = [];
  at.skipNewlines();
  while (!at.is('}')) {
    const value = readScalar(at);
    const several = typeof value === 'object' && !Array.isArray(value) && 'set' in value ? value.set : value;
    for (const entry of Array.isArray(several) ? several : [several]) names.push(name(entry as NftExpression));
    at.skipNewlines();
    if (!at.accept(',')) break;
    at.skipNewlines();
  }
  at.expect('}');
  return names;
}

function hookSpec(at: Cursor, chain: NftChain): void {
  at.expect('type');
  const type = at.string();
  if (type !== 'filter' && type !== 'nat' && type !== 'route') at.fail(`unknown chain type "${type}"`);
  else chain.type = type;
  at.expect('hook');
  chain.hook = at.string();
  if (at.accept('device'))
    chain.dev = at.accept('$')
      ? ((v) => (typeof v === 'string' ? v : at.fail('expecting a device')))(readVariable(at))
      : at.string();
  else if (at.accept('devices')) {
    at.expect('=');
    chain.dev = devices(at);
  }
  at.expect('priority');
  chain.prio = priority(at, chain.family, chain.hook);
}

function readPolicy(at: Cursor): 'accept' | 'drop' {
  const word = at.accept('$') ? readVariable(at) : at.string();
  return word === 'accept' || word === 'drop' ? word : at.fail(`invalid policy "${String(word)}"`);
}

/** What stands between the braces of a chain; its rules are added to the ruleset. */
export function readChainBlock(context: ReadContext, place: Place, handle: { handle?: number }): NftChain {
  const { at } = context;
  const chain: NftChain = { ...place, ...handle };
  readItems(context, () => {
    if (at.is('type') && at.is('hook', 2)) hookSpec(at, chain);
    else if (at.accept('policy')) chain.policy = readPolicy(at);
    else if (at.is('flags') && !at.is('&', 1)) {
      at.next();
      chain.flags = flagList(at);
    } else if (at.is('comment') && (at.isKind('quoted', 1) || at.isKind('word', 1))) {
      at.next();
      chain.comment = at.string();
    } else readRule(context, place);
  });
  return chain;
}

/** One rule of a chain. */
function readRule(context: ReadContext, place: Place): void {
  const { at } = context;
  const { line } = at.peek();
  const { expr, comment } = readRuleBody(at);
  if (!at.atSeparator() && !at.is('}')) at.unexpected();
  const found = /\bhandle (\d+)/.exec(at.peek().comment ?? '');
  const rule = {
    family: place.family,
    table: place.table,
    chain: place.name,
    ...(found ? { handle: Number(found[1]) } : {}),
    ...(comment === undefined ? {} : { comment }),
    expr,
  };
  context.add({ rule }, line);
}

export function readFlowtableBlock(context: ReadContext, place: Place, handle: { handle?: number }): NftFlowtable {
  const { at } = context;
  const table: NftFlowtable = { ...place, ...handle, hook: 'ingress', prio: 0 };
  readItems(context, () => {
    if (at.accept('hook')) {
      table.hook = at.string();
      at.expect('priority');
      table.prio = priority(at, 'netdev', table.hook);
    } else if (at.accept('devices')) {
      at.expect('=');
      table.dev = devices(at);
    } else if (at.accept('counter')) table.flags = [...flagsOf(table.flags), 'counter'];
    else if (at.accept('flags')) table.flags = [...flagsOf(table.flags), ...flagList(at)];
    else at.unexpected();
  });
  return table;
}

const flagsOf = (flags: string | string[] | undefined): string[] =>
  flags === undefined ? [] : typeof flags === 'string' ? [flags] : flags;
