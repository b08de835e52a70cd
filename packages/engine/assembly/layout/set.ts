/** An ipset. Elements are hashed by their network parts; `shapes` lists the prefix lengths that occur, in the order the kernel tries them. */
@unmanaged
export class IpSet {
  /** `SetElement` pointers, a power of two of them; 0: empty. */
  slots: usize;
  mask: u32;
  elements: usize;
  elementCount: u32;
  /** Pairs of prefix lengths (`u8` each), most specific first. */
  shapes: usize;
  shapeCount: u32;
  /** list:set: pointers to sets. */
  members: usize;
  memberCount: u32;
  id: u32;
  /** Seconds that added elements live; 0: for ever. */
  timeout: u32;
  flags: u8;
  /** Kinds of the dimensions (`SetDimension`). */
  first: u8;
  second: u8;
  third: u8;
  pad: u32;
}

/** One element. What a dimension does not use is 0. */
@unmanaged
export class SetElement {
  /** First address, network part. */
  hi: u64;
  lo: u64;
  /** Second address, network part; or a MAC address in the low word. */
  hi2: u64;
  lo2: u64;
  /** protocol << 16 | port; or a mark; or the symbol of an interface. */
  key: u32;
  length: u8;
  length2: u8;
  nomatch: u8;
  reserved: u8;
}

/** A namespace's set of one name. */
@unmanaged
export class SetSlot {
  name: u32;
  set: IpSet;
}

export const IPSET_SIZE: u32 = offsetof<IpSet>();
export const IPSET_ELEMENTS: u32 = offsetof<IpSet>('elements');
export const IPSET_ELEMENT_COUNT: u32 = offsetof<IpSet>('elementCount');
export const IPSET_SHAPES: u32 = offsetof<IpSet>('shapes');
export const IPSET_SHAPE_COUNT: u32 = offsetof<IpSet>('shapeCount');
export const IPSET_MEMBERS: u32 = offsetof<IpSet>('members');
export const IPSET_MEMBER_COUNT: u32 = offsetof<IpSet>('memberCount');
export const IPSET_ID: u32 = offsetof<IpSet>('id');
export const IPSET_TIMEOUT: u32 = offsetof<IpSet>('timeout');
export const IPSET_FLAGS: u32 = offsetof<IpSet>('flags');
export const IPSET_FIRST: u32 = offsetof<IpSet>('first');
export const ELEMENT_SIZE: u32 = offsetof<SetElement>();
export const ELEMENT_ADDRESS: u32 = offsetof<SetElement>('hi');
export const ELEMENT_ADDRESS2: u32 = offsetof<SetElement>('hi2');
export const ELEMENT_KEY: u32 = offsetof<SetElement>('key');
export const ELEMENT_LENGTH: u32 = offsetof<SetElement>('length');
export const ELEMENT_LENGTH2: u32 = offsetof<SetElement>('length2');
export const ELEMENT_NOMATCH: u32 = offsetof<SetElement>('nomatch');
export const SET_SLOT_SIZE: u32 = offsetof<SetSlot>();
export const SET_SLOT_NAME: u32 = offsetof<SetSlot>('name');
export const SET_SLOT_SET: u32 = offsetof<SetSlot>('set');
