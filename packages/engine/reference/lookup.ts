/** `ip route get`: inet_rtm_getroute (net/ipv4/route.c), inet6_rtm_getroute (net/ipv6/route.c). */
import {
  Disposition,
  type Packet,
  Reason,
  type Route,
  type RouteAnswer,
  type RouteErrno,
  type RouteQuestion,
} from '../src/index.ts';
import { isLimitedBroadcast, isLoopback, isMulticast, isUnspecified, isZeroNet, prefixOf } from './addresses.ts';
import { type FibError, type FibResult, type Flow, fibLookup, type Leg } from './fib.ts';
import { chooseSource, gatewayOf, needsDevice6, routeInput } from './route.ts';
import { newRun } from './run.ts';
import { LINK, selectAddress4 } from './source-address.ts';
import type { Device, Host, Skb, World } from './state.ts';

const FIB_ERRNO: Readonly<Record<FibError, RouteErrno>> = {
  none: 'ENETUNREACH',
  unreachable: 'EHOSTUNREACH',
  prohibit: 'EACCES',
  blackhole: 'EINVAL',
};

function flowOf({ family, daddr, ...q }: RouteQuestion): Flow {
  return {
    family,
    daddr,
    saddr: q.saddr ?? '',
    mark: q.mark ?? 0,
    tos: q.tos ?? 0,
    protocol: q.protocol ?? 0,
    sport: q.sport ?? 0,
    dport: q.dport ?? 0,
    iif: q.iif,
    oif: q.oif,
    uid: q.uid ?? 0,
  };
}

function packetOf({ family, saddr, daddr, mark, tos, protocol, sport, dport }: Flow): Packet {
  return {
    family,
    protocol,
    saddr: saddr === '' ? (family === 4 ? '0.0.0.0' : '::') : saddr,
    daddr,
    sport,
    dport,
    tcpFlags: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: 64,
    tos,
    mark,
    length: 0,
    dontFragment: false,
  };
}

/** The destination says what a packet is before any route does (__mkroute_output). */
function typeOf(route: Route | undefined, daddr: string): Route['type'] {
  if (isLimitedBroadcast(daddr)) return 'broadcast';
  if (!daddr.includes(':') && isMulticast(4, daddr)) return 'multicast';
  return route?.type ?? 'unicast';
}

/** Broadcasts use no gateway, nor do multicasts that only a short prefix covers. */
function gateway(host: Host, result: FibResult, leg: Leg, daddr: string): string | undefined {
  if (isLimitedBroadcast(daddr)) return undefined;
  const { route } = result;
  if (route?.family === 4 && isMulticast(4, daddr) && prefixOf(route.destination).length < 4) return undefined;
  return gatewayOf(host, leg);
}

function answer(
  host: Host,
  result: FibResult,
  leg: Leg | undefined,
  dev: string,
  daddr: string,
  source?: string,
): RouteAnswer {
  const { route, table, rule } = result;
  const via = leg && gateway(host, result, leg, daddr);
  return {
    type: typeOf(route, daddr),
    dev,
    ...(route && { route }),
    ...(table !== undefined && { table }),
    ...(rule && { rule }),
    ...(leg && { nexthop: leg.nexthop }),
    ...(via !== undefined && { gateway: via }),
    ...(source !== undefined && source !== '' && { source }),
  };
}

/** No route, but a device: the destination is taken to be on its link. */
function onLink(host: Host, device: Device, { saddr, daddr }: Flow): RouteAnswer {
  const source = saddr === '' ? selectAddress4(host, device, '', LINK) : undefined;
  return answer(host, { legs: [] }, undefined, device.name, daddr, source);
}

function output4(host: Host, flow: Flow, device: Device | undefined): RouteAnswer {
  const { saddr, daddr } = flow;
  if (saddr !== '') {
    if (isMulticast(4, saddr) || saddr === '255.255.255.255' || isZeroNet(saddr)) return { error: 'EINVAL' };
    const own = host.devices.some((d) => d.addresses.some((a) => a.text === saddr));
    if (!own && !isLoopback(4, saddr)) return { error: 'ENETUNREACH' };
    // A socket with a multicast destination leaves by the device of its source (ip_route_output_key_hash_rcu).
    const by = host.devices.find((d) => d.addresses.some((a) => a.text === saddr));
    if (!device && by && (isMulticast(4, daddr) || isLimitedBroadcast(daddr))) return onLink(host, by, flow);
  }
  if (device && !device.up) return { error: 'ENETUNREACH' };
  if (device && (isLimitedBroadcast(daddr) || daddr.startsWith('224.0.0.'))) return onLink(host, device, flow);
  const result = fibLookup(host, flow);
  if (result.error) {
    return device && !isUnspecified(daddr) ? onLink(host, device, flow) : { error: FIB_ERRNO[result.error] };
  }
  const leg = result.legs[0];
  if (!leg) return { error: 'ENETUNREACH' };
  const local = result.route?.type === 'local';
  const source = saddr === '' ? chooseSource(host, result, leg, packetOf(flow)) : undefined;
  return answer(host, result, leg, local ? 'lo' : leg.device.name, daddr, source);
}

/** Input, IPv4: the routing code itself, its steps left aside. */
function input4(world: World, host: Host, flow: Flow, device: Device): RouteAnswer {
  const result = fibLookup(host, { ...flow, iif: device.name });
  const run = newRun(world);
  const skb: Skb = { packet: packetOf(flow) };
  const stop = routeInput(run, host, skb, device);
  if (stop?.reason === Reason.FORWARDING_OFF) return { error: 'EHOSTUNREACH' };
  if (stop?.disposition === Disposition.UNREACHABLE && result.error) return { error: FIB_ERRNO[result.error] };
  if (stop) return { error: 'EINVAL' };
  const step = run.steps.find((s) => s.kind === 'route');
  if (!step?.route) return answer(host, { legs: [] }, undefined, 'lo', flow.daddr);
  const leg = result.legs.find((l) => l.nexthop === step.nexthop) ?? result.legs[0];
  const local = step.local && step.route.type !== 'multicast';
  return answer(host, result, leg, local ? 'lo' : (leg?.device.name ?? 'lo'), flow.daddr);
}

function any6(host: Host, flow: Flow): RouteAnswer {
  const { daddr, saddr, iif, oif } = flow;
  const strict = needsDevice6(flow) || (oif !== undefined && saddr === '');
  const result = fibLookup(host, { ...flow, strict });
  if (result.error) return { error: FIB_ERRNO[result.error] };
  const leg = result.legs[0];
  if (!leg) return { error: 'ENETUNREACH' };
  const own = result.route?.type === 'local' || result.route?.type === 'anycast';
  const source = iif === undefined ? chooseSource(host, result, leg, packetOf(flow)) : result.route?.prefsrc;
  return answer(host, result, leg, own ? 'lo' : leg.device.name, daddr, source);
}

export function lookupRoute(world: World, host: Host, question: RouteQuestion): RouteAnswer {
  const flow = flowOf(question);
  const named = question.iif ?? question.oif;
  const device = named === undefined ? undefined : host.byName.get(named);
  if (named !== undefined && !device) return { error: 'ENODEV' };
  if (flow.family === 6) return any6(host, flow);
  if (question.iif !== undefined && device) return input4(world, host, flow, device);
  return output4(host, flow, device);
}
