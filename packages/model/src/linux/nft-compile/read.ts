/** Every expression that is read from a packet, its connection or its host, as selectors. */
import { type CtField, CtState, type MetaField, type Selector, type Statement } from '@podwire/engine';
import { NftRefusal } from '../nft/refusal.ts';
import type { NftCt, NftExpression, NftFib, NftMeta, NftRt } from '../nft/syntax.ts';
import { parseScalar } from '../nft/tables/codec.ts';
import { type Datatype, types } from '../nft/tables/datatypes.ts';
import { ctKeys, metaKeys, rtKeys } from '../nft/tables/keys.ts';
import { type Operator, withOperator } from './bits.ts';
import { connected, opens, type Part, plainPart, protocolIs, type Scope, unmodelled } from './part.ts';
import { absentPart, payloadPart } from './payload.ts';

const META: ReadonlySet<string> = new Set<string>([
  'length',
  'protocol',
  'nfproto',
  'l4proto',
  'mark',
  'iif',
  'oif',
  'iifname',
  'oifname',
  'iiftype',
  'oiftype',
  'iifkind',
  'oifkind',
  'ibrname',
  'obrname',
  'pkttype',
  'skuid',
  'skgid',
]);

function metaPart(node: NftMeta, scope: Scope): Part {
  const { key } = node.meta;
  const datatype = metaKeys[key]?.type ?? types.integer;
  if (!META.has(key)) return unmodelled(node, datatype, scope);
  return plainPart({ field: `meta ${key}` as MetaField }, datatype);
}

/** nft's bits of `ct state`, and the machine's. */
const CT_STATES: readonly (readonly [bigint, CtState])[] = [
  [1n, CtState.INVALID],
  [2n, CtState.ESTABLISHED],
  [4n, CtState.RELATED],
  [8n, CtState.NEW],
  [64n, CtState.UNTRACKED],
];

const ctStateBits = (value: bigint): bigint =>
  CT_STATES.reduce((bits, [from, to]) => ((value & from) === 0n ? bits : bits | BigInt(to)), 0n);

const CT_PLAIN = new Set(['status', 'direction', 'mark', 'l3proto', 'protocol']);
const CT_ENDS = new Set(['saddr', 'daddr', 'proto-src', 'proto-dst']);

function ctPart(node: NftCt, scope: Scope): Part {
  const { key, dir, family } = node.ct;
  const named = key.split(' ');
  const last = named.at(-1) ?? key;
  const ip = family ?? (named.length > 1 ? named[0] : scope.family);
  let datatype = ctKeys[key]?.type ?? types.integer;
  if (last === 'saddr' || last === 'daddr') datatype = ip === 'ip6' ? types.ipv6 : types.ipv4;
  // Bridges track connections by other hooks (nf_conntrack_bridge.c), which are not modelled.
  if (scope.family === 'bridge') return unmodelled(node, datatype, scope);
  if (key === 'state') return { ...plainPart({ field: 'ct state' }, datatype), renumber: ctStateBits };
  if (CT_ENDS.has(last) && dir !== undefined) return plainPart({ field: `ct ${dir} ${last}` as CtField }, datatype);
  if (key === 'zone') return plainPart({ field: dir === undefined ? 'ct zone' : `ct ${dir} zone` }, datatype);
  if (CT_PLAIN.has(key)) return plainPart({ field: `ct ${key}` as CtField }, datatype);
  // Counters, labels, helpers: nobody knows them, but of no connection there are none (nft_ct_get_eval).
  return unmodelled(node, datatype, scope, [connected]);
}

function rtPart(node: NftRt, scope: Scope): Part {
  const { key, family } = node.rt;
  const ip = family ?? (key.startsWith('ip6') || scope.family === 'ip6' ? 'ip6' : 'ip');
  if (key.endsWith('nexthop'))
    return plainPart({ field: 'rt nexthop', family: ip === 'ip6' ? 6 : 4 }, ip === 'ip6' ? types.ipv6 : types.ipv4);
  return unmodelled(node, rtKeys[key]?.type ?? types.integer, scope);
}

const FIB_FLAGS = ['saddr', 'daddr', 'mark', 'iif', 'oif'] as const;

function fibPart({ fib }: NftFib): Part {
  const given = [fib.flags].flat();
  const flags = FIB_FLAGS.filter((flag) => given.includes(flag));
  if (fib.result === 'type') return plainPart({ field: 'fib', flags, result: 'type' }, types.routeType);
  if (fib.result === 'oifname') return plainPart({ field: 'fib', flags, result: 'oifname' }, types.interfaceName);
  // `exists`: 1 where there is a route. An index is never 0, but is no flag: the side that compares asks for "not 0".
  const datatype = fib.result === 'check' ? types.boolean : types.interfaceIndex;
  return plainPart({ field: 'fib', flags, result: 'oif' }, datatype);
}

/** `(jhash of) KEY mod N seed S offset O`. */
function hashPart(node: NftExpression & object, scope: Scope): Part | undefined {
  if ('numgen' in node) {
    const { mode, mod, offset = 0 } = node.numgen;
    return plainPart({ field: 'numgen', mode, mod, offset }, types.integer);
  }
  if ('symhash' in node) {
    const { mod, offset = 0 } = node.symhash;
    return plainPart({ field: 'symhash', mod, offset }, types.integer);
  }
  if (!('jhash' in node)) return undefined;
  const { mod, offset = 0, seed, expr } = node.jhash;
  const parts = readParts(expr, scope);
  const key = parts.map(({ selector }) => selector);
  const selector: Selector = { field: 'jhash', key, mod, offset, ...(seed === undefined ? {} : { seed }) };
  return plainPart(
    selector,
    types.integer,
    parts.flatMap(({ needs }) => needs),
  );
}

const OPERATORS: readonly Operator[] = ['&', '|', '^', '<<', '>>'];

function binaryPart(node: NftExpression & object, scope: Scope): Part | undefined {
  for (const operator of OPERATORS) {
    const sides = (node as Partial<Record<Operator, NftExpression[]>>)[operator];
    const [left, ...right] = sides ?? [];
    if (left === undefined) continue;
    return right.reduce<Part>(
      (part, side) => {
        const made = withOperator(part, operator, operand(side, part.datatype, part));
        return made ?? unmodelled(node, part.datatype, scope, part.needs);
      },
      readPart(left, scope),
    );
  }
  return undefined;
}

/** A constant on the right of an operator; undefined: it is not constant. */
function operand(node: NftExpression, datatype: Datatype, { renumber }: Part): bigint | undefined {
  const number = constantNumber(node, datatype);
  return number === undefined ? undefined : (renumber?.(number) ?? number);
}

export function constantNumber(node: NftExpression, datatype: Datatype): bigint | undefined {
  if (Array.isArray(node))
    return node.reduce<bigint | undefined>((bits, one) => orOf(bits, constantNumber(one, datatype)), 0n);
  if (typeof node === 'object') {
    const sides = '|' in node ? node['|'] : undefined;
    return sides?.reduce<bigint | undefined>((bits, one) => orOf(bits, constantNumber(one, datatype)), 0n);
  }
  try {
    const value = parseScalar(node, datatype);
    return typeof value === 'bigint' ? value : undefined;
  } catch (error) {
    if (error instanceof NftRefusal) return undefined;
    throw error;
  }
}

const orOf = (a: bigint | undefined, b: bigint | undefined) => (a === undefined || b === undefined ? undefined : a | b);

/** Sockets are looked for by these: TCP, UDP, and what an ICMP error is about (nf_sk_lookup_slow_v4, nf_sk_lookup_slow_v6). */
const WITH_SOCKETS = [1, 6, 17, 58];

/** Expressions whose values nobody knows, with what has to hold for there to be one. */
function hiddenPart(node: NftExpression & object, scope: Scope): Part | undefined {
  if ('tcp option' in node) {
    const option = node['tcp option'];
    // Whether an option is there has an answer for every packet (nft_exthdr_tcp_eval).
    if (!('name' in option) || option.field === undefined) return undefined;
    return unmodelled(node, types.integer, scope, [option.name === 'maxseg' ? opens : protocolIs(6)]);
  }
  if ('sctp chunk' in node && node['sctp chunk'].field !== undefined)
    return unmodelled(node, types.integer, scope, [protocolIs(132)]);
  if ('osf' in node) return unmodelled(node, types.string, scope, [opens]);
  if (!('socket' in node)) return undefined;
  const elements = WITH_SOCKETS.map((protocol) => ({ key: [protocol] }));
  const test: Statement = { kind: 'lookup', key: [{ field: 'meta l4proto' }], set: { type: ['integer'], elements } };
  return unmodelled(node, types.integer, scope, [test]);
}

/** One component of a key. */
export function readPart(node: NftExpression, scope: Scope): Part {
  if (typeof node !== 'object' || Array.isArray(node)) return unmodelled(node, types.integer, scope);
  if ('payload' in node) return payloadPart(node, scope);
  if ('meta' in node) return metaPart(node, scope);
  if ('ct' in node) return ctPart(node, scope);
  if ('rt' in node) return rtPart(node, scope);
  if ('fib' in node) return fibPart(node);
  if ('exthdr' in node || 'ip option' in node) return absentPart(node, scope);
  return (
    hiddenPart(node, scope) ??
    hashPart(node, scope) ??
    binaryPart(node, scope) ??
    unmodelled(node, types.integer, scope)
  );
}

/** A key: a concatenation has several components. */
export function readParts(node: NftExpression, scope: Scope): Part[] {
  if (typeof node === 'object' && !Array.isArray(node) && 'concat' in node)
    return node.concat.flatMap((one) => readParts(one, scope));
  return [readPart(node, scope)];
}
