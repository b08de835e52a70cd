/** `fib`: questions to the routing tables. nft_fib4_eval, nft_fib4_eval_type (nft_fib_ipv4.c), nft_fib6_eval, __nft_fib6_eval_type (nft_fib_ipv6.c). */
import { Hook, Protocol, RouteType, type Selector } from '../src/index.ts';
import { isLimitedBroadcast, isLinkLocal6, isMulticast, isUnspecified } from './addresses.ts';
import { type Flow, fibLookup } from './fib.ts';
import { addressType4 } from './match-addrtype.ts';
import { ifname, integer, type Value } from './nft-value.ts';
import type { Device, Host, Skb } from './state.ts';

type FibSelector = Extract<Selector, { field: 'fib' }>;

const store = (device: Device | undefined, result: 'oif' | 'oifname'): Value =>
  result === 'oif' ? integer(device?.index ?? 0) : ifname(device?.name ?? '');

/** skb->dev: the incoming device, from POSTROUTING on the outgoing one; none yet at OUTPUT. */
function currentDevice({ indev, outdev }: Skb, hook: Hook): Device | undefined {
  if (hook === Hook.OUTPUT) return undefined;
  return hook === Hook.POSTROUTING || hook === Hook.EGRESS ? outdev : indev;
}

function question(skb: Skb, hook: Hook, { flags }: FibSelector, device: Device | undefined): Flow {
  const { packet } = skb;
  const [target, other] = flags.includes('daddr') ? [packet.daddr, packet.saddr] : [packet.saddr, packet.daddr];
  const crossed = !flags.includes('daddr') && hook === Hook.FORWARD && flags.includes('iif');
  const saddr = packet.family === 4 && (isMulticast(4, other) || isLimitedBroadcast(other)) ? '0.0.0.0' : other;
  const through = device ?? currentDevice(skb, hook);
  const bound = packet.family === 6 && isLinkLocal6(target) && through ? { oif: through.name, strict: true } : {};
  return {
    family: packet.family,
    saddr,
    daddr: target,
    iif: crossed && skb.outdev ? skb.outdev.name : 'lo',
    mark: flags.includes('mark') ? packet.mark : 0,
    tos: packet.tos,
    protocol: packet.family === 4 ? packet.protocol : 0,
    sport: 0,
    dport: 0,
    ...bound,
  };
}

const TYPE_OF_ERROR = {
  none: RouteType.UNREACHABLE,
  unreachable: RouteType.UNREACHABLE,
  prohibit: RouteType.PROHIBIT,
  blackhole: RouteType.BLACKHOLE,
} as const;

function type6(host: Host, flow: Flow, device: Device | undefined): RouteType {
  const own = device?.addresses.some((a) => a.text === flow.daddr) === true;
  const found = fibLookup(host, flow);
  if (found.error || !found.route) return TYPE_OF_ERROR[found.error ?? 'none'];
  if (found.route.type === 'anycast') return RouteType.ANYCAST;
  if (own || (!device && found.route.type === 'local')) return RouteType.LOCAL;
  if (isMulticast(6, flow.daddr)) return RouteType.MULTICAST;
  return isUnspecified(flow.daddr) ? RouteType.UNSPEC : RouteType.UNICAST;
}

function way4(host: Host, flow: Flow, wanted: Device | undefined): Device | undefined {
  const found = fibLookup(host, flow);
  if (found.error || !found.route || found.route.type === 'local') return undefined;
  if (!wanted) return found.legs[0]?.device;
  return found.legs.some((leg) => leg.device === wanted) ? wanted : undefined;
}

function way6(host: Host, flow: Flow, wanted: Device | undefined): Device | undefined {
  const found = fibLookup(host, flow);
  if (found.error || !found.route || found.route.type === 'local' || found.route.type === 'anycast') return undefined;
  const device = found.legs[0]?.device;
  return wanted && device !== wanted ? undefined : device;
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
    return integer(packet.family === 4 ? addressType4(host, flow.daddr, device) : type6(host, flow, device));
  const early = hook === Hook.PREROUTING || hook === Hook.INPUT || hook === Hook.INGRESS;
  if (early && indev?.link.kind === 'loopback') return store(indev, result);
  if (packet.family === 4) {
    // A host that has no address yet asks for one.
    const asks = isLimitedBroadcast(packet.daddr) || packet.daddr.startsWith('224.0.0.');
    if (isUnspecified(packet.saddr) && asks) return store(currentDevice(skb, hook), result);
    return store(way4(host, flow, device), result);
  }
  const discovers = isUnspecified(packet.saddr) && packet.protocol === Protocol.ICMPV6;
  if (hook === Hook.PREROUTING && discovers) return store(indev, result);
  return store(way6(host, flow, device), result);
}
