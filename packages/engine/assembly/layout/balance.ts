import { Netns } from './netns';

/** Where a frontend is looked for; a balancer's stand in the order of family, address, port and protocol. */
@unmanaged
export class FrontendKey {
  hi: u64;
  lo: u64;
  port: u16;
  protocol: u8;
  family: u8;
  frontend: Frontend;
}

@unmanaged
export class Frontend {
  /** Milliseconds. */
  affinity: u64;
  /** `Backend[]`. */
  backends: usize;
  backendCount: u32;
  /** `BalancePrefix[]`: source ranges. */
  ranges: usize;
  rangeCount: u32;
  /** Bits of `FrontendFlag`. */
  flags: u32;
  pad: u32;
}

@unmanaged
export class Backend {
  hi: u64;
  lo: u64;
  port: u16;
  pad: u16;
  pad2: u32;
}

@unmanaged
export class BalancePrefix {
  hi: u64;
  lo: u64;
  family: u8;
  length: u8;
  pad: u16;
  pad2: u32;
}

@unmanaged
export class Balancer {
  base: Balancer;
  /** `FrontendKey[]`. */
  keys: usize;
  keyCount: u32;
  pad: u32;
}

/** A balancer in its place: that of a namespace's sockets, or of a link. */
@unmanaged
export class Balancing {
  source4: u64;
  source6Hi: u64;
  source6Lo: u64;
  loopback4: u64;
  loopback6Hi: u64;
  loopback6Lo: u64;
  balancer: Balancer;
  /** `BalancePrefix[]`. */
  nodes: usize;
  nodeCount: u32;
  local: usize;
  localCount: u32;
  /** Bits of `BalancingFlag`. */
  flags: u32;
}

/** A connection that a program has translated; in the order in which they began. */
@unmanaged
export class BalancedFlow {
  clientHi: u64;
  clientLo: u64;
  frontHi: u64;
  frontLo: u64;
  backHi: u64;
  backLo: u64;
  /** The source that the backend sees, with `NODE` among the flags. */
  nodeHi: u64;
  nodeLo: u64;
  expires: u64;
  frontend: Frontend;
  netns: Netns;
  next: BalancedFlow;
  clientPort: u16;
  frontPort: u16;
  backPort: u16;
  nodePort: u16;
  family: u8;
  protocol: u8;
  /** Bits of `BalancedFlag`. */
  flags: u8;
  pad: u8;
}

export enum BalancedFlag {
  /** The backend is elsewhere. */
  AWAY = 1,
  /** The backend sees another source. */
  NODE = 2,
  /** A second packet was seen. */
  LASTING = 4,
}

/** Which backend a client keeps. */
@unmanaged
export class Affinity {
  clientHi: u64;
  clientLo: u64;
  until: u64;
  frontend: Frontend;
  netns: Netns;
  backend: Backend;
  next: Affinity;
  /** 1: the processes of the namespace, and no address. */
  sockets: u32;
  pad: u32;
}

export const FRONTEND_KEY_SIZE: u32 = offsetof<FrontendKey>();
export const FRONTEND_KEY_ADDRESS: u32 = offsetof<FrontendKey>('hi');
export const FRONTEND_KEY_PORT: u32 = offsetof<FrontendKey>('port');
export const FRONTEND_KEY_PROTOCOL: u32 = offsetof<FrontendKey>('protocol');
export const FRONTEND_KEY_FAMILY: u32 = offsetof<FrontendKey>('family');
export const FRONTEND_KEY_FRONTEND: u32 = offsetof<FrontendKey>('frontend');
export const FRONTEND_SIZE: u32 = offsetof<Frontend>();
export const FRONTEND_AFFINITY: u32 = offsetof<Frontend>('affinity');
export const FRONTEND_BACKENDS: u32 = offsetof<Frontend>('backends');
export const FRONTEND_BACKEND_COUNT: u32 = offsetof<Frontend>('backendCount');
export const FRONTEND_RANGES: u32 = offsetof<Frontend>('ranges');
export const FRONTEND_RANGE_COUNT: u32 = offsetof<Frontend>('rangeCount');
export const FRONTEND_FLAGS: u32 = offsetof<Frontend>('flags');
export const BACKEND_SIZE: u32 = offsetof<Backend>();
export const BACKEND_ADDRESS: u32 = offsetof<Backend>('hi');
export const BACKEND_PORT: u32 = offsetof<Backend>('port');
export const BALANCE_PREFIX_SIZE: u32 = offsetof<BalancePrefix>();
export const BALANCE_PREFIX_ADDRESS: u32 = offsetof<BalancePrefix>('hi');
export const BALANCE_PREFIX_FAMILY: u32 = offsetof<BalancePrefix>('family');
export const BALANCE_PREFIX_LENGTH: u32 = offsetof<BalancePrefix>('length');
export const BALANCER_SIZE: u32 = offsetof<Balancer>();
export const BALANCER_BASE: u32 = offsetof<Balancer>('base');
export const BALANCER_KEYS: u32 = offsetof<Balancer>('keys');
export const BALANCER_KEY_COUNT: u32 = offsetof<Balancer>('keyCount');
export const BALANCING_SIZE: u32 = offsetof<Balancing>();
export const BALANCING_SOURCE_4: u32 = offsetof<Balancing>('source4');
export const BALANCING_SOURCE_6: u32 = offsetof<Balancing>('source6Hi');
export const BALANCING_LOOPBACK_4: u32 = offsetof<Balancing>('loopback4');
export const BALANCING_LOOPBACK_6: u32 = offsetof<Balancing>('loopback6Hi');
export const BALANCING_BALANCER: u32 = offsetof<Balancing>('balancer');
export const BALANCING_NODES: u32 = offsetof<Balancing>('nodes');
export const BALANCING_NODE_COUNT: u32 = offsetof<Balancing>('nodeCount');
export const BALANCING_LOCAL: u32 = offsetof<Balancing>('local');
export const BALANCING_LOCAL_COUNT: u32 = offsetof<Balancing>('localCount');
export const BALANCING_FLAGS: u32 = offsetof<Balancing>('flags');
