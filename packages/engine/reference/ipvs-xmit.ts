/** A packet on its way to the server: ip_vs_nat_xmit, ip_vs_dr_xmit, ip_vs_tunnel_xmit, ip_vs_icmp_xmit, __ip_vs_get_out_rt (net/netfilter/ipvs/ip_vs_xmit.c), ip_vs_update_conntrack (ip_vs_nfct.c). */
import { CtDirection, CtState, Disposition, Hook, type Packet, Reason } from '../src/index.ts';
import { isLoopback } from './addresses.ts';
import { type IpvsConnection, rewritesPorts } from './ipvs-connections.ts';
import { routeUnsent } from './route.ts';
import type { Host, IcmpError, Routed, Run, Skb, Stop } from './state.ts';

/** `sent`: it goes on as a packet made here, by its new route. Undefined: the hook goes on. */
export type Passage = Stop | 'sent' | undefined;

/** What stands in the way of a server there (IP_VS_RT_MODE_*). */
interface Mode {
  local: boolean;
  /** A packet that was for elsewhere may become one for here. */
  redirect: boolean;
  /** It is an ICMP error: its size is not looked at. */
  error: boolean;
}

const stop = (host: Host, skb: Skb, disposition: Disposition, reason: Reason, error?: IcmpError): Stop => ({
  host,
  disposition,
  reason,
  skb,
  ...(error && { reply: { kind: 'icmp', error } }),
});

const isLo = (device: Routed['device'] | undefined): boolean => device?.link.kind === 'loopback';

/** IPv6 looks at the device, IPv4 at the kind of route. */
const leadsHere = (route: Routed | undefined, family: 4 | 6): boolean =>
  family === 4 ? route?.kind === 'local' : isLo(route?.device);

/** From a loopback address, which nobody elsewhere can answer to. */
const isFromLoopback = ({ packet, indev }: Skb): boolean =>
  packet.family === 4 ? isLoopback(4, packet.saddr) : packet.saddr === '::1' && (!indev || isLo(indev));

/** The way to the server: `local`, or a route to somewhere else, on which the packet loses one of its hops. */
function wayTo(run: Run, host: Host, skb: Skb, daddr: string, mode: Mode): 'local' | Routed | Stop {
  const { packet, route: old } = skb;
  const { family } = packet;
  const v4 = family === 4;
  const found = routeUnsent(run, host, { ...packet, daddr });
  if ('error' in found)
    return stop(host, skb, Disposition.UNREACHABLE, found.error, v4 ? { type: 3, code: 1 } : { type: 1, code: 3 });
  const boundary = () => stop(host, skb, Disposition.DROPPED, Reason.SERVER_BOUNDARY);
  if (leadsHere(found, family)) {
    if (!mode.local || (!mode.redirect && !leadsHere(old, family))) return boundary();
    return 'local';
  }
  if (isFromLoopback(skb)) return boundary();
  if (packet.ttl <= 1)
    return stop(host, skb, Disposition.UNREACHABLE, Reason.TTL_EXCEEDED, { type: v4 ? 11 : 3, code: 0 });
  skb.packet = { ...packet, ttl: packet.ttl - 1 };
  const { mtu } = found;
  const tooLong = v4 ? packet.dontFragment && packet.length > mtu : (skb.widest ?? packet.length) > mtu;
  if (tooLong && !mode.error)
    return stop(
      host,
      skb,
      Disposition.UNREACHABLE,
      Reason.FRAGMENTATION_NEEDED,
      v4 ? { type: 3, code: 4, mtu } : { type: 2, code: 0, mtu },
    );
  return found;
}

/** `ip_vs_notrack`: conntrack lets go of it. */
function untrack(skb: Skb): void {
  if (skb.ct?.connection) skb.ct = { state: CtState.UNTRACKED, direction: CtDirection.ORIGINAL };
}

/** The packet is IPVS's from now on. Conntrack learns who answers, or whom the client sees answer, unless IPVS keeps it out (ip_vs_update_conntrack). */
export function keep(skb: Skb, one: IpvsConnection, to: 'server' | 'client'): void {
  skb.ipvs = true;
  if (!one.tracked) {
    untrack(skb);
    return;
  }
  const { ct } = skb;
  const { connection } = ct ?? {};
  if (!connection || connection.confirmed || ct?.direction !== CtDirection.ORIGINAL) return;
  if (one.server.method !== 'masquerade' || one.onePacket) return;
  const [original, reply] = connection.tuples;
  const ports = rewritesPorts(connection.protocol);
  const changed =
    to === 'server'
      ? { ...reply, saddr: one.daddr, ...(ports && { sport: one.dport }) }
      : { ...reply, daddr: one.vaddr, ...(ports && { dport: one.vport }) };
  connection.tuples = [original, changed];
}

/** Writes what changes in the header, if anything does. */
export function rewrite(run: Run, host: Host, skb: Skb, hook: Hook, manip: 'src' | 'dst', changed: Packet): void {
  const end = ({ saddr, sport, daddr, dport, protocol }: Packet) => ({
    address: manip === 'src' ? saddr : daddr,
    port: rewritesPorts(protocol) ? (manip === 'src' ? sport : dport) : 0,
  });
  const from = end(skb.packet);
  const to = end(changed);
  const same = from.address === to.address && from.port === to.port && changed.inner === skb.packet.inner;
  skb.packet = changed;
  if (same) return;
  run.steps.push({ kind: 'nat', netns: host.netns, hook, manip, binding: true, ipvs: true, from, to });
}

/** The packet leaves by another way than it came to this hook for. */
function sendBy(skb: Skb, route: Routed): 'sent' {
  skb.route = route;
  skb.outdev = route.device;
  skb.ignoresDf = true;
  return 'sent';
}

function toServer(packet: Packet, { daddr, dport }: IpvsConnection): Packet {
  return { ...packet, daddr, ...(rewritesPorts(packet.protocol) && { dport }) };
}

/** An error about what the server sent: the packet in it as the server sent it. */
function errorToServer(packet: Packet, { daddr, dport }: IpvsConnection): Packet {
  const { inner } = packet;
  const about = inner && { ...inner, saddr: daddr, ...(rewritesPorts(inner.protocol) && { sport: dport }) };
  return { ...packet, daddr, ...(about && { inner: about }) };
}

function masquerade(run: Run, host: Host, skb: Skb, hook: Hook, one: IpvsConnection, error: boolean): Passage {
  const cameIn = hook !== Hook.OUTPUT && !isLo(skb.indev);
  const mode = { local: hook !== Hook.FORWARD, redirect: true, error };
  const way = wayTo(run, host, skb, one.daddr, mode);
  if (typeof way === 'object' && 'disposition' in way) return way;
  if (way === 'local' && cameIn && isLoopback(skb.packet.family, one.daddr))
    return stop(host, skb, Disposition.DROPPED, Reason.SERVER_BOUNDARY);
  rewrite(run, host, skb, hook, 'dst', error ? errorToServer(skb.packet, one) : toServer(skb.packet, one));
  keep(skb, one, 'server');
  // A socket that was found before is another one's now (ip_vs_drop_early_demux_sk).
  if (way !== 'local' || one.vaddr !== one.daddr || one.vport !== one.dport) skb.demuxed = undefined;
  return way === 'local' ? undefined : sendBy(skb, way);
}

/** As it is, to the link-layer address of the server. */
function directly(run: Run, host: Host, skb: Skb, one: IpvsConnection, error: boolean): Passage {
  const way = wayTo(run, host, skb, one.daddr, { local: true, redirect: false, error });
  if (typeof way === 'object' && 'disposition' in way) return way;
  skb.ipvs = true;
  if (!one.tracked) untrack(skb);
  if (way !== 'local') skb.demuxed = undefined;
  return way === 'local' ? undefined : sendBy(skb, { ...way, gateway: way.gateway ?? one.daddr });
}

/** Into an outer packet: not modelled. To a server that is this host it is not wrapped. */
function tunnelled(run: Run, host: Host, skb: Skb, one: IpvsConnection): Passage {
  const found = routeUnsent(run, host, { ...skb.packet, daddr: one.daddr });
  const here = !('error' in found) && leadsHere(found, skb.packet.family);
  if (!here || !leadsHere(skb.route, skb.packet.family))
    return stop(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
  skb.ipvs = true;
  if (!one.tracked) untrack(skb);
  return undefined;
}

/** `error`: it is no packet of the connection, but an ICMP error about one. */
export function sendToServer(run: Run, host: Host, skb: Skb, hook: Hook, one: IpvsConnection, error = false): Passage {
  switch (one.server.method) {
    case 'masquerade':
      return masquerade(run, host, skb, hook, one, error);
    case 'route':
      return directly(run, host, skb, one, error);
    case 'tunnel':
      return tunnelled(run, host, skb, one);
  }
}
