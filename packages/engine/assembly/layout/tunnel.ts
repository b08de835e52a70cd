import { Link } from './link';
import { Netns } from './netns';

/** What a tunnel's link says of the outer packets. */
@unmanaged
export class Tunnel {
  localHi: u64;
  localLo: u64;
  remoteHi: u64;
  remoteLo: u64;
  /** The namespace that routes the outer packets. */
  underlay: Netns;
  /** They leave by this link of it; 0: by any. */
  dev: Link;
  /** All links of the network that are tunnels, in its order. */
  next: Link;
  id: u32;
  port: u16;
  /** Of the outer UDP header. */
  sourcePort: u16;
  /** 0: none set. */
  localFamily: u8;
  remoteFamily: u8;
  /** `TunnelFlag`. */
  flags: u8;
  /** 0: the host's own. */
  ttl: u8;
  tos: u8;
  pad: u8;
  pad2: u16;
}

export const TUNNEL_SIZE: u32 = offsetof<Tunnel>();
export const TUNNEL_LOCAL: u32 = offsetof<Tunnel>('localHi');
export const TUNNEL_REMOTE: u32 = offsetof<Tunnel>('remoteHi');
export const TUNNEL_UNDERLAY: u32 = offsetof<Tunnel>('underlay');
export const TUNNEL_DEV: u32 = offsetof<Tunnel>('dev');
export const TUNNEL_ID: u32 = offsetof<Tunnel>('id');
export const TUNNEL_PORT: u32 = offsetof<Tunnel>('port');
export const TUNNEL_SOURCE_PORT: u32 = offsetof<Tunnel>('sourcePort');
export const TUNNEL_LOCAL_FAMILY: u32 = offsetof<Tunnel>('localFamily');
export const TUNNEL_REMOTE_FAMILY: u32 = offsetof<Tunnel>('remoteFamily');
export const TUNNEL_FLAGS: u32 = offsetof<Tunnel>('flags');
export const TUNNEL_TTL: u32 = offsetof<Tunnel>('ttl');
export const TUNNEL_TOS: u32 = offsetof<Tunnel>('tos');
