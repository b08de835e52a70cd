/** Statements of the syntax tree: what a rule tests and does, in order. */
import type { NftExpression, NftMapLookup, NftTcpOption, NftVerdict } from './syntax-expression.ts';

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
