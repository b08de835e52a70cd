/** CT_HELPER: `argument` is 1 where it stands for a connection that is not there yet. Also stands alone, without head. */
@unmanaged
export class HelperStatement {
  head: u64;
  /** Of the connections that it is given to; 0: any. */
  protocol: u8;
  family: u8;
  /** `HelperExpects`, `HelperPlace`. */
  expects: u8;
  place: u8;
  pad: u32;
}

/** Ended by one of key 0. */
@unmanaged
export class AutomaticHelper {
  /** Protocol * 65536 + port. */
  key: u32;
  helper: u32;
}

export const HELPER_SIZE: u32 = offsetof<HelperStatement>();
export const HELPER_PROTOCOL: u32 = offsetof<HelperStatement>('protocol');
export const HELPER_FAMILY: u32 = offsetof<HelperStatement>('family');
export const HELPER_EXPECTS: u32 = offsetof<HelperStatement>('expects');
export const HELPER_PLACE: u32 = offsetof<HelperStatement>('place');
