/**
 * IPVS, the kernel's load balancer: what `ipvsadm -Sn` prints. Part of the description in `network.ts`. Its settings stand with the
 * namespace's other ones, as `net.ipv4.vs.conntrack` and so on (Documentation/networking/ipvs-sysctl.rst).
 */
import type { Cause } from './network.ts';

/** A virtual service: packets to an address and port, or with a firewall mark. Two of one namespace never have the same of these. */
export interface IpvsService {
  /** Absent for a service by firewall mark. */
  protocol?: 'tcp' | 'udp' | 'sctp';
  /** Absent for a service by firewall mark. */
  address?: string;
  /** 0: every port that no service of its own has; the kernel takes it for persistent services alone. */
  port?: number;
  /** Not 0. */
  fwmark?: number;
  /** A service by mark that is IPv6's. */
  ipv6?: boolean;
  /** `rr`, `wrr`, `lc`, `wlc`, `sh` ... */
  scheduler: string;
  /** Scheduler flags as printed: `sh-port,sh-fallback`, `flag-1`. */
  flags?: string;
  /** A client keeps its server for so many seconds. */
  persistent?: number;
  /** Which clients count as one: a mask, or for IPv6 a length. Absent: each for itself. */
  netmask?: string;
  /** Persistence engine. */
  pe?: string;
  /** Each datagram is scheduled anew. */
  onePacket?: boolean;
  /** Real servers, in the order in which they were added. */
  servers: IpvsServer[];
  cause?: Cause;
}

export interface IpvsServer {
  address: string;
  /** 0 (services by mark, services of every port): the port that the packet has. */
  port: number;
  method: 'masquerade' | 'tunnel' | 'route';
  /** 0: it keeps what it has and gets no new connections. */
  weight: number;
  /** More connections than this: it gets no new ones, until they are fewer than `lower` (three quarters of `upper` where absent). */
  upper?: number;
  lower?: number;
  cause?: Cause;
}
