/** rpfilter_mt (net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c): would the way back lead through the device that the packet came by? */
import type { Match } from '../src/index.ts';
import { isLimitedBroadcast, isLinkLocal6, isMulticast, isUnspecified } from './addresses.ts';
import { type Flow, fibLookup, vrfOf } from './fib.ts';
import type { Device, Host, Skb } from './state.ts';

type Rpfilter = Match & { kind: 'rpfilter' };

const flowOf = ({ packet, indev }: Skb, { validMark }: Rpfilter): Flow => ({
  family: packet.family,
  saddr: packet.daddr,
  daddr: packet.saddr,
  iif: 'lo',
  mark: validMark ? packet.mark : 0,
  tos: packet.tos,
  protocol: packet.family === 6 ? packet.protocol : 0,
  sport: 0,
  dport: 0,
  vrf: vrfOf(indev),
});

/** A VRF has the devices that it holds. */
const leadsBy = (leg: Device | undefined, indev: Device): boolean =>
  leg === indev || (indev.link.kind === 'vrf' && leg?.master === indev);

function reverse4(host: Host, skb: Skb, indev: Device, match: Rpfilter): boolean {
  const { saddr, daddr } = skb.packet;
  // A host that has no address yet.
  if (isUnspecified(saddr) && (isLimitedBroadcast(daddr) || daddr.startsWith('224.0.0.'))) return true;
  const isNoHost = isMulticast(4, daddr) || isLimitedBroadcast(daddr) || isUnspecified(daddr);
  const found = fibLookup(host, { ...flowOf(skb, match), ...(isNoHost && { saddr: '0.0.0.0' }) });
  if (found.error || !found.route) return false;
  const { type } = found.route;
  if (type !== 'unicast' && (type !== 'local' || !match.acceptLocal)) return false;
  return match.loose === true || found.legs.some((leg) => leadsBy(leg.device, indev));
}

function reverse6(host: Host, skb: Skb, indev: Device, match: Rpfilter): boolean {
  const { saddr, daddr } = skb.packet;
  if (isUnspecified(saddr)) return true;
  const near = isLinkLocal6(saddr);
  const found = fibLookup(host, {
    ...flowOf(skb, match),
    ...((isMulticast(6, daddr) || isUnspecified(daddr)) && { saddr: '' }),
    ...((near || !match.loose) && { oif: indev.name }),
    ...(near && { strict: true }),
  });
  if (found.error || !found.route) return false;
  const { type } = found.route;
  if (type === 'local') return match.acceptLocal === true;
  if (type === 'anycast') return false;
  return match.loose === true || leadsBy(found.legs[0]?.device, indev);
}

export function matchReverse(host: Host, skb: Skb, match: Rpfilter): boolean {
  const { indev, packet } = skb;
  const holds =
    indev === undefined
      ? false
      : indev.link.kind === 'loopback' || (packet.family === 4 ? reverse4 : reverse6)(host, skb, indev, match);
  return holds !== (match.not === true);
}
