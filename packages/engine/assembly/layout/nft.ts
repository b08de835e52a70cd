/**
 * nftables' records: what a rule takes out of a packet, and what it does with it. Values of every type are 128 bits, (high, low): numbers,
 * IPv4 and link-layer addresses in the low word, names of interfaces as their symbol there.
 */
import { NftSet } from './nft-set';

/**
 *   0     1      2     3     4     8    12     16   20  24   32     40     48     56
 *   |field|family|flags|shift|bytes| mod|offset|seed|key|pad| mask         | xor         |
 */
@unmanaged
export class Selector {
  /** `Field`. */
  field: u8;
  /** Addresses of connections and gateways: 4 or 6; 0: either. */
  family: u8;
  /** Bits of `SelectorFlag`. */
  flags: u8;
  /** To the right; negative: to the left. */
  shift: i8;
  /** How many bytes the kernel's registers hold of it; of `fib` bits of `FibFlag`. */
  bytes: u32;
  mod: u32;
  offset: u32;
  seed: u32;
  /** What a jhash is about. */
  key: Key;
  pad: u64;
  maskHi: u64;
  maskLo: u64;
  xorHi: u64;
  xorLo: u64;
}

/** Up to 8 selectors, which follow. */
@unmanaged
export class Key {
  count: u32;
  /** 1: a choice may be met. */
  chance: u32;
}

@unmanaged
export class Value {
  hi: u64;
  lo: u64;
}

/** COMPARE: `argument` is a `CompareCode`; `count` pairs of values follow, first and last. */
@unmanaged
export class CompareTest {
  head: u64;
  key: Key;
  /** Bit i: value i is the start of a name, the last one a mask over its bytes. */
  wild: u32;
}

/** LOOKUP, VERDICT_MAP: `argument` is the symbol of the set's name; 0: `set` stands in the rule. */
@unmanaged
export class LookupTest {
  head: u64;
  key: Key;
  set: NftSet;
}

/** Where a value comes from (`SourceKind`): `count` pairs of values follow where it stands in the rule. */
@unmanaged
export class Source {
  kind: u32;
  key: Key;
  /** Symbol of the map's name; 0: `set`. */
  name: u32;
  set: NftSet;
  count: u32;
  pad: u32;
}

/** SET_META: `argument` is a `MetaTarget`. SET_HEADER: a `Field`, and the bits to write. NAT_TO: bits of `NatFlag`. */
@unmanaged
export class WriteStatement {
  head: u64;
  source: Source;
  mask: u32;
  /** NAT_TO: `NatManip`, bits of `NatPart`. */
  manip: u8;
  parts: u8;
  pad: u16;
  pad2: u32;
}

/** SET_UPDATE: `argument` is the symbol of the set's name. */
@unmanaged
export class UpdateStatement {
  head: u64;
  /** Milliseconds; all ones: the set's own. */
  timeout: u64;
  key: Key;
  /** The value of a map's element; null: none. */
  source: Source;
  /** `UpdateOp`. */
  op: u32;
  pad: u32;
}

export const SELECTOR_SIZE: u32 = offsetof<Selector>();
export const SELECTOR_FAMILY: u32 = offsetof<Selector>('family');
export const SELECTOR_FLAGS: u32 = offsetof<Selector>('flags');
export const SELECTOR_SHIFT: u32 = offsetof<Selector>('shift');
export const SELECTOR_BYTES: u32 = offsetof<Selector>('bytes');
export const SELECTOR_MOD: u32 = offsetof<Selector>('mod');
export const SELECTOR_OFFSET: u32 = offsetof<Selector>('offset');
export const SELECTOR_SEED: u32 = offsetof<Selector>('seed');
export const SELECTOR_KEY: u32 = offsetof<Selector>('key');
export const SELECTOR_MASK: u32 = offsetof<Selector>('maskHi');
export const SELECTOR_XOR: u32 = offsetof<Selector>('xorHi');
export const KEY_SIZE: u32 = offsetof<Key>();
export const COMPARE_SIZE: u32 = offsetof<CompareTest>();
export const COMPARE_KEY: u32 = offsetof<CompareTest>('key');
export const COMPARE_WILD: u32 = offsetof<CompareTest>('wild');
export const LOOKUP_SIZE: u32 = offsetof<LookupTest>();
export const LOOKUP_KEY: u32 = offsetof<LookupTest>('key');
export const LOOKUP_SET: u32 = offsetof<LookupTest>('set');
export const SOURCE_SIZE: u32 = offsetof<Source>();
export const SOURCE_KIND: u32 = offsetof<Source>('kind');
export const SOURCE_KEY: u32 = offsetof<Source>('key');
export const SOURCE_NAME: u32 = offsetof<Source>('name');
export const SOURCE_SET: u32 = offsetof<Source>('set');
export const SOURCE_COUNT: u32 = offsetof<Source>('count');
export const WRITE_SIZE: u32 = offsetof<WriteStatement>();
export const WRITE_SOURCE: u32 = offsetof<WriteStatement>('source');
export const WRITE_MASK: u32 = offsetof<WriteStatement>('mask');
export const WRITE_MANIP: u32 = offsetof<WriteStatement>('manip');
export const WRITE_PARTS: u32 = offsetof<WriteStatement>('parts');
export const UPDATE_SIZE: u32 = offsetof<UpdateStatement>();
export const UPDATE_TIMEOUT: u32 = offsetof<UpdateStatement>('timeout');
export const UPDATE_KEY: u32 = offsetof<UpdateStatement>('key');
export const UPDATE_SOURCE: u32 = offsetof<UpdateStatement>('source');
export const UPDATE_OP: u32 = offsetof<UpdateStatement>('op');
