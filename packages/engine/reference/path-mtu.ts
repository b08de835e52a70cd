/**
 * Path MTUs that errors taught a host: ip_rt_update_pmtu, find_exception (net/ipv4/route.c), ip6_rt_update_pmtu, rt6_find_cached_rt
 * (net/ipv6/route.c), skb_tunnel_check_pmtu (net/ipv4/ip_tunnel_core.c).
 */
import { mtu6, type Nexthop, type Packet, Protocol, type Route, RouteType, sysctl } from '../src/index.ts';
import { isLimitedBroadcast, isMulticast } from './addresses.ts';
import { type Flow, fibLookup, type Leg } from './fib.ts';
import { addressType4 } from './match-addrtype.ts';
import type { Device, Host, Run } from './state.ts';

/** What is remembered of one destination by one route (`fib_nh_exception`, `rt6_exception`). */
export interface PathMtu {
  route: Route;
  /** IPv6 remembers by nexthop, IPv4 for all of a route. */
  nexthop?: Nexthop | undefined;
  daddr: string;
  mtu: number;
  /** It was told to be smaller than is believed: packets may be cut. */
  locked: boolean;
  /** Milliseconds of the clock. */
  expires: number;
}

const IP_MAX_MTU = 0xffff;
const MINIMUM_MTU6 = 1280;

export const tooBigOf = ({ family, icmpType, icmpCode }: Packet): boolean =>
  family === 4 ? icmpType === 3 && icmpCode === 4 : icmpType === 2;

function knownFor(run: Run, host: Host, route: Route, leg: Leg, daddr: string): PathMtu | undefined {
  const nexthop = route.family === 6 ? leg.nexthop : undefined;
  return host.pathMtus.find(
    (one) => one.route === route && one.nexthop === nexthop && one.daddr === daddr && one.expires >= run.world.clockMs,
  );
}

/** Of the link, where the route has none (ipv4_mtu, ip6_mtu). */
const linkMtu = ({ name, mtu, host }: Device, family: 4 | 6): number =>
  family === 4 ? Math.min(mtu, IP_MAX_MTU) : mtu6(host.netns.sysctls, name, mtu);

/** What is local leaves by `lo`, whatever device holds the address. */
export function loopbackLeg(host: Host, leg: Leg): Leg {
  const device = host.byName.get('lo');
  return device ? { device, nexthop: leg.nexthop } : leg;
}

export interface Sizes {
  mtu: number;
  /** What is remembered, where that counts. */
  pathMtu?: number;
  /** No packet to there asks to stay whole (`ip_mtu_locked`). */
  locked: boolean;
}

/** How much goes to a destination in one piece. Forwarding believes its own routes and links alone, unless it is told to (`ip_dst_mtu_maybe_forward`). */
export function sizesOf(
  run: Run,
  host: Host,
  route: Route | undefined,
  leg: Leg,
  daddr: string,
  forwards: boolean,
): Sizes {
  const family = route?.family ?? (daddr.includes(':') ? 6 : 4);
  const known = route && knownFor(run, host, route, leg, daddr);
  const locked = family === 4 && (route?.mtuLocked === true || known?.locked === true);
  const counts =
    family === 6 || !forwards || locked || sysctl(host.netns.sysctls, 'net.ipv4.ip_forward_use_pmtu') !== 0;
  if (known && counts) return { mtu: known.mtu, pathMtu: known.mtu, locked };
  return { mtu: route?.mtu ?? linkMtu(leg.device, family), locked };
}

/** Nothing is remembered of what is sent to many. */
export const linkSizes = (route: Route | undefined, { device }: Leg): Sizes => ({
  mtu: route?.mtu ?? linkMtu(device, route?.family ?? 4),
  locked: false,
});

const wayOf = (host: Host, { type, family }: Route, leg: Leg): Leg =>
  type === 'local' || (type === 'anycast' && family === 6) ? loopbackLeg(host, leg) : leg;

/** The nexthop of a route with several that the flow takes is not asked for again: the first stands for all. */
function learn4(run: Run, host: Host, flow: Flow, told: number): void {
  const { route, legs } = fibLookup(host, flow);
  const [leg] = legs;
  if (!route || !leg || (route.type !== 'unicast' && route.type !== 'local')) return;
  if (isMulticast(4, flow.daddr) || isLimitedBroadcast(flow.daddr)) return;
  const { clockMs } = run.world;
  const { mtu: before, locked } = sizesOf(run, host, route, wayOf(host, route, leg), flow.daddr, false);
  if (locked || before < told) return;
  const { sysctls } = host.netns;
  const least = sysctl(sysctls, 'net.ipv4.route.min_pmtu');
  const lifetime = sysctl(sysctls, 'net.ipv4.route.mtu_expires') * 1000;
  const known = knownFor(run, host, route, leg, flow.daddr);
  const locks = told < least;
  const mtu = locks ? Math.min(before, least) : told;
  if (known?.mtu === mtu && !locks && clockMs < known.expires - lifetime / 2) return;
  remember(run, host, { route, daddr: flow.daddr, mtu, locked: locks, expires: clockMs + lifetime });
}

function learn6(run: Run, host: Host, flow: Flow, told: number): void {
  const { route, legs } = fibLookup(host, flow);
  const [leg] = legs;
  if (!route || !leg || told < MINIMUM_MTU6 || isMulticast(6, flow.daddr)) return;
  if (told >= sizesOf(run, host, route, wayOf(host, route, leg), flow.daddr, false).mtu) return;
  const lifetime = sysctl(host.netns.sysctls, 'net.ipv6.route.mtu_expires') * 1000;
  const expires = run.world.clockMs + lifetime;
  remember(run, host, { route, nexthop: leg.nexthop, daddr: flow.daddr, mtu: told, locked: false, expires });
}

function remember(run: Run, host: Host, what: PathMtu): void {
  const { route, nexthop, daddr: destination, mtu } = what;
  host.pathMtus = host.pathMtus.filter(
    (one) => one.route !== route || one.nexthop !== nexthop || one.daddr !== destination,
  );
  host.pathMtus.push(what);
  run.steps.push({ kind: 'learn', netns: host.netns, route, destination, mtu });
}

const learn = (run: Run, host: Host, flow: Flow, told: number): void =>
  flow.family === 4 ? learn4(run, host, flow, told) : learn6(run, host, flow, told);

/** What the host sent was too big for somebody, who says how big it may be. */
export function learnFromError(run: Run, host: Host, about: Packet, told: number, mark: number): void {
  const { family, saddr, daddr, tos, protocol } = about;
  // Nothing is looked up for an address that is not the host's (ip_route_output_key_hash_rcu).
  if (family === 4 && addressType4(host, saddr) !== RouteType.LOCAL) return;
  // No ports: rules that look at them do not see this one (build_flow_key).
  learn(run, host, { family, saddr, daddr, tos, protocol, mark, sport: 0, dport: 0 }, told);
}

/** A tunnel's packets have less room than the link that its outer packets leave by. */
export function learnFromTunnel(run: Run, host: Host, device: Device, inner: Packet, told: number): void {
  const { family, saddr, daddr, tos, protocol, mark } = inner;
  learn(run, host, { family, saddr, daddr, tos, protocol, mark, sport: 0, dport: 0, oif: device.name }, told);
}

/** The MTU that an IPv4 error is taken to tell; undefined: nobody hears of it (icmp_unreach: ip_no_pmtu_disc). */
export function believed4(host: Host, { inner, mtu = 0 }: Packet): number | undefined {
  const checksTags = inner?.protocol === Protocol.TCP || inner?.protocol === Protocol.SCTP;
  switch (sysctl(host.netns.sysctls, 'net.ipv4.ip_no_pmtu_disc')) {
    case 0:
      return mtu;
    case 2:
      return undefined;
    case 3:
      return checksTags ? mtu : undefined;
    default:
      return 0;
  }
}
