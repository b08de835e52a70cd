/** The gateway of the packet's route, or its destination where there is none (nft_rt.c, rt_nexthop(), rt6_nexthop()). */
import { FamilyCode } from '../../../src/nft-codes';
import { packet, RouteKind, skb } from '../../core/skb';
import { hasGateway } from '../../fib/result';
import { give } from './value';

/** False before a route is found, for packets of the other family, and in tables of bridges and devices. */
export function nexthopField(family: u32): bool {
  const s = skb();
  const p = packet();
  const table = s.base.table.family;
  if (table == FamilyCode.BRIDGE || table == FamilyCode.NETDEV) return false;
  if (s.kind == <u8>RouteKind.NONE || p.family != family) return false;
  const isGateway = s.kind == <u8>RouteKind.UNICAST && s.gatewayFamily == p.family && hasGateway();
  return isGateway ? give(s.gatewayHi, s.gatewayLo) : give(p.daddrHi, p.daddrLo);
}
