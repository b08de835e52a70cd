/**
 * The syntax tree of nftables, as libnftables-json(5) writes it: every value here serialises to what `nft -j` prints and reads. The text
 * form of a tree is made by the printer; nothing in it depends on how the text was written.
 */

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

// ── expressions ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

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

// ── statements ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `in`: no operator was written, or bits of the right side are looked for in the left one (`ct state new`). `!`: none of the bits is set.
 * The listed form has `in` only where it tests bits.
 */
export type NftOperator = 'in' | '==' | '!=' | '<' | '>' | '<=' | '>=' | '!';

export interface NftMatch {
  match: { op: NftOperator; left: NftExpression; right: NftExpression };
}

/** A verdict per key. */
export interface NftVerdictMap {
  vmap: { key: NftExpression; data: NftExpression };
}

export interface NftCounterValues {
  packets: number;
  bytes: number;
}

/** `null`: a counter whose figures are not told. Text names a counter object. A map chooses one. */
export interface NftCounter {
  counter: null | Partial<NftCounterValues> | string | NftMapLookup;
}

export interface NftMangle {
  mangle: { key: NftExpression; value: NftExpression };
}

export interface NftQuotaValues {
  val: number;
  /** `bytes` where absent. */
  val_unit?: string;
  used?: number;
  used_unit?: string;
  inv?: boolean;
}

export interface NftQuota {
  quota: NftQuotaValues | string | NftMapLookup;
}

export interface NftLimitValues {
  rate: number;
  /** `packets` where absent. */
  rate_unit?: string;
  /** `second` where absent. */
  per?: string;
  burst?: number;
  burst_unit?: string;
  inv?: boolean;
}

export interface NftLimit {
  limit: NftLimitValues | string | NftMapLookup;
}

export interface NftFwd {
  fwd: { dev: NftExpression; family?: 'ip' | 'ip6'; addr?: NftExpression };
}

export interface NftNotrack {
  notrack: null;
}

export interface NftDup {
  dup: { addr: NftExpression; dev?: NftExpression };
}

export interface NftNat {
  /** Absent: only the port is translated. */
  addr?: NftExpression;
  family?: 'ip' | 'ip6';
  port?: NftExpression;
  /** `random`, `fully-random`, `persistent`. */
  flags?: string | string[];
  /** Of the map that gives the address: `prefix`, `interval`, `concat`. */
  type_flags?: string | string[];
}

export interface NftNatPort {
  port?: NftExpression;
  flags?: string | string[];
}

export type NftNatStatement =
  | { snat: NftNat }
  | { dnat: NftNat }
  | { masquerade: NftNatPort | null }
  | { redirect: NftNatPort | null };

export interface NftReject {
  /** `null`: port unreachable in the packet's own family. */
  reject: null | { type?: 'tcp reset' | 'icmp' | 'icmpv6' | 'icmpx'; expr?: NftExpression };
}

export interface NftSetStatement {
  set: { op: 'add' | 'update' | 'delete'; elem: NftExpression; set: string; stmt?: NftStatement[] };
}

/** A map is written: key, value and the map's name. */
export interface NftMapStatement {
  map: {
    op: 'add' | 'update' | 'delete';
    elem: NftExpression;
    data: NftExpression;
    map: string;
    stmt?: NftStatement[];
  };
}

export interface NftLog {
  log: null | {
    prefix?: string;
    group?: number;
    snaplen?: number;
    'queue-threshold'?: number;
    level?: string;
    flags?: string | string[];
  };
}

export interface NftCtHelper {
  'ct helper': NftExpression;
}

export interface NftCtTimeout {
  'ct timeout': NftExpression;
}

export interface NftCtExpectation {
  'ct expectation': NftExpression;
}

export interface NftCtCount {
  'ct count': { val: number; inv?: boolean };
}

export interface NftMeter {
  meter: { name: string; key: NftExpression; stmt: NftStatement; size?: number };
}

export interface NftQueue {
  queue: null | { num?: NftExpression; flags?: string | string[] };
}

export interface NftTproxy {
  tproxy: { family?: 'ip' | 'ip6'; addr?: NftExpression; port?: NftExpression };
}

export interface NftSynproxyValues {
  mss?: number;
  wscale?: number;
  /** `timestamp`, `sack-perm`. */
  flags?: string | string[];
}

export interface NftSynproxy {
  synproxy: null | NftSynproxyValues | string | NftMapLookup;
}

export interface NftSecmark {
  secmark: NftExpression;
}

export interface NftFlow {
  flow: { op: 'add'; flowtable: string };
}

export interface NftReset {
  reset: NftTcpOption;
}

/** When the rule was last hit; `used`: milliseconds ago, absent: never. */
export interface NftLast {
  last: null | { used: number };
}

/** An xtables extension that nft cannot show; `nft` itself prints its name in a comment. */
export interface NftXt {
  xt: null | { type: 'match' | 'target' | 'watcher'; name: string };
}

export type NftStatement =
  | NftVerdict
  | NftMatch
  | NftVerdictMap
  | NftCounter
  | NftMangle
  | NftQuota
  | NftLimit
  | NftFwd
  | NftNotrack
  | NftDup
  | NftNatStatement
  | NftReject
  | NftSetStatement
  | NftMapStatement
  | NftLog
  | NftCtHelper
  | NftCtTimeout
  | NftCtExpectation
  | NftCtCount
  | NftMeter
  | NftQueue
  | NftTproxy
  | NftSynproxy
  | NftSecmark
  | NftFlow
  | NftReset
  | NftLast
  | NftXt;

// ── objects ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface NftTable {
  family: NftFamily;
  name: string;
  handle?: number;
  /** `dormant`, `owner`. */
  flags?: string | string[];
  comment?: string;
}

interface InTable {
  family: NftFamily;
  table: string;
  name: string;
  handle?: number;
  comment?: string;
}

/** `type`, `hook`, `prio`, `policy` of a base chain only. */
export interface NftChain extends InTable {
  newname?: string;
  type?: 'filter' | 'nat' | 'route';
  hook?: string;
  prio?: number;
  dev?: string | string[];
  policy?: 'accept' | 'drop';
  flags?: string | string[];
}

export interface NftRule {
  family: NftFamily;
  table: string;
  chain: string;
  handle?: number;
  index?: number;
  comment?: string;
  expr: NftStatement[];
}

/** Names of datatypes, or the expression whose type it is. */
export type NftSetType = string | string[] | { typeof: NftExpression };

export interface NftSet extends InTable {
  type: NftSetType;
  policy?: 'performance' | 'memory';
  /** `constant`, `interval`, `timeout`, `dynamic`. */
  flags?: string | string[];
  elem?: NftElement[];
  /** Seconds. */
  timeout?: number;
  /** Seconds. */
  'gc-interval'?: number;
  size?: number;
  'auto-merge'?: boolean;
  /** What every element carries: `counter`, `limit`, … */
  stmt?: NftStatement[];
}

/** `map`: type of the values: a datatype, `verdict`, or a kind of object (`counter`, `ct helper`, …). */
export interface NftMap extends NftSet {
  map: NftSetType;
}

export interface NftSetElements {
  family: NftFamily;
  table: string;
  name: string;
  elem: NftElement | NftElement[];
}

export interface NftFlowtable extends InTable {
  hook: string;
  prio: number;
  dev?: string | string[];
  /** `offload`, `counter`. */
  flags?: string | string[];
}

export interface NftCounterObject extends InTable {
  packets?: number;
  bytes?: number;
}

export interface NftQuotaObject extends InTable {
  bytes: number;
  used?: number;
  inv?: boolean;
}

export interface NftCtHelperObject extends InTable {
  type: string;
  protocol: string;
  l3proto?: string;
}

export interface NftCtTimeoutObject extends InTable {
  protocol: string;
  l3proto?: string;
  /** Seconds by state, where they differ from the kernel's. */
  policy?: Record<string, number> | null;
}

export interface NftCtExpectationObject extends InTable {
  protocol: string;
  l3proto?: string;
  dport: number;
  /** Milliseconds. */
  timeout: number;
  size: number;
}

export interface NftLimitObject extends InTable {
  rate: number;
  per?: string;
  burst?: number;
  /** `bytes`, `kbytes`, `mbytes`; absent: packets. */
  rate_unit?: string;
  burst_unit?: string;
  inv?: boolean;
}

export interface NftSecmarkObject extends InTable {
  context: string;
}

export interface NftSynproxyObject extends InTable {
  mss: number;
  wscale: number;
  flags?: string | string[];
}

export interface NftMetainfo {
  version?: string;
  release_name?: string;
  json_schema_version?: number;
}

export type NftObject =
  | { table: NftTable }
  | { chain: NftChain }
  | { rule: NftRule }
  | { set: NftSet }
  | { map: NftMap }
  /** The hidden set of a `meter` statement. */
  | { meter: NftSet }
  | { element: NftSetElements }
  | { flowtable: NftFlowtable }
  | { counter: NftCounterObject }
  | { quota: NftQuotaObject }
  | { 'ct helper': NftCtHelperObject }
  | { 'ct timeout': NftCtTimeoutObject }
  | { 'ct expectation': NftCtExpectationObject }
  | { limit: NftLimitObject }
  | { secmark: NftSecmarkObject }
  | { synproxy: NftSynproxyObject };

/** What a command that removes or empties names: enough of an object to find it. */
export interface NftReference {
  family: NftFamily;
  table?: string;
  chain?: string;
  name?: string;
  newname?: string;
  handle?: number;
  index?: number;
  elem?: NftElement | NftElement[];
}

export type NftReferenceKind =
  | 'table'
  | 'chain'
  | 'rule'
  | 'set'
  | 'map'
  | 'meter'
  | 'element'
  | 'flowtable'
  | 'counter'
  | 'quota'
  | 'ct helper'
  | 'ct timeout'
  | 'ct expectation'
  | 'limit'
  | 'secmark'
  | 'synproxy';

export type NftCommand =
  | { add: NftObject }
  | { create: NftObject }
  | { insert: { rule: NftRule } }
  | { replace: { rule: NftRule } }
  | { delete: { [kind in NftReferenceKind]?: NftReference } }
  | { destroy: { [kind in NftReferenceKind]?: NftReference } }
  | {
      flush:
        | { ruleset: null | { family: NftFamily } }
        | { [kind in 'table' | 'chain' | 'set' | 'map' | 'meter']?: NftReference };
    }
  | { rename: { chain: NftReference } };

/** What `nft -j list ruleset` prints. */
export interface NftListing {
  nftables: ({ metainfo: NftMetainfo } | NftObject)[];
}

/** What `nft -j -f` reads. */
export interface NftScript {
  nftables: ({ metainfo: NftMetainfo } | NftCommand | NftObject)[];
}
