/**
 * Routing decisions: ip_route_output_key_hash_rcu, ip_route_input_slow (net/ipv4/route.c), ip6_route_output, ip6_route_input
 * (net/ipv6/route.c).
 */
import {
  ChoiceKind,
  confAll,
  confAny,
  confOf,
  Disposition,
  type Packet,
  type PolicyRule,
  Protocol,
  Reason,
  type Step,
  TcpFlag,
  unsaidText,
} from '../src/index.ts';
import { isLimitedBroadcast, isLinkLocal6, isLoopback, isMulticast, isUnspecified, isZeroNet } from './addresses.ts';
import { choose } from './choice.ts';
import { type FibResult, type Flow, fibLookup, type Leg, vrfOf } from './fib.ts';
import { chooseLeg, sourceThrough } from './multipath.ts';
import { linkSizes, loopbackLeg, type Sizes, sizesOf } from './path-mtu.ts';
import { selectAddress6 } from './source-address.ts';
import { validateSource } from './source-validation.ts';
import type { Device, Host, Reply, Routed, Run, Skb, Stop } from './state.ts';

type Purpose = 'input' | 'output' | 'reroute';

/** Forwarding of the device a packet came in by; IPv6 asks `all`, or whether the device does so by itself (ip6_forward). */
export const forwards = (host: Host, family: 4 | 6, device: Device): boolean =>
  family === 4
    ? confOf(host.netns.sysctls, 4, device.name, 'forwarding') !== 0
    : confAll(host.netns.sysctls, 6, 'forwarding') !== 0 ||
      confOf(host.netns.sysctls, 6, device.name, 'force_forwarding') !== 0;

/** IPv6 destinations that one device alone leads to (rt6_need_strict). */
export const needsDevice6 = ({ family, daddr }: Pick<Packet, 'family' | 'daddr'>): boolean =>
  family === 6 && (isLinkLocal6(daddr) || isMulticast(6, daddr) || daddr === '::1');

/**
 * The gateway of a nexthop. An own address is none: it only names the device, and the destination is on its link (IPv4,
 * `nhc_scope` host in rt_set_nexthop).
 */
export function gatewayOf(host: Host, { nexthop }: Leg): string | undefined {
  const { via } = nexthop;
  if (via === undefined || via.includes(':')) return via;
  return host.devices.some((d) => d.addresses.some((a) => a.text === via)) ? undefined : via;
}

function flowOf(packet: Packet): Flow {
  return {
    family: packet.family,
    saddr: packet.saddr,
    daddr: packet.daddr,
    mark: packet.mark,
    tos: packet.tos,
    protocol: packet.protocol,
    // Of a piece, the first one too, nobody looks for ports (skb_flow_dissect_flow_keys).
    sport: packet.fragment ? 0 : packet.sport,
    dport: packet.fragment ? 0 : packet.dport,
  };
}

function pushStep(
  run: Run,
  host: Host,
  purpose: Purpose,
  result: FibResult,
  leg: Leg | undefined,
  local: boolean,
  source?: string,
  pathMtu?: number,
): void {
  const step: Step = {
    kind: 'route',
    netns: host.netns,
    purpose,
    ...(result.rule ? { rule: result.rule } : {}),
    ...(result.table === undefined ? {} : { table: result.table }),
    ...(result.route ? { route: result.route } : {}),
    ...(leg ? { nexthop: leg.nexthop } : {}),
    local,
    ...(source === undefined ? {} : { source }),
    ...(pathMtu === undefined ? {} : { pathMtu }),
  };
  run.steps.push(step);
}

/** How a failed look-up ends, and what a router says about it. */
function failure(host: Host, skb: Skb, result: FibResult, answered: boolean): Stop {
  const v4 = skb.packet.family === 4;
  const end = (disposition: Disposition, reason: Reason, code?: number): Stop => ({
    host,
    disposition,
    reason,
    skb,
    reply:
      answered && code !== undefined
        ? { kind: 'icmp', error: { type: v4 ? 3 : 1, code } }
        : (undefined as Reply | undefined),
  });
  switch (result.error) {
    case 'blackhole':
      return end(Disposition.DROPPED, Reason.ROUTE_BLACKHOLE);
    case 'prohibit':
      return end(Disposition.UNREACHABLE, Reason.ROUTE_PROHIBIT, v4 ? 13 : 1);
    case 'unreachable':
      return end(Disposition.UNREACHABLE, Reason.ROUTE_UNREACHABLE, v4 ? 1 : 0);
    default:
      return end(Disposition.UNREACHABLE, Reason.NO_ROUTE, 0);
  }
}

const drop = (host: Host, skb: Skb, reason: Reason): Stop => ({
  host,
  disposition: Disposition.DROPPED,
  reason,
  skb,
});

function routed(
  host: Host,
  kind: Routed['kind'],
  leg: Leg,
  { route }: FibResult,
  { mtu, locked }: Sizes,
  { saddr: source }: Packet,
): Routed {
  return { kind, device: leg.device, gateway: gatewayOf(host, leg), route, leg: leg.nexthop, mtu, locked, source };
}

/** Who the packet goes to next; rules may have given it another destination since it was routed (ip_finish_output2, ip6_finish_output2). */
export const nexthopOf = ({ route, packet }: Pick<Skb, 'route' | 'packet'>): string => route?.gateway ?? packet.daddr;

const isLocalType = (type: string | undefined) => type === 'local' || type === 'anycast';

export function kindOf(packet: Pick<Packet, 'family' | 'daddr'>, result: FibResult): Routed['kind'] {
  const type = result.route?.type;
  if (isLocalType(type) && !(packet.family === 4 && type === 'anycast')) return 'local';
  if (type === 'broadcast' || type === 'multicast' || isMulticast(packet.family, packet.daddr)) return 'multi';
  return isLimitedBroadcast(packet.daddr) ? 'multi' : 'unicast';
}

/** The source the kernel gives a packet that has none. Empty: there is none. */
export function chooseSource(host: Host, result: FibResult, leg: Leg, packet: Packet): string {
  const { route } = result;
  if (route?.prefsrc !== undefined) return route.prefsrc;
  if (packet.family === 6) return selectAddress6(host, leg.device, packet.daddr) ?? '';
  if (route?.type === 'local') return packet.daddr;
  return sourceThrough(host, result, leg) ?? '';
}

/** TCP and SCTP connect: the route is looked up again with the source that the first look-up led to. */
const looksTwice = (packet: Packet): boolean =>
  packet.family === 4 && (packet.protocol === Protocol.TCP || packet.protocol === Protocol.SCTP);

/** An echo names the device that the question came in by, and keeps to it while its source is open (icmpv6_echo_reply, ip6_route_output_flags_noref). */
const isEcho6 = ({ protocol, icmpType }: Packet): boolean => protocol === Protocol.ICMPV6 && icmpType === 129;

/** Nobody says whether a rule means this packet: one answer for all its look-ups. */
function asksOnce(run: Run, host: Host): (rule: PolicyRule) => boolean {
  return (rule) => {
    const key = `${host.order} ${host.rules[rule.family].indexOf(rule)} ${rule.family}`;
    const known = run.meant.get(key);
    if (known !== undefined) return known;
    const choice = { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name };
    const meant = choose(run, { ...choice, text: unsaidText(rule) as string }) === 0;
    run.meant.set(key, meant);
    return meant;
  };
}

/**
 * Whose socket it is (sock_net_uid), and which label it bears: what the stack makes, an outer packet too and what a device routes once
 * more, is root's.
 */
function senderOf(run: Run, host: Host, skb: Skb, purpose: 'output' | 'reroute'): Partial<Flow> {
  const isProcess = skb.socket === 'process';
  const again = skb.again === true;
  const asked = isProcess && (purpose === 'reroute' || !(skb.payload || again));
  const bears = skb.packet.family === 6 && (again || (isProcess && !skb.payload));
  return {
    ...(asked && { uid: skb.packet.owner?.uid ?? ('unsaid' as const) }),
    ...(bears && { label: 'unsaid' as const }),
    asks: asksOnce(run, host),
  };
}

/**
 * To ::1 resets, and echoes, go back by the device that has the address which the packet was for: where that is another one than lo, nowhere
 * (tcp_v6_send_response: rt6_need_strict).
 */
const isOwnReset = ({ daddr, protocol, tcpFlags }: Packet): boolean =>
  daddr === '::1' && protocol === Protocol.TCP && (tcpFlags & TcpFlag.RST) !== 0;

/** For a packet made here. Sets `skb.route` and an empty source; a `Stop` where there is no way. */
export function routeOutput(run: Run, host: Host, skb: Skb, purpose: 'output' | 'reroute'): Stop | undefined {
  const { packet } = skb;
  // An address of one link: rewritten to it, the packet stays with its device (ip6_route_me_harder); an answer goes back by the device
  // that the packet came in by (icmp6_iif, inet6_iif).
  const onLink = packet.family === 6 && (isLinkLocal6(packet.daddr) || isMulticast(6, packet.daddr));
  const device = purpose === 'reroute' ? skb.route?.device : skb.bound;
  const names = onLink || (purpose === 'output' && (isEcho6(packet) || isOwnReset(packet)));
  const bound = names && device ? { oif: device.name, strict: needsDevice6(packet) || packet.saddr === '' } : {};
  const through = skb.through && { oif: skb.through.name, strict: packet.family === 6 && packet.saddr === '' };
  const sender = senderOf(run, host, skb, purpose);
  // A reroute keeps to the VRF of the device that the packet was to leave by (ip_route_me_harder).
  const domain =
    purpose === 'reroute'
      ? { vrf: vrfOf(skb.route?.device) ?? vrfOf(skb.bound) }
      : { vrf: vrfOf(skb.bound), leaves: true };
  let flow: Flow = { ...flowOf(packet), ...through, ...bound, ...sender, ...domain };
  let result = fibLookup(host, flow);
  let leg = result.error ? undefined : chooseLeg(run, host, result, flow);
  let source: string | undefined;
  if (packet.saddr === '' && packet.family === 6 && !leg) {
    // Rules that look at the source get a second chance, with the source of a packet that has no way.
    source = selectAddress6(host, undefined, packet.daddr);
    if (source !== undefined) {
      flow = { ...flow, saddr: source };
      result = fibLookup(host, flow);
      leg = result.error ? undefined : chooseLeg(run, host, result, flow);
    }
  }
  if (!leg) {
    pushStep(run, host, purpose, result, undefined, false);
    return failure(host, skb, result, false);
  }
  if (packet.saddr === '') {
    source ??= chooseSource(host, result, leg, packet);
    if (source === '') {
      pushStep(run, host, purpose, result, leg, false);
      return { ...drop(host, skb, Reason.NO_SOURCE_ADDRESS), disposition: Disposition.UNREACHABLE };
    }
    if (looksTwice(packet)) {
      flow = { ...flow, saddr: source };
      const again = fibLookup(host, flow);
      const second = again.error ? undefined : chooseLeg(run, host, again, flow);
      if (!second) {
        pushStep(run, host, purpose, again, undefined, false);
        return failure(host, skb, again, false);
      }
      result = again;
      leg = second;
    }
    skb.packet = { ...packet, saddr: source };
  }
  const kind = kindOf(packet, result);
  const way = kind === 'local' ? loopbackLeg(host, leg) : leg;
  const sizes =
    kind === 'multi' ? linkSizes(result.route, way) : sizesOf(run, host, result.route, way, packet.daddr, false);
  pushStep(run, host, purpose, result, leg, kind !== 'unicast', source, sizes.pathMtu);
  const { saddr } = skb.packet;
  const loopback = kind === 'local' || leg.device.link.kind === 'loopback';
  if (
    packet.family === 4 &&
    isLoopback(4, saddr) &&
    !loopback &&
    !confAny(host.netns.sysctls, 4, leg.device.name, 'route_localnet')
  )
    return drop(host, skb, Reason.BAD_SCOPE);
  skb.route = routed(host, kind, way, result, sizes, skb.packet);
  skb.outdev = skb.route.device;
  return undefined;
}

/** The way to an address on behalf of nobody: no source, no mark, no ports (do_output_route4, __ip_vs_route_output_v6). */
export function routeUnsent(run: Run, host: Host, { family, daddr, ...rest }: Packet): Routed | { error: Reason } {
  const flow: Flow = { family, saddr: '', daddr, mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 };
  const packet = { ...rest, ...flow };
  const result = fibLookup(host, flow);
  const leg = result.error ? undefined : chooseLeg(run, host, result, flow);
  if (!leg) {
    pushStep(run, host, 'output', result, undefined, false);
    return { error: failure(host, { packet }, result, false).reason };
  }
  const kind = kindOf(packet, result);
  const way = kind === 'local' ? loopbackLeg(host, leg) : leg;
  const sizes = sizesOf(run, host, result.route, way, daddr, false);
  pushStep(run, host, 'output', result, leg, kind !== 'unicast', undefined, sizes.pathMtu);
  return routed(host, kind, way, result, sizes, packet);
}

/** For a packet that came in. `skb.route` says up or out; a `Stop` where it goes nowhere. */
export function routeInput(run: Run, host: Host, skb: Skb, device: Device): Stop | undefined {
  return skb.packet.family === 4 ? routeInput4(run, host, skb, device) : routeInput6(run, host, skb, device);
}

function deliverHere(
  run: Run,
  host: Host,
  skb: Skb,
  device: Device,
  result: FibResult,
  kind: Routed['kind'],
): undefined {
  if (result.route) pushStep(run, host, 'input', result, result.legs[0], true);
  skb.route = {
    kind,
    device: host.byName.get('lo') ?? device,
    route: result.route,
    leg: result.legs[0]?.nexthop,
    mtu: device.mtu,
    source: skb.packet.saddr,
  };
  return undefined;
}

/** Found before any table is asked (ip_route_input_slow, ip_mc_validate_source). */
function martian4(host: Host, packet: Packet, device: Device): Reason | undefined {
  const { saddr, daddr } = packet;
  if (isMulticast(4, saddr) || isLimitedBroadcast(saddr)) return Reason.MARTIAN_SOURCE;
  if (isLimitedBroadcast(daddr) || (isUnspecified(saddr) && isUnspecified(daddr))) return undefined;
  if (isZeroNet(saddr)) return Reason.MARTIAN_SOURCE;
  if (isZeroNet(daddr)) return Reason.MARTIAN_DESTINATION;
  const localnet = () => confAny(host.netns.sysctls, 4, device.name, 'route_localnet');
  if (isLoopback(4, daddr)) return localnet() ? undefined : Reason.MARTIAN_DESTINATION;
  if (isLoopback(4, saddr)) return localnet() ? undefined : Reason.MARTIAN_SOURCE;
  return undefined;
}

function routeInput4(run: Run, host: Host, skb: Skb, device: Device): Stop | undefined {
  const { packet } = skb;
  const weird = martian4(host, packet, device);
  if (weird !== undefined) return drop(host, skb, weird);
  if (isLimitedBroadcast(packet.daddr) || isUnspecified(packet.daddr) || isMulticast(4, packet.daddr)) {
    const invalid = isZeroNet(packet.saddr) ? undefined : validateSource(host, packet, device, undefined, true);
    if (invalid !== undefined) return drop(host, skb, invalid);
    return deliverHere(run, host, skb, device, { legs: [] }, 'multi');
  }
  const flow: Flow = { ...flowOf(packet), iif: device.name };
  const result = fibLookup(host, flow);
  const forwarding = forwards(host, 4, device);
  const type = result.route?.type;
  if (result.error) {
    pushStep(run, host, 'input', result, undefined, false);
    return forwarding ? failure(host, skb, result, true) : drop(host, skb, Reason.FORWARDING_OFF);
  }
  if (type === 'broadcast' || type === 'local') {
    const broadcast = type === 'broadcast';
    const kind = broadcast ? 'multi' : 'local';
    deliverHere(run, host, skb, device, result, kind);
    const invalid =
      broadcast && isZeroNet(packet.saddr) ? undefined : validateSource(host, packet, device, undefined, broadcast);
    return invalid === undefined ? undefined : drop(host, skb, invalid);
  }
  if (!forwarding || type !== 'unicast') {
    pushStep(run, host, 'input', result, result.legs[0], false);
    return drop(host, skb, forwarding ? Reason.MARTIAN_DESTINATION : Reason.FORWARDING_OFF);
  }
  const leg = chooseLeg(run, host, result, flow) as Leg;
  const sizes = sizesOf(run, host, result.route, leg, packet.daddr, true);
  pushStep(run, host, 'input', result, leg, false, undefined, sizes.pathMtu);
  const invalid = validateSource(host, packet, device, leg.device, false);
  if (invalid !== undefined) return drop(host, skb, invalid);
  skb.route = routed(host, 'unicast', leg, result, sizes, packet);
  return undefined;
}

function routeInput6(run: Run, host: Host, skb: Skb, device: Device): Stop | undefined {
  const { packet } = skb;
  const label = { label: 'unsaid' as const, asks: asksOnce(run, host) };
  const flow: Flow = { ...flowOf(packet), ...label, iif: device.name, strict: needsDevice6(packet) };
  const result = fibLookup(host, flow);
  if (result.error) {
    pushStep(run, host, 'input', result, undefined, false);
    return failure(host, skb, result, true);
  }
  const kind = kindOf(packet, result);
  if (kind !== 'unicast') return deliverHere(run, host, skb, device, result, kind);
  const leg = chooseLeg(run, host, result, flow) as Leg;
  const sizes = sizesOf(run, host, result.route, leg, packet.daddr, true);
  pushStep(run, host, 'input', result, leg, false, undefined, sizes.pathMtu);
  skb.route = routed(host, 'unicast', leg, result, sizes, packet);
  return undefined;
}

/** Dropped before PREROUTING (ip6_rcv_core): what must not come over a wire. */
export function martian6(packet: Packet, device: Device): Reason | undefined {
  if (packet.family !== 6) return undefined;
  const wire = device.link.kind !== 'loopback';
  if (wire && packet.saddr === '::1') return Reason.MARTIAN_SOURCE;
  if (wire && packet.daddr === '::1') return Reason.MARTIAN_DESTINATION;
  return isMulticast(6, packet.saddr) ? Reason.MARTIAN_SOURCE : undefined;
}
