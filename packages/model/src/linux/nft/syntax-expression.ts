/** Expressions of the syntax tree: what is read from a packet, and values. */
import type { NftCounter, NftCtCount, NftLast, NftLimit, NftQuota } from './syntax-statement.ts';

/** `link layer`, `network`, `transport` header, or what follows the transport header. */
export type NftPayloadBase = 'll' | 'nh' | 'th' | 'ih';

/** A field of a header by name (`tcp`, `dport`), or bits by place; `th` as protocol is any transport header with ports. */
export interface NftPayload {
  payload: { protocol: string; field: string } | { base: NftPayloadBase; offset: number; len: number };
}

/** A field of an IPv6 extension header; without `field` the test whether it is there. `offset`: the hop of a type 0 routing header. */
export interface NftExthdr {
  exthdr: { name: string; field?: string; offset?: number };
}

/** A field of a TCP option, without `field` whether it is there; by number: `base` is the kind, `offset` and `len` bits. */
export interface NftTcpOption {
  'tcp option': { name: string; field?: string } | { base: number; offset: number; len: number };
}

export interface NftIpOption {
  'ip option': { name: string; field?: string };
}

export interface NftSctpChunk {
  'sctp chunk': { name: string; field?: string };
}

export interface NftMeta {
  meta: { key: string };
}

export interface NftRt {
  rt: { key: string; family?: 'ip' | 'ip6' };
}

/** The key of an address carries its family: `ip saddr`. */
export interface NftCt {
  ct: { key: string; family?: 'ip' | 'ip6'; dir?: 'original' | 'reply' };
}

export interface NftSocket {
  socket: { key: string; level?: number };
}

export interface NftOsf {
  osf: { key: 'name' | 'version'; ttl?: 'loose' | 'skip' };
}

export interface NftIpsec {
  ipsec: { key: string; family?: 'ip' | 'ip6'; dir: 'in' | 'out'; spnum?: number };
}

export interface NftFib {
  fib: { result: 'oif' | 'oifname' | 'type' | 'check'; flags: string | string[] };
}

export interface NftNumgen {
  numgen: { mode: 'inc' | 'random'; mod: number; offset?: number };
}

export interface NftJhash {
  jhash: { mod: number; offset?: number; seed?: number; expr: NftExpression };
}

export interface NftSymhash {
  symhash: { mod: number; offset?: number };
}

export interface NftConcat {
  concat: NftExpression[];
}

/** Both ends belong to it. */
export interface NftRange {
  range: [NftExpression, NftExpression];
}

export interface NftPrefix {
  prefix: { addr: NftExpression; len: number };
}

export type NftBinaryOperator = '&' | '|' | '^' | '<<' | '>>';

/** Exactly one of the operators, each with its two sides. */
export type NftBinary =
  | { '&': NftExpression[] }
  | { '|': NftExpression[] }
  | { '^': NftExpression[] }
  | { '<<': NftExpression[] }
  | { '>>': NftExpression[] };

/** A set without a name. Elements of a map are pairs: key and value, or key and verdict. */
export interface NftAnonymousSet {
  set: NftElement | NftElement[];
}

/** `data` is an anonymous set of pairs or `@name`. */
export interface NftMapLookup {
  map: { key: NftExpression; data: NftExpression };
}

/** An element with what it carries beside its value; `counter`, `limit`, … as in a statement. */
export interface NftElem {
  elem: {
    val: NftExpression;
    /** Seconds. */
    timeout?: number;
    /** Seconds. */
    expires?: number;
    comment?: string;
    counter?: NftCounter['counter'];
    limit?: NftLimit['limit'];
    quota?: NftQuota['quota'];
    'ct count'?: NftCtCount['ct count'];
    last?: NftLast['last'];
  };
}

/** Key of a set, or key and value of a map. */
export type NftElement = NftExpression | [NftExpression, NftExpression];

export type NftVerdict =
  | { accept: null }
  | { drop: null }
  | { continue: null }
  | { return: null }
  | { jump: { target: string } }
  | { goto: { target: string } };

/**
 * Text is a symbol or value of the other side's type (`established`, `10.0.0.1`, `lo`), `@name` a named set, `*` any element. A list holds
 * flags, or the values of a set written without braces.
 */
export type NftExpression =
  | string
  | number
  | boolean
  | NftExpression[]
  | NftPayload
  | NftExthdr
  | NftTcpOption
  | NftIpOption
  | NftSctpChunk
  | NftMeta
  | NftRt
  | NftCt
  | NftSocket
  | NftOsf
  | NftIpsec
  | NftFib
  | NftNumgen
  | NftJhash
  | NftSymhash
  | NftConcat
  | NftRange
  | NftPrefix
  | NftBinary
  | NftAnonymousSet
  | NftMapLookup
  | NftElem
  | NftVerdict;
