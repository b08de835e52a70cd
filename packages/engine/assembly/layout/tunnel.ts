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
  /** The next tunnel with the same underlay, in the network's order. */
  next: Link;
  /** VNI; key of what goes out. */
  id: u32;
  /** Key of what comes in. */
  inKey: u32;
  /** Of the outer packets, or (`ROUTE_MARK`) what they are routed by. */
  mark: u32;
  /** WireGuard: `AllowedPrefix[]`, the longest first, and the number of its public key; 0: unknown. */
  prefixes: usize;
  prefixCount: u32;
  key: u32;
  /** Classes of source ports that rules tell apart: the first of each, and above it how many, u32 each; one class is none. */
  ports: usize;
  portCount: u32;
  port: u16;
  /** Of the outer UDP header. */
  sourcePort: u16;
  /** `TunnelFlag`. */
  flags: u16;
  /** Bytes between the outer IP header and the inner packet. */
  header: u16;
  /** 0: none set. */
  localFamily: u8;
  remoteFamily: u8;
  /** 0: the host's own. */
  ttl: u8;
  tos: u8;
  /** `TunnelType`. */
  type: u8;
  pad: u8;
  pad2: u16;
}

/** What a WireGuard peer may be sent, and sends from. */
@unmanaged
export class AllowedPrefix {
  hi: u64;
  lo: u64;
  /** The peer's address; family 0: none is known. */
  endpointHi: u64;
  endpointLo: u64;
  /** Number of the peer's public key; 0: unknown. */
  key: u32;
  endpointPort: u16;
  endpointFamily: u8;
  family: u8;
  length: u8;
  pad: u8;
  pad2: u16;
  pad3: u32;
}

export const TUNNEL_SIZE: u32 = offsetof<Tunnel>();
export const TUNNEL_LOCAL: u32 = offsetof<Tunnel>('localHi');
export const TUNNEL_REMOTE: u32 = offsetof<Tunnel>('remoteHi');
export const TUNNEL_UNDERLAY: u32 = offsetof<Tunnel>('underlay');
export const TUNNEL_DEV: u32 = offsetof<Tunnel>('dev');
export const TUNNEL_ID: u32 = offsetof<Tunnel>('id');
export const TUNNEL_IN_KEY: u32 = offsetof<Tunnel>('inKey');
export const TUNNEL_MARK: u32 = offsetof<Tunnel>('mark');
export const TUNNEL_PREFIXES: u32 = offsetof<Tunnel>('prefixes');
export const TUNNEL_PREFIX_COUNT: u32 = offsetof<Tunnel>('prefixCount');
export const TUNNEL_KEY: u32 = offsetof<Tunnel>('key');
export const TUNNEL_PORTS: u32 = offsetof<Tunnel>('ports');
export const TUNNEL_PORT_COUNT: u32 = offsetof<Tunnel>('portCount');
export const TUNNEL_PORT: u32 = offsetof<Tunnel>('port');
export const TUNNEL_SOURCE_PORT: u32 = offsetof<Tunnel>('sourcePort');
export const TUNNEL_FLAGS: u32 = offsetof<Tunnel>('flags');
export const TUNNEL_HEADER: u32 = offsetof<Tunnel>('header');
export const TUNNEL_LOCAL_FAMILY: u32 = offsetof<Tunnel>('localFamily');
export const TUNNEL_REMOTE_FAMILY: u32 = offsetof<Tunnel>('remoteFamily');
export const TUNNEL_TTL: u32 = offsetof<Tunnel>('ttl');
export const TUNNEL_TOS: u32 = offsetof<Tunnel>('tos');
export const TUNNEL_TYPE: u32 = offsetof<Tunnel>('type');
export const ALLOWED_SIZE: u32 = offsetof<AllowedPrefix>();
export const ALLOWED_PREFIX: u32 = offsetof<AllowedPrefix>('hi');
export const ALLOWED_ENDPOINT: u32 = offsetof<AllowedPrefix>('endpointHi');
export const ALLOWED_KEY: u32 = offsetof<AllowedPrefix>('key');
export const ALLOWED_PORT: u32 = offsetof<AllowedPrefix>('endpointPort');
export const ALLOWED_ENDPOINT_FAMILY: u32 = offsetof<AllowedPrefix>('endpointFamily');
export const ALLOWED_FAMILY: u32 = offsetof<AllowedPrefix>('family');
export const ALLOWED_LENGTH: u32 = offsetof<AllowedPrefix>('length');
