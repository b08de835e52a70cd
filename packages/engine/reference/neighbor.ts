/**
 * Who has an address on a link: arp_solicit, arp_process (net/ipv4/arp.c), ndisc_recv_ns (net/ipv6/ndisc.c). Who is asked
 * learns who asks; where questions meet chains (`question.ts`), so does who asks. It is forgotten with the next `send`.
 */
import {
  type Choice,
  confAll,
  confAny,
  confMax,
  confOf,
  containsAddress,
  type Neighbor,
  type Packet,
  type Route,
  sysctl,
} from '../src/index.ts';
import { addressOf, canonical } from './addresses.ts';
import { choose } from './choice.ts';
import { fibLookup, vrfOf } from './fib.ts';
import { isLocalFor } from './match-addrtype.ts';
import { exchange, learn } from './question.ts';
import { routeInput } from './route.ts';
import { newRun } from './run.ts';
import { LINK, selectAddress4 } from './source-address.ts';
import type { Device, DeviceAddress, Host, Run, Skb } from './state.ts';
import { reachable } from './wire.ts';

export type Resolution = { mac: string } | undefined;

const neighborsOf = (device: Device, address: string): Neighbor[] =>
  device.host.neighbors.filter((n) => n.link === device.name && canonical(n.address) === address);

const hasProxyEntry = (device: Device, address: string): boolean =>
  neighborsOf(device, address).some((neighbor) => neighbor.proxy === true);

/** The link-layer address of `nexthop` on `device`, for a packet on its way out; undefined: nobody answers. */
export function resolve(run: Run, device: Device, nexthop: string, packet: Packet): Resolution {
  const known = neighborsOf(device, nexthop).find((neighbor) => !neighbor.proxy);
  if (known?.state === 'failed') return undefined;
  if (known?.lladdr !== undefined) return { mac: known.lladdr.toLowerCase() };
  const v4 = !nexthop.includes(':');
  const asker = v4 ? askerAddress(device, nexthop, packet) : '';
  const told = run.world.learnt.get(device)?.get(nexthop);
  if (told !== undefined) return { mac: told };
  const isWalked = run.world.questions[v4 ? 4 : 6];
  const canAnswer = (other: Device) =>
    v4 ? answersArp(run, other, nexthop, asker) : answersSolicitation(other, nexthop);
  const others = reachable(run.world, device);
  for (const other of isWalked ? others.filter(canAnswer) : others) {
    if (!isWalked) {
      if (!canAnswer(other)) continue;
      // Who is asked knows from then on who asked (arp_process: neigh_event_ns).
      if (v4 && asker !== '0.0.0.0') learn(run, other, asker, device.mac);
      return { mac: other.mac };
    }
    const answers = (by: string) => answersArp(run, other, nexthop, by);
    const mac = exchange(run, device, other, { address: nexthop, asker, source: packet.saddr, answers });
    if (mac !== undefined) return { mac };
  }
  return undefined;
}

/**
 * The packet's own source if it is an address of this host (arp_announce 0), and known to who is asked (1); else, and always for 2, one
 * that suits the link.
 */
function askerAddress(device: Device, nexthop: string, packet: Packet): string {
  const { host } = device;
  const announce = confMax(host.netns.sysctls, 4, device.name, 'arp_announce');
  const isLocal = packet.family === 4 && isLocalFor(device, packet.saddr);
  const isOnLink = () =>
    device.addresses.some(
      ({ prefix, subnet }) =>
        prefix.family === 4 &&
        containsAddress(subnet, addressOf(nexthop)) &&
        containsAddress(subnet, addressOf(packet.saddr)),
    );
  if (isLocal && announce !== 2 && (announce !== 1 || isOnLink())) return packet.saddr;
  return selectAddress4(host, device, nexthop, LINK) ?? '0.0.0.0';
}

/** arp_ignore, inet_confirm_addr; the values that it reserves mean nothing. */
function ignoresArp({ host, name, addresses }: Device, address: string, asker: string): boolean {
  const isHeld = addresses.some((a) => a.text === address);
  const inSubnet = ({ subnet }: DeviceAddress) =>
    [address, asker].every((text) => containsAddress(subnet, addressOf(text)));
  switch (confMax(host.netns.sysctls, 4, name, 'arp_ignore')) {
    case 1:
      return !isHeld;
    case 2:
      return !isHeld || (asker !== '0.0.0.0' && !addresses.some(inSubnet));
    case 3:
      return !host.devices.some((d) => d.addresses.some((a) => a.text === address && a.scope <= LINK));
    case 8:
      return true;
    default:
      return false;
  }
}

/** arp_filter: what would be sent to the one who asks leaves by another device. */
function filtersArp(device: Device, address: string, asker: string): boolean {
  const { host } = device;
  if (!confAny(host.netns.sysctls, 4, device.name, 'arp_filter')) return false;
  const none = { mark: 0, tos: 0, protocol: 0, sport: 0, dport: 0 };
  const { error, route, legs } = fibLookup(host, {
    ...none,
    family: 4,
    saddr: address,
    daddr: asker,
    oif: vrfOf(device)?.name,
  });
  return error !== undefined || route?.type === 'local' || legs[0]?.device !== device;
}

/** The question is judged as a packet from the asker to the address asked for. */
function answersArp(run: Run, device: Device, address: string, asker: string): boolean {
  const { host } = device;
  const isIgnored = () => ignoresArp(device, address, asker);
  if (asker === '0.0.0.0') return isLocalFor(device, address) && !isIgnored();
  const question: Packet = {
    family: 4,
    protocol: 0,
    saddr: asker,
    daddr: address,
    sport: 0,
    dport: 0,
    tcpFlags: 0,
    icmpType: 0,
    icmpCode: 0,
    icmpId: 0,
    ttl: 64,
    tos: 0,
    mark: 0,
    length: 28,
    dontFragment: false,
  };
  /** Routed aside, by this one of several ways. */
  const verdictBy = (way: number) => {
    const skb: Skb = { packet: question, indev: device };
    const aside = newRun({ ...run.world, choices: [], answers: [way], paths: new Map() });
    const failed = routeInput(aside, host, skb, device);
    return { answers: !failed && answersBy(skb), choice: aside.world.choices[0] };
  };
  const answersBy = (skb: Skb): boolean => answersRouted(device, skb, asker, isIgnored);
  const { answers, choice } = verdictBy(0);
  if (!choice) return answers;
  const verdicts = Array.from({ length: choice.alternatives }, (_, i) => verdictBy(i).answers);
  return verdicts.every((verdict) => verdict === answers)
    ? answers
    : (verdicts[wayOfQuestion(run, host, choice, asker)] as boolean);
}

/**
 * Which way of several a question takes, which leaves no other trace in the walk. The hash is of its own bytes as if they were an IP header, which
 * the asker's address is among, and not the one asked for (ip_multipath_l3_keys); or of nothing at all, where ports count.
 */
function wayOfQuestion(run: Run, host: Host, { taken: _, ...choice }: Choice, asker: string): number {
  const byEnds = [0, 2].includes(sysctl(host.netns.sysctls, 'net.ipv4.fib_multipath_hash_policy'));
  const { paths, routeIds } = run.world;
  const path = ['arp', host.order, routeIds.get(choice.route as Route), byEnds ? asker : ''].join(' ');
  const way = paths.get(path) ?? choose(run, choice);
  paths.set(path, way);
  return way;
}

function answersRouted(device: Device, skb: Skb, asker: string, isIgnored: () => boolean): boolean {
  const { sysctls } = device.host.netns;
  const { daddr: address } = skb.packet;
  if (!skb.route) return false;
  if (skb.route.kind === 'local') return !isIgnored() && !filtersArp(device, address, asker);
  if (skb.route.kind !== 'unicast' || confOf(sysctls, 4, device.name, 'forwarding') === 0) return false;
  if (skb.route.device === device) return address !== asker && confAny(sysctls, 4, device.name, 'proxy_arp_pvlan');
  return confAny(sysctls, 4, device.name, 'proxy_arp') || hasProxyEntry(device, address);
}

/** For an address that several hosts have: told by the route that it came in by. */
export const isAnycast = ({ packet, route }: Skb): boolean => packet.family === 6 && route?.route?.type === 'anycast';

/** Routers share the subnet-router anycast address of their subnets. */
export const isAnycastOf = (device: Device, address: string): boolean =>
  device.host.tables
    .get(255)
    ?.routes.some(
      (route) =>
        route.type === 'anycast' &&
        route.destination === `${address}/128` &&
        route.nexthops.some((nexthop) => nexthop.dev === device.name),
    ) === true;

/** Only the very link that was asked counts. */
function answersSolicitation(device: Device, address: string): boolean {
  if (device.addresses.some((a) => a.prefix.family === 6 && a.text === address)) return true;
  if (isAnycastOf(device, address)) return true;
  const { sysctls } = device.host.netns;
  const forwarding = confOf(sysctls, 6, device.name, 'forwarding') !== 0;
  const proxies = confAll(sysctls, 6, 'proxy_ndp') !== 0 || confOf(sysctls, 6, device.name, 'proxy_ndp') !== 0;
  return forwarding && proxies && hasProxyEntry(device, address);
}
