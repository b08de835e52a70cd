import { Link } from './link';

/** A static neighbour, or an address this host answers for (`proxy`). */
@unmanaged
export class Neighbor {
  hi: u64;
  lo: u64;
  mac: u64;
  link: Link;
  state: u8;
  family: u8;
  pad: u16;
}

/** A static forwarding entry of a bridge, or of a tunnel. */
@unmanaged
export class FdbEntry {
  mac: u64;
  /** The other end of the tunnel. */
  dstHi: u64;
  dstLo: u64;
  link: Link;
  /** Of `dst`; 0: it is a bridge's. */
  family: u8;
  pad: u8;
  /** It counts in that VLAN; 0: in every one. */
  vlan: u16;
}

/** A socket that waits for packets from anybody. */
@unmanaged
export class Listener {
  hi: u64;
  lo: u64;
  port: u16;
  protocol: u8;
  family: u8;
  flags: u8;
  pad: u8;
  pad2: u16;
  /** Symbol of the link it is bound to; 0: none. */
  device: u32;
  pad3: u32;
}

export const NEIGHBOR_SIZE: u32 = offsetof<Neighbor>();
export const NEIGHBOR_ADDRESS: u32 = offsetof<Neighbor>('hi');
export const NEIGHBOR_MAC: u32 = offsetof<Neighbor>('mac');
export const NEIGHBOR_LINK: u32 = offsetof<Neighbor>('link');
export const NEIGHBOR_STATE: u32 = offsetof<Neighbor>('state');
export const NEIGHBOR_FAMILY: u32 = offsetof<Neighbor>('family');
export const FDB_SIZE: u32 = offsetof<FdbEntry>();
export const FDB_MAC: u32 = offsetof<FdbEntry>('mac');
export const FDB_LINK: u32 = offsetof<FdbEntry>('link');
export const FDB_DST: u32 = offsetof<FdbEntry>('dstHi');
export const FDB_FAMILY: u32 = offsetof<FdbEntry>('family');
export const FDB_VLAN: u32 = offsetof<FdbEntry>('vlan');
export const LISTENER_SIZE: u32 = offsetof<Listener>();
export const LISTENER_ADDRESS: u32 = offsetof<Listener>('hi');
export const LISTENER_PORT: u32 = offsetof<Listener>('port');
export const LISTENER_PROTOCOL: u32 = offsetof<Listener>('protocol');
export const LISTENER_FAMILY: u32 = offsetof<Listener>('family');
export const LISTENER_FLAGS: u32 = offsetof<Listener>('flags');
export const LISTENER_DEVICE: u32 = offsetof<Listener>('device');
