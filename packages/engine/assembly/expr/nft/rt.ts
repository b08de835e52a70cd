/** The gateway of the packet's route, or its destination where there is none (nft_rt.c, rt_nexthop(), rt6_nexthop()). */
import { FamilyCode } from '../../../src/nft-codes';
import { packet, RouteKind, skb, some } from '../../core/skb';
import { Endpoint } from '../../layout/route';
import { give } from './value';

/** Does the route lead by its gateway? One that is an own address is none. */
function hasGateway(): bool {
  const s = skb();
  if (s.kind != <u8>RouteKind.UNICAST || !some(s.nexthop) || s.nexthop.via == 0) return false;
  const via = changetype<Endpoint>(s.nexthop.via);
  return via.family == packet().family && via.hi == s.gatewayHi && via.lo == s.gatewayLo;
}

/** False before a route is found, for packets of the other family, and in tables of bridges and devices. */
export function nexthopField(family: u32): bool {
  const s = skb();
  const p = packet();
  const table = s.base.table.family;
  if (table == FamilyCode.BRIDGE || table == FamilyCode.NETDEV) return false;
  if (s.kind == <u8>RouteKind.NONE || p.family != family) return false;
  return hasGateway() ? give(s.gatewayHi, s.gatewayLo) : give(p.daddrHi, p.daddrLo);
}
