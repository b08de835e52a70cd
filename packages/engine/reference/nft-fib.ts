/** `fib`: questions to the routing tables. nft_fib4_eval, nft_fib4_eval_type (nft_fib_ipv4.c), nft_fib6_eval, __nft_fib6_eval_type (nft_fib_ipv6.c). */
import { Hook, Protocol, RouteType, type Selector } from '../src/index.ts';
import { hasNoHostPart, isLimitedBroadcast, isMulticast, isOfLink6, isUnspecified, prefixOf } from './addresses.ts';
import { type FibResult, type Flow, fibLookup, vrfOf } from './fib.ts';
import { addressType4, addressTypeBy } from './match-addrtype.ts';
import { ifname, integer, type Value } from './nft-value.ts';
import type { Device, Host, Skb } from './state.ts';

type FibSelector = Extract<Selector, { field: 'fib' }>;

const store = (device: Device | undefined, result: 'oif' | 'oifname'): Value =>
  result === 'oif' ? integer(device?.index ?? 0) : ifname(device?.name ?? '');

/** skb->dev: the incoming device, from POSTROUTING on the outgoing one; at OUTPUT none yet but a VRF (vrf_ip_out). */
function currentDevice({ indev, outdev }: Skb, hook: Hook): Device | undefined {
  if (hook === Hook.OUTPUT) return vrfOf(outdev);
  return hook === Hook.POSTROUTING || hook === Hook.EGRESS ? outdev : indev;
}

function question(skb: Skb, hook: Hook, { flags }: FibSelector, device: Device | undefined): Flow {
  const { packet } = skb;
  const [target, other] = flags.includes('daddr') ? [packet.daddr, packet.saddr] : [packet.saddr, packet.daddr];
  const crossed = !flags.includes('daddr') && hook === Hook.FORWARD && flags.includes('iif');
  const saddr = packet.family === 4 && (isMulticast(4, other) || isLimitedBroadcast(other)) ? '0.0.0.0' : other;
  const through = device ?? currentDevice(skb, hook);
  const bound = packet.family === 6 && isOfLink6(target) && through ? { oif: through.name, strict: true } : {};
  return {
    family: packet.family,
    saddr,
    daddr: target,
    iif: crossed && skb.outdev ? skb.outdev.name : 'lo',
    mark: flags.includes('mark') ? packet.mark : 0,
    tos: packet.tos,
    protocol: packet.protocol,
    sport: 0,
    dport: 0,
    vrf: vrfOf(through),
    ...bound,
  };
}

const TYPE_OF_ERROR = {
  none: RouteType.UNREACHABLE,
  unreachable: RouteType.UNREACHABLE,
  prohibit: RouteType.PROHIBIT,
  blackhole: RouteType.BLACKHOLE,
} as const;

/** Without a device that is named the packet's own says whose table it is (inet_addr_type_dev_table). */
const type4 = (host: Host, skb: Skb, hook: Hook, address: string, device: Device | undefined): RouteType =>
  device ? addressType4(host, address, device) : addressTypeBy(host, address, currentDevice(skb, hook));

/** The first address of a network on the link belongs to its routers (ipv6_anycast_destination). */
function isNetwork({ route, legs }: FibResult, address: string): boolean {
  if (route?.type !== 'unicast' || legs[0]?.nexthop.via !== undefined) return false;
  const { length } = prefixOf(route.destination);
  return length < 127 && hasNoHostPart(address, length);
}

function type6(host: Host, flow: Flow, device: Device | undefined): RouteType {
  const own = device?.addresses.some((a) => a.text === flow.daddr) === true;
  const found = fibLookup(host, flow);
  if (found.error || !found.route) return TYPE_OF_ERROR[found.error ?? 'none'];
  if (found.route.type === 'anycast' || isNetwork(found, flow.daddr)) return RouteType.ANYCAST;
  if (own || (!device && found.route.type === 'local')) return RouteType.LOCAL;
  if (isMulticast(6, flow.daddr)) return RouteType.MULTICAST;
  return isUnspecified(flow.daddr) ? RouteType.UNSPEC : RouteType.UNICAST;
}

/** A VRF has the devices that it holds (nhc_l3mdev_matches_dev). */
const leadsBy = (leg: Device | undefined, wanted: Device): boolean =>
  leg === wanted || (wanted.link.kind === 'vrf' && leg?.master === wanted);

function way4(host: Host, flow: Flow, wanted: Device | undefined): Device | undefined {
  const found = fibLookup(host, flow);
  if (found.error || !found.route || found.route.type === 'local') return undefined;
  if (!wanted) return found.legs[0]?.device;
  return found.legs.some((leg) => leadsBy(leg.device, wanted)) ? wanted : undefined;
}

function way6(host: Host, flow: Flow, wanted: Device | undefined): Device | undefined {
  const found = fibLookup(host, flow);
  if (found.error || !found.route || found.route.type === 'local' || found.route.type === 'anycast') return undefined;
  const device = found.legs[0]?.device;
  if (!wanted) return device;
  return leadsBy(device, wanted) ? wanted : undefined;
}

/** ARP packets have nothing to ask about (nft_fib_netdev_eval). */
export function loadFib(host: Host, skb: Skb, hook: Hook, selector: FibSelector): Value | undefined {
  if (skb.arp) return undefined;
  const { flags, result } = selector;
  const { packet, indev, outdev } = skb;
  let device: Device | undefined;
  if (flags.includes('iif')) device = indev;
  else if (flags.includes('oif')) device = outdev;
  const flow = question(skb, hook, selector, device);
  if (result === 'type')
    return integer(packet.family === 4 ? type4(host, skb, hook, flow.daddr, device) : type6(host, flow, device));
  const early = hook === Hook.PREROUTING || hook === Hook.INPUT || hook === Hook.INGRESS;
  if (early && indev?.link.kind === 'loopback') return store(indev, result);
  if (packet.family === 4) {
    // A host that has no address yet asks for one.
    const asks = isLimitedBroadcast(packet.daddr) || packet.daddr.startsWith('224.0.0.');
    if (isUnspecified(packet.saddr) && asks) return store(currentDevice(skb, hook), result);
    return store(way4(host, flow, device), result);
  }
  const discovers = isUnspecified(packet.saddr) && packet.protocol === Protocol.ICMPV6;
  if (discovers && isOfLink6(packet.daddr)) return store(indev, result);
  return store(way6(host, flow, device), result);
}
