/** addrtype_mt_v1, match_type, match_type6 (net/netfilter/xt_addrtype.c); __inet_dev_addr_type (net/ipv4/fib_frontend.c). */
import { type Match, RouteType } from '../src/index.ts';
import { isLimitedBroadcast, isMulticast, isUnspecified, isZeroNet } from './addresses.ts';
import { type Flow, fibLookup, tableLookup, vrfOf } from './fib.ts';
import type { Device, Host, Skb } from './state.ts';

const LOCAL_TABLE = 255;

/** The table of own addresses: a VRF has its own (l3mdev_fib_table). */
const localTableOf = (device: Device | undefined): number => vrfOf(device)?.link.table ?? LOCAL_TABLE;

const flowTo = (family: 4 | 6, daddr: string): Flow => ({
  family,
  saddr: '',
  daddr,
  mark: 0,
  tos: 0,
  protocol: 0,
  sport: 0,
  dport: 0,
});

function typeIn(host: Host, table: number, address: string, device?: Device): RouteType {
  if (isZeroNet(address) || isLimitedBroadcast(address)) return RouteType.BROADCAST;
  if (isMulticast(4, address)) return RouteType.MULTICAST;
  const found = tableLookup(host, table, flowTo(4, address));
  if (!found || found.legs.length === 0) return RouteType.UNICAST;
  if (device && found.legs[0]?.device !== device) return RouteType.UNICAST;
  return RouteType[found.route.type.toUpperCase() as keyof typeof RouteType];
}

/** The type an IPv4 address has for this host: only table 255 is asked, or the VRF's; all it does not know is UNICAST. */
export const addressType4 = (host: Host, address: string, device?: Device): RouteType =>
  typeIn(host, localTableOf(device), address, device);

/** The same wherever in the domain of a device the address stands. */
export const addressTypeBy = (host: Host, address: string, device: Device | undefined): RouteType =>
  typeIn(host, localTableOf(device), address);

/** Is it an IPv4 address of the host, as a device's domain knows it? (inet_addr_type_dev_table) */
export const isLocalFor = (device: Device, address: string): boolean =>
  addressTypeBy(device.host, address, device) === RouteType.LOCAL;

/** IPv6 types are properties of the address, but LOCAL, ANYCAST and UNREACHABLE, which routing knows. */
function isType6(host: Host, address: string, types: readonly string[], device?: Device): boolean {
  const multicast = isMulticast(6, address);
  const unspecified = isUnspecified(address);
  if (types.includes('MULTICAST') && !multicast) return false;
  if (types.includes('UNICAST') && (multicast || unspecified)) return false;
  if (types.includes('UNSPEC') && !unspecified) return false;
  if (!types.some((type) => type === 'ANYCAST' || type === 'LOCAL' || type === 'UNREACHABLE')) return true;
  // A device that is named and no source: only routes through that device count (ip6_route_output_flags).
  const found = fibLookup(host, { ...flowTo(6, address), ...(device ? { oif: device.name, strict: true } : {}) });
  if (found.error || !found.route) return types.includes('UNREACHABLE');
  const local = device ? device.addresses.some((a) => a.text === address) : found.route.type === 'local';
  return (types.includes('LOCAL') && local) || (types.includes('ANYCAST') && found.route.type === 'anycast');
}

export function matchAddrtype(host: Host, skb: Skb, match: Match & { kind: 'addrtype' }): boolean {
  const { packet } = skb;
  let device: Device | undefined;
  if (match.limitIfaceIn) device = skb.indev;
  else if (match.limitIfaceOut) device = skb.outdev;
  const holds = (test: { types: string[]; not?: boolean } | undefined, address: string) => {
    if (!test) return true;
    const types = test.types.map((type) => type.toUpperCase());
    const is =
      packet.family === 6
        ? isType6(host, address, types, device)
        : types.includes(RouteType[addressType4(host, address, device)] as string);
    return is !== (test.not === true);
  };
  return holds(match.srcType, packet.saddr) && holds(match.dstType, packet.daddr);
}
