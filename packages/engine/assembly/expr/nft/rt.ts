/** The gateway of the packet's route, or its destination where there is none (nft_rt.c, rt_nexthop(), rt6_nexthop()). */
import { packet, RouteKind, skb } from '../../core/skb';
import { give } from './value';

/** False before a route is found, and for packets of the other family. */
export function nexthopField(family: u32): bool {
  const s = skb();
  const p = packet();
  if (s.kind == <u8>RouteKind.NONE || p.family != family) return false;
  const leads = s.kind == <u8>RouteKind.UNICAST && s.gatewayFamily == p.family;
  return leads ? give(s.gatewayHi, s.gatewayLo) : give(p.daddrHi, p.daddrLo);
}
