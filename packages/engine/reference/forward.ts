/** ip_forward (net/ipv4/ip_forward.c), ip6_forward (net/ipv6/ip6_output.c). */
import { Disposition, Hook, Reason } from '../src/index.ts';
import { isLinkLocal6, isMulticast, isUnspecified } from './addresses.ts';
import { runHook } from './hooks.ts';
import { forwards } from './route.ts';
import { sendOn } from './send.ts';
import type { Device, Host, Routed, Run, Skb } from './state.ts';
import { type Next, stopped, tooLong } from './transmit.ts';

const MINIMUM_MTU6 = 1280;

export function forward(run: Run, host: Host, skb: Skb): Next {
  const route = skb.route as Routed;
  const { packet } = skb;
  const v4 = packet.family === 4;
  const error = (reason: Reason, type: number, code: number) =>
    stopped(host, skb, Disposition.UNREACHABLE, reason, { kind: 'icmp', error: { type, code } });
  if (!v4 && !forwards(host, 6, (skb.vrfPort ?? skb.indev) as Device))
    return stopped(host, skb, Disposition.DROPPED, Reason.FORWARDING_OFF);
  if (packet.ttl <= 1) return error(Reason.TTL_EXCEEDED, v4 ? 11 : 3, 0);
  if (!v4 && route.device !== skb.indev) {
    if (isUnspecified(packet.saddr) || isMulticast(6, packet.saddr) || packet.saddr === '::1')
      return stopped(host, skb, Disposition.DROPPED, Reason.MARTIAN_SOURCE);
    if (isLinkLocal6(packet.saddr)) return error(Reason.BAD_SCOPE, 1, 2);
  }
  const mtu = v4 ? route.mtu : Math.max(route.mtu, MINIMUM_MTU6);
  // What came in pieces may leave in such pieces (ip6_pkt_too_big).
  const length = v4 ? packet.length : (skb.widest ?? packet.length);
  if (length > mtu && (!v4 || packet.dontFragment)) return tooLong(host, skb, mtu);
  skb.packet = { ...packet, ttl: packet.ttl - 1 };
  skb.outdev = route.device;
  const stop = runHook(run, host, skb, Hook.FORWARD);
  return stop ? { stop } : sendOn(run, host, skb);
}
