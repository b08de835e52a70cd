/** What `ipvsadm` knows of virtual services. */

export interface IpvsService {
  /** `tcp`, `udp`, `sctp`; absent for a service by firewall mark. */
  protocol?: 'tcp' | 'udp' | 'sctp';
  /** Absent for a service by firewall mark. */
  address?: string;
  port?: number;
  fwmark?: number;
  /** A service by mark that is IPv6's. */
  ipv6?: boolean;
  scheduler: string;
  /** Scheduler flags: `sh-port,sh-fallback`, `flag-1`. */
  flags?: string;
  /** Seconds. */
  persistent?: number;
  /** Granularity of persistence: a mask, or for IPv6 a length. */
  netmask?: string;
  /** Persistence engine. */
  pe?: string;
  onePacket?: boolean;
  servers: IpvsServer[];
}

export interface IpvsServer {
  address: string;
  port: number;
  method: 'masquerade' | 'tunnel' | 'route';
  weight: number;
  upper?: number;
  lower?: number;
}
