/** What a REJECT rule sends: reject_tg, reject_tg6 (net/ipv4/netfilter/ipt_REJECT.c, net/ipv6/netfilter/ip6t_REJECT.c). */
import { Protocol, TcpFlag } from '../src/index.ts';
import { isLater } from './fragment.ts';
import type { Reply, Skb } from './state.ts';

const ICMP: Record<string, [type: number, code: number]> = {
  'icmp-net-unreachable': [3, 0],
  'icmp-host-unreachable': [3, 1],
  'icmp-proto-unreachable': [3, 2],
  'icmp-port-unreachable': [3, 3],
  'icmp-net-prohibited': [3, 9],
  'icmp-host-prohibited': [3, 10],
  'icmp-admin-prohibited': [3, 13],
  'icmp6-no-route': [1, 0],
  'icmp6-adm-prohibited': [1, 1],
  'icmp6-addr-unreachable': [1, 3],
  'icmp6-port-unreachable': [1, 4],
  'icmp6-policy-fail': [1, 5],
  'icmp6-reject-route': [1, 6],
};

/** nftables' names for both families: IPv4's error, IPv6's. */
const ICMPX: Record<string, [v4: string, v6: string]> = {
  'icmpx-no-route': ['icmp-net-unreachable', 'icmp6-no-route'],
  'icmpx-port-unreachable': ['icmp-port-unreachable', 'icmp6-port-unreachable'],
  'icmpx-host-unreachable': ['icmp-host-unreachable', 'icmp6-addr-unreachable'],
  'icmpx-admin-prohibited': ['icmp-admin-prohibited', 'icmp6-adm-prohibited'],
};

/** True for the names that REJECT and nft's reject know. */
export const isRejectName = (name: string): boolean =>
  name === 'tcp-reset' || ICMP[name] !== undefined || ICMPX[name] !== undefined;

/** Undefined: a reset about something that is no TCP segment, or itself a reset. */
export function rejectReply(skb: Skb, name: string): Reply | undefined {
  if (skb.arp) return undefined;
  if (name === 'tcp-reset') {
    const { protocol, tcpFlags } = skb.packet;
    const isSegment = protocol === Protocol.TCP && !isLater(skb.packet);
    return isSegment && (tcpFlags & TcpFlag.RST) === 0 ? { kind: 'reject-reset' } : undefined;
  }
  const error = ICMP[ICMPX[name]?.[skb.packet.family === 4 ? 0 : 1] ?? name];
  return error && { kind: 'icmp', error: { type: error[0], code: error[1] } };
}
