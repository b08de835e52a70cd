/**
 * A set or map of nftables. Elements of single values stand in one array, those with ranges or patterns in another; where a key has one
 * component both are in ascending order.
 */
@unmanaged
export class NftSet {
  /** Milliseconds that added elements live; all ones: for ever. */
  timeout: u64;
  id: u32;
  /** Components of a key; of a map's value. */
  components: u32;
  parts: u32;
  exact: usize;
  exactCount: u32;
  exactSize: u32;
  ranged: usize;
  rangedCount: u32;
  rangedSize: u32;
  /** The element for every key that no other has; null: none. */
  catchAll: NftElement;
  /** Most elements; 0: no limit. */
  size: u32;
  /** Pointers to the single elements by hash, a power of two of them. */
  slots: usize;
  mask: u32;
  /** `SetKind`. */
  kind: u8;
  /** 1: rules may change it. */
  changes: u8;
  /** 1: the values of elements are ranges. */
  dataRanges: u8;
  /** 1: the ranged elements are intervals of one component. */
  intervals: u8;
}

/** An element: its head, then the key (first values, of a ranged one also the last), then the map's value (likewise). */
@unmanaged
export class NftElement {
  /** Milliseconds on the machine's clock; all ones: never. */
  expires: u64;
  /** Number among the host's elements, + 1; 0: a rule added it. */
  id: u32;
  set: NftSet;
  /** Symbol of the chain that its verdict leads to. */
  chain: u32;
  /** Statements that run when it is found; 0: none. */
  statements: usize;
  /** `Verdict`. */
  verdict: u8;
  ranged: u8;
  /** Bit i: component i is the start of a name, its last value a mask over its bytes. */
  wild: u8;
  pad: u8;
  pad2: u32;
}

/** A table's set of one name. */
@unmanaged
export class NamedSet {
  name: u32;
  set: NftSet;
}

export const NFT_SET_SIZE: u32 = offsetof<NftSet>();
export const NFT_SET_TIMEOUT: u32 = offsetof<NftSet>('timeout');
export const NFT_SET_ID: u32 = offsetof<NftSet>('id');
export const NFT_SET_COMPONENTS: u32 = offsetof<NftSet>('components');
export const NFT_SET_PARTS: u32 = offsetof<NftSet>('parts');
export const NFT_SET_EXACT: u32 = offsetof<NftSet>('exact');
export const NFT_SET_RANGED: u32 = offsetof<NftSet>('ranged');
export const NFT_SET_CATCH_ALL: u32 = offsetof<NftSet>('catchAll');
export const NFT_SET_LIMIT: u32 = offsetof<NftSet>('size');
export const NFT_SET_KIND: u32 = offsetof<NftSet>('kind');
export const NFT_SET_CHANGES: u32 = offsetof<NftSet>('changes');
export const NFT_SET_DATA_RANGES: u32 = offsetof<NftSet>('dataRanges');
export const NFT_SET_INTERVALS: u32 = offsetof<NftSet>('intervals');
export const NFT_ELEMENT_SIZE: u32 = offsetof<NftElement>();
export const NFT_ELEMENT_EXPIRES: u32 = offsetof<NftElement>('expires');
export const NFT_ELEMENT_ID: u32 = offsetof<NftElement>('id');
export const NFT_ELEMENT_SET: u32 = offsetof<NftElement>('set');
export const NFT_ELEMENT_CHAIN: u32 = offsetof<NftElement>('chain');
export const NFT_ELEMENT_STATEMENTS: u32 = offsetof<NftElement>('statements');
export const NFT_ELEMENT_VERDICT: u32 = offsetof<NftElement>('verdict');
export const NFT_ELEMENT_RANGED: u32 = offsetof<NftElement>('ranged');
export const NFT_ELEMENT_WILD: u32 = offsetof<NftElement>('wild');
export const NAMED_SET_SIZE: u32 = offsetof<NamedSet>();
