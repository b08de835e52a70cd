/** IPVS of a namespace: its virtual services and its settings. */
@unmanaged
export class Ipvs {
  /** `IpvsService[]`, by family, protocol, address and port. */
  services: usize;
  count: u32;
  /** Those of marks, by mark. */
  marks: usize;
  markCount: u32;
  /** Bits of `IpvsFlag`. */
  flags: u32;
  /** `conn_reuse_mode`. */
  reuse: u32;
  /** `ip_unprivileged_port_start`. */
  unprivileged: u32;
  pad: u32;
}

/** A virtual service. */
@unmanaged
export class IpvsService {
  hi: u64;
  lo: u64;
  /** What of a client's address persistence looks at. */
  maskHi: u64;
  maskLo: u64;
  mark: u32;
  id: u32;
  /** `IpvsServer[]`. */
  servers: usize;
  serverCount: u32;
  /** Seconds. */
  persistent: u32;
  port: u16;
  protocol: u8;
  family: u8;
  /** `IpvsScheduler`. */
  scheduler: u8;
  /** Bits of `IpvsServiceFlag`. */
  flags: u8;
  pad: u16;
  pad2: u32;
}

@unmanaged
export class IpvsServer {
  hi: u64;
  lo: u64;
  id: u32;
  weight: u32;
  port: u16;
  /** `IpvsMethod`. */
  method: u8;
  /** 1: it has an upper threshold. */
  limited: u8;
  pad: u32;
}

/** IPVS: what was done, and the service's and the server's number (+ 1; 0: none). */
@unmanaged
export class IpvsStep {
  kind: u16;
  size: u16;
  netns: u32;
  service: u32;
  server: u32;
  hook: u8;
  how: u8;
  pad: u16;
  pad2: u32;
}

export const IPVS_SIZE: u32 = offsetof<Ipvs>();
export const IPVS_SERVICES: u32 = offsetof<Ipvs>('services');
export const IPVS_COUNT: u32 = offsetof<Ipvs>('count');
export const IPVS_MARKS: u32 = offsetof<Ipvs>('marks');
export const IPVS_MARK_COUNT: u32 = offsetof<Ipvs>('markCount');
export const IPVS_FLAGS: u32 = offsetof<Ipvs>('flags');
export const IPVS_REUSE: u32 = offsetof<Ipvs>('reuse');
export const IPVS_UNPRIVILEGED: u32 = offsetof<Ipvs>('unprivileged');
export const IPVS_SERVICE_SIZE: u32 = offsetof<IpvsService>();
export const IPVS_SERVICE_ADDRESS: u32 = offsetof<IpvsService>('hi');
export const IPVS_SERVICE_MASK: u32 = offsetof<IpvsService>('maskHi');
export const IPVS_SERVICE_MARK: u32 = offsetof<IpvsService>('mark');
export const IPVS_SERVICE_ID: u32 = offsetof<IpvsService>('id');
export const IPVS_SERVICE_SERVERS: u32 = offsetof<IpvsService>('servers');
export const IPVS_SERVICE_SERVER_COUNT: u32 = offsetof<IpvsService>('serverCount');
export const IPVS_SERVICE_PERSISTENT: u32 = offsetof<IpvsService>('persistent');
export const IPVS_SERVICE_PORT: u32 = offsetof<IpvsService>('port');
export const IPVS_SERVICE_PROTOCOL: u32 = offsetof<IpvsService>('protocol');
export const IPVS_SERVICE_FAMILY: u32 = offsetof<IpvsService>('family');
export const IPVS_SERVICE_SCHEDULER: u32 = offsetof<IpvsService>('scheduler');
export const IPVS_SERVICE_FLAGS: u32 = offsetof<IpvsService>('flags');
export const IPVS_SERVER_SIZE: u32 = offsetof<IpvsServer>();
export const IPVS_SERVER_ADDRESS: u32 = offsetof<IpvsServer>('hi');
export const IPVS_SERVER_ID: u32 = offsetof<IpvsServer>('id');
export const IPVS_SERVER_WEIGHT: u32 = offsetof<IpvsServer>('weight');
export const IPVS_SERVER_PORT: u32 = offsetof<IpvsServer>('port');
export const IPVS_SERVER_METHOD: u32 = offsetof<IpvsServer>('method');
export const IPVS_SERVER_LIMITED: u32 = offsetof<IpvsServer>('limited');
export const IPVS_STEP_SERVICE: u32 = offsetof<IpvsStep>('service');
export const IPVS_STEP_SERVER: u32 = offsetof<IpvsStep>('server');
export const IPVS_STEP_HOOK: u32 = offsetof<IpvsStep>('hook');
export const IPVS_STEP_HOW: u32 = offsetof<IpvsStep>('how');
