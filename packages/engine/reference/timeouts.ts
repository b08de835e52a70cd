/**
 * How long connections stay: the time-outs of nf_conntrack_proto_{tcp,udp,icmp,icmpv6,gre,sctp,generic}.c, which sysctls set per network
 * namespace; __nf_ct_refresh_acct, nf_ct_is_expired (net/netfilter/nf_conntrack_core.c).
 */
import { Protocol, sysctl } from '../src/index.ts';
import type { Connection, Host } from './state.ts';

export const GRE = 47;
export const UDPLITE = 136;

/** Seconds, by the name behind `net.netfilter.nf_conntrack_`. */
export const ctSetting = (host: Host, name: string): number =>
  sysctl(host.netns.sysctls, `net.netfilter.nf_conntrack_${name}`);

/** Seconds in a TCP state. Simultaneous opens and connections without a state have two minutes, which nobody can set. */
export function tcpSeconds(host: Host, state: string): number {
  if (state === 'SYN_SENT2' || state === 'NONE') return 120;
  return ctSetting(host, `tcp_timeout_${state.toLowerCase()}`);
}

export const sctpSeconds = (host: Host, state: string): number =>
  state === 'NONE' ? 10 : ctSetting(host, `sctp_timeout_${state.toLowerCase()}`);

/** Seconds that a connection of a protocol with little state has. */
export function plainSeconds(host: Host, { protocol, seenReply, assured }: Connection): number {
  switch (protocol) {
    case Protocol.UDP:
    case UDPLITE:
      return ctSetting(host, assured ? 'udp_timeout_stream' : 'udp_timeout');
    case Protocol.ICMP:
      return ctSetting(host, 'icmp_timeout');
    case Protocol.ICMPV6:
      return ctSetting(host, 'icmpv6_timeout');
    case GRE:
      return ctSetting(host, seenReply ? 'gre_timeout_stream' : 'gre_timeout');
    case Protocol.SCTP:
      // Associations without states: closed until they are answered.
      return sctpSeconds(host, seenReply ? 'ESTABLISHED' : 'NONE');
    default:
      return ctSetting(host, 'generic_timeout');
  }
}

/** It stays for so many seconds from now on. */
export function refresh(connection: Connection, clockMs: number, seconds: number): void {
  connection.expires = clockMs + seconds * 1000;
}

export const isExpired = (connection: Connection, clockMs: number): boolean => connection.expires <= clockMs;

/** Forgets what has no time left. */
export function expire(host: Host, clockMs: number): void {
  host.connections = host.connections.filter((connection) => !isExpired(connection, clockMs));
}
