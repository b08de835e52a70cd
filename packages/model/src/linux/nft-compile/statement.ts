/** One statement of a rule, for the machine. */
import type { Statement } from '@podwire/engine';
import { REJECT_CODES } from '../iptables/base/reject-codes.ts';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftExpression, NftMangle, NftMapLookup, NftReject, NftStatement } from '../nft/syntax.ts';
import { type Datatype, types } from '../nft/tables/datatypes.ts';
import { dataSource, needsOfSource } from './data.ts';
import { compileMatch } from './match.ts';
import { compileNat } from './nat.ts';
import { byName, protocolIs, type Scope } from './part.ts';
import { writtenField } from './payload.ts';
import { constantNumber, readPart, readParts } from './read.ts';
import { isVerdict, setRef, verdictOf } from './sets.ts';

/**
 * `meta mark set` of the mark itself with bits changed, and of everything else. The connection's own mark has to be read: where there is no
 * connection, the rule ends there.
 */
function setMark(target: 'mark' | 'ct mark', value: NftExpression, scope: Scope): Statement[] {
  const number = constantNumber(value, types.mark);
  const constant = target === 'mark' ? 'set-mark' : 'set-connmark';
  if (number !== undefined) return [{ kind: constant, value: Number(number), mask: 0xffffffff }];
  const read =
    typeof value === 'object' && !Array.isArray(value) && !('map' in value) ? readPart(value, scope) : undefined;
  if (target === 'mark' && read?.selector.field === 'meta mark' && !read.selector.shift) {
    const kept = read.selector.mask === undefined ? 0xffffffff : Number(read.selector.mask);
    return [{ kind: constant, value: Number(read.selector.xor ?? 0), mask: ~kept >>> 0 }];
  }
  return [...needsOfSource(value, scope), { kind: 'set-meta', target, value: dataSource(value, [types.mark], scope) }];
}

function setPayload(key: NftExpression & { payload: unknown }, value: NftExpression, scope: Scope): Statement[] {
  const part = readPart(key, scope);
  const written = writtenField(key as Parameters<typeof writtenField>[0]);
  // A field that the machine does not keep changes nothing it could tell.
  if (!written) return [...part.needs, { kind: 'note', text: scope.text({ mangle: { key, value } }) }];
  const { field, mask, shift } = written;
  const source = dataSource(value, [part.datatype], scope);
  if (mask === undefined) return [...part.needs, { kind: 'set-header', field, value: source }];
  const [only] = source.kind === 'value' ? source.values : [];
  if (typeof only !== 'number') throw new NftRefusal('bits of a field are written from constants only');
  const values = [only << shift];
  return [...part.needs, { kind: 'set-header', field, mask, value: { kind: 'value', values } }];
}

function mangle({ mangle: { key, value } }: NftMangle, scope: Scope): Statement[] {
  const note: Statement = { kind: 'note', text: scope.text({ mangle: { key, value } }) };
  if (typeof key !== 'object' || Array.isArray(key)) return [note];
  if ('meta' in key) return key.meta.key === 'mark' ? setMark('mark', value, scope) : [note];
  if ('payload' in key) return setPayload(key, value, scope);
  if (!('ct' in key)) return [note];
  if (key.ct.key === 'mark') return setMark('ct mark', value, scope);
  if (key.ct.key !== 'zone') return [note];
  const { dir } = key.ct;
  const zone = constantNumber(value, types.integer);
  if (zone !== undefined) {
    const direction =
      dir === undefined ? {} : { direction: dir === 'original' ? ('ORIGINAL' as const) : ('REPLY' as const) };
    return [{ kind: 'ct-zone', zone: Number(zone), ...direction, native: true }];
  }
  const target = dir === undefined ? 'ct zone' : (`ct ${dir} zone` as const);
  return [
    ...needsOfSource(value, scope),
    { kind: 'set-meta', target, value: dataSource(value, [types.integer], scope) },
  ];
}

const CODES: Readonly<Record<string, readonly [Datatype, Readonly<Record<number, string>>]>> = {
  icmp: [types.icmpCode, REJECT_CODES.icmp],
  icmpv6: [types.icmpv6Code, REJECT_CODES.icmpv6],
  icmpx: [
    types.icmpxCode,
    { 0: 'icmpx-no-route', 1: 'icmpx-port-unreachable', 2: 'icmpx-host-unreachable', 3: 'icmpx-admin-prohibited' },
  ],
};

const TCP = 6;

/** What nft takes where nothing is said: the family's own port unreachable. */
const DEFAULT_REJECT: Partial<Record<Scope['family'], string>> = {
  ip: 'icmp-port-unreachable',
  ip6: 'icmp6-port-unreachable',
  inet: 'icmpx-port-unreachable',
};

function reject({ reject: given }: NftReject, scope: Scope): Statement[] {
  const usual = DEFAULT_REJECT[scope.family];
  // Below IP the answer is a frame of its own (nft_reject_bridge.c, nft_reject_netdev.c).
  if (usual === undefined) throw new NftRefusal('reject below IP is not modelled');
  // nft tests the protocol itself, and does not list that.
  if (given?.type === 'tcp reset') return [protocolIs(TCP), { kind: 'reject', with: 'tcp-reset' }];
  if (!given?.type || given.expr === undefined) return [{ kind: 'reject', with: usual }];
  const [datatype, names] = CODES[given.type] ?? [types.icmpxCode, {}];
  const code = constantNumber(given.expr, datatype);
  const name = code === undefined ? undefined : names[Number(code)];
  if (name === undefined) throw new NftRefusal(`reject with ${JSON.stringify(given.expr)}`);
  return [{ kind: 'reject', with: name }];
}

function verdictMap(key: NftExpression, data: NftExpression, scope: Scope): Statement[] {
  const parts = readParts(key, scope).map(byName);
  const map = setRef(data, { key: parts, data: 'verdict' }, scope);
  const needs = parts.flatMap((part) => part.needs);
  return [...needs, { kind: 'verdict-map', key: parts.map(({ selector }) => selector), map }];
}

interface Update {
  op: 'add' | 'update' | 'delete';
  elem: NftExpression;
  set: string;
  stmt?: NftStatement[];
  data?: NftExpression;
}

/** `add @s { KEY timeout 10s limit ... }`. */
function setUpdate({ op, elem, set, stmt, data }: Update, scope: Scope): Statement[] {
  const wrapped = typeof elem === 'object' && !Array.isArray(elem) && 'elem' in elem ? elem.elem : undefined;
  const parts = readParts(wrapped?.val ?? elem, scope).map(byName);
  const name = setRef(set.startsWith('@') ? set : `@${set}`, { key: parts }, scope);
  if (typeof name !== 'string') throw new NftRefusal('only named sets change');
  const declared = scope.declared.get(name)?.data;
  const value = data !== undefined && Array.isArray(declared) ? dataSource(data, declared, scope) : undefined;
  const carried = [...(stmt ?? []), ...(wrapped?.limit === undefined ? [] : [{ limit: wrapped.limit }])];
  return [
    ...parts.flatMap((part) => part.needs),
    {
      kind: 'set-update',
      op,
      set: name,
      key: parts.map(({ selector }) => selector),
      ...(wrapped?.timeout === undefined ? {} : { timeout: wrapped.timeout }),
      ...(value ? { data: value } : {}),
    },
    ...carried.flatMap((statement) => compileStatement(statement, scope)),
  ];
}

/** A map that says which object is meant: where it has none, the rule ends (nft_objref_map_eval). */
function objectMap(statement: NftStatement, scope: Scope): Statement[] {
  const [value] = Object.values(statement) as unknown[];
  if (typeof value !== 'object' || value === null || !('map' in value)) return [];
  const { key, data } = (value as NftMapLookup).map;
  const parts = readParts(key, scope);
  const pairs = typeof data === 'object' && 'set' in data && Array.isArray(data.set) ? data.set : undefined;
  const keys = pairs?.map((pair) => (Array.isArray(pair) ? (pair[0] as NftExpression) : pair));
  const set = setRef(keys ? { set: keys } : data, { key: parts }, scope);
  const needs = parts.flatMap((part) => part.needs);
  return [...needs, { kind: 'lookup', key: parts.map(({ selector }) => selector), set }];
}

/** Who watches the connection from now on: of a map of objects any of them may be it. */
function watchers(statement: NftStatement, { watchers: known }: Scope): Statement[] {
  return (['ct helper', 'ct expectation'] as const).flatMap((kind): Statement[] => {
    const named = kind in statement ? Object.values(statement)[0] : undefined;
    if (named === undefined || !known) return [];
    if (typeof named === 'string') return [known.get(`${kind} ${named}`) ?? []].flat();
    return [...known].flatMap(([key, action]) => (key.startsWith(`${kind} `) ? [action] : []));
  });
}

const NOTES = ['log', 'ct helper', 'ct timeout', 'ct expectation', 'dup', 'flow', 'reset', 'secmark', 'last'] as const;
const LIMITS = ['limit', 'quota', 'ct count'] as const;

const has = (statement: NftStatement, words: readonly string[]): boolean => words.some((word) => word in statement);

function compile(statement: NftStatement, scope: Scope): Statement[] {
  const text = () => scope.text(statement);
  if (isVerdict(statement)) {
    const verdict = verdictOf(statement);
    if ('chain' in verdict) return [verdict];
    return verdict.kind === 'continue' ? [] : [{ kind: verdict.kind }];
  }
  if ('match' in statement) return compileMatch(statement, scope);
  if ('vmap' in statement) return verdictMap(statement.vmap.key, statement.vmap.data, scope);
  if ('mangle' in statement) return mangle(statement, scope);
  if ('dnat' in statement || 'snat' in statement || 'masquerade' in statement || 'redirect' in statement) {
    const value = 'dnat' in statement ? (statement.dnat.addr ?? statement.dnat.port) : undefined;
    return [...(value === undefined ? [] : needsOfSource(value, scope)), compileNat(statement, scope)];
  }
  if ('reject' in statement) return reject(statement, scope);
  if ('notrack' in statement) return [{ kind: 'notrack', native: true }];
  if ('set' in statement) return setUpdate(statement.set, scope);
  if ('map' in statement) return setUpdate({ ...statement.map, set: statement.map.map }, scope);
  if ('fwd' in statement) {
    const { dev, addr } = statement.fwd;
    // To a neighbour: not as it is, but like one that is routed (nft_fwd_neigh_eval).
    return [
      typeof dev === 'string' && addr === undefined
        ? { kind: 'forward-to', device: dev }
        : { kind: 'unmodelled-target', text: text() },
    ];
  }
  if ('counter' in statement) return objectMap(statement, scope);
  if (has(statement, LIMITS)) return [...objectMap(statement, scope), { kind: 'limit', text: text() }];
  if ('meter' in statement) {
    const parts = readParts(statement.meter.key, scope);
    return [...parts.flatMap((part) => part.needs), ...compileStatement(statement.meter.stmt, scope)];
  }
  if (has(statement, NOTES))
    return [...objectMap(statement, scope), { kind: 'note', text: text() }, ...watchers(statement, scope)];
  if ('queue' in statement) return [{ kind: 'queue', text: text() }];
  // Of other protocols there is nothing to answer for (nft_synproxy_eval).
  if ('synproxy' in statement) {
    return [protocolIs(TCP), ...objectMap(statement, scope), { kind: 'unmodelled-target', text: text() }];
  }
  return [{ kind: 'unmodelled-target', text: text() }];
}

/** What cannot be said to the machine is asked as a whole, by its text. */
export function compileStatement(statement: NftStatement, scope: Scope): Statement[] {
  try {
    return compile(statement, scope);
  } catch (error) {
    if (!(error instanceof NftRefusal)) throw error;
    const text = scope.text(statement);
    return 'match' in statement ? [{ kind: 'unmodelled', text }] : [{ kind: 'unmodelled-target', text }];
  }
}
