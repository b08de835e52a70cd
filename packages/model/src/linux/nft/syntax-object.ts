/** Objects of the syntax tree: what a ruleset consists of, and the commands that change it. */
import type { NftElement, NftExpression } from './syntax-expression.ts';
import type { NftStatement } from './syntax-statement.ts';

export type NftFamily = 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';

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
  /** Values are ranges (`type … : interval …`). */
  interval?: boolean;
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
