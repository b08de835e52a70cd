/** IPVS at its hooks: ip_vs_in_hook, ip_vs_out_hook, ip_vs_forward_icmp and what they call (net/netfilter/ipvs/ip_vs_core.c). */
import {
  ChoiceKind,
  Disposition,
  formatAddress,
  Hook,
  type IpvsService,
  type Packet,
  Protocol,
  parseAddress,
  Reason,
  type Step,
  TcpFlag,
  type Words,
} from '../src/index.ts';
import { addressOf, canonical } from './addresses.ts';
import { choose } from './choice.ts';
import { gather, isLater } from './fragment.ts';
import {
  addConnection,
  clientConnection,
  type Ends,
  endConnection,
  type IpvsConnection,
  isKnown,
  release,
  reversed,
  rewritesPorts,
  serverConnection,
  templateOf,
} from './ipvs-connections.ts';
import { FTP, FTP_DATA, familyOf, protocolOf, schedule, serviceFor, setting } from './ipvs-schedule.ts';
import { ABORT, follow, isOver, maySchedule, opens } from './ipvs-state.ts';
import { keep, type Passage, rewrite, sendToServer } from './ipvs-xmit.ts';
import { routeOutput } from './route.ts';
import type { Host, IcmpError, Run, Skb, Stop } from './state.ts';

/** Errors that IPVS looks into: destination unreachable, source quench, time exceeded; of ICMPv6 all. */
const isError = ({ protocol, icmpType }: Packet): boolean =>
  protocol === Protocol.ICMP ? [3, 4, 11].includes(icmpType) : protocol === Protocol.ICMPV6 && icmpType < 128;

const noPort = (family: 4 | 6): IcmpError => (family === 4 ? { type: 3, code: 3 } : { type: 1, code: 4 });

const ended = (host: Host, skb: Skb, disposition: Disposition, reason: Reason, error?: IcmpError): Stop => ({
  host,
  disposition,
  reason,
  skb,
  ...(error && { reply: { kind: 'icmp', error } }),
});

type How = (Step & { kind: 'ipvs' })['how'];

function note(
  run: Run,
  host: Host,
  hook: Hook,
  how: How,
  { service, server }: Pick<IpvsConnection, 'service'> & Partial<IpvsConnection>,
): void {
  run.steps.push({ kind: 'ipvs', netns: host.netns, hook, how, service, ...(server && { server }) });
}

/** The packet that an error is about, as the answer to it would go; undefined where its ports are not there. */
function aboutOf({ inner }: Packet): Ends | undefined {
  return inner && isKnown(inner.protocol) && !isLater(inner) ? reversed(inner) : undefined;
}

/** What comes from a server, at INPUT, FORWARD and OUTPUT. */
export function ipvsOut(run: Run, host: Host, skb: Skb, hook: Hook): Passage {
  if (skb.ipvs || skb.question) return undefined;
  const { packet } = skb;
  if (isError(packet)) return errorFromServer(run, host, skb, hook);
  const { protocol, family } = packet;
  if (!isKnown(protocol)) return undefined;
  if (family === 4 && rewritesPorts(protocol)) {
    const waits = gather(run, host, skb);
    if (waits) return waits;
  }
  if (isLater(skb.packet)) return undefined;
  const one = serverConnection(host, skb.packet);
  if (one) return fromServer(run, host, skb, hook, one);
  return isStray(host, skb.packet)
    ? ended(host, skb, Disposition.UNREACHABLE, Reason.NO_IPVS_CONNECTION, noPort(family))
    : undefined;
}

/** A server's packet that belongs to nothing, where servers are told so (`nat_icmp_send`, ip_vs_has_real_service). */
function isStray(host: Host, packet: Packet): boolean {
  const { family, protocol, saddr, sport, tcpFlags, sctp } = packet;
  if (setting(host, 'nat_icmp_send') === 0 || !rewritesPorts(protocol)) return false;
  const isServers = (host.netns.ipvs ?? []).some(
    (service) =>
      familyOf(service) === family &&
      (service.fwmark !== undefined || protocolOf(service) === protocol) &&
      service.servers.some((s) => s.method === 'masquerade' && s.port === sport && canonical(s.address) === saddr),
  );
  if (protocol === Protocol.TCP) return isServers && (tcpFlags & TcpFlag.RST) === 0;
  return isServers && !(protocol === Protocol.SCTP && sctp?.chunks[0]?.type === ABORT);
}

/** The route was the answer's of a server; it is now that of the virtual address (ip_vs_route_me_harder). */
function rerouted(run: Run, host: Host, skb: Skb, hook: Hook): Stop | undefined {
  if (hook === Hook.INPUT || setting(host, 'snat_reroute') === 0) return undefined;
  const { route, outdev } = skb;
  const here = skb.packet.family === 4 ? route?.kind === 'local' : route?.device.link.kind === 'loopback';
  if (here) return undefined;
  const failed = routeOutput(run, host, skb, 'reroute');
  // A frame in a bridge goes where it goes.
  if (skb.bridge?.physout) Object.assign(skb, { route, outdev });
  return failed;
}

function fromServer(run: Run, host: Host, skb: Skb, hook: Hook, one: IpvsConnection): Passage {
  const { clockMs } = run.world;
  note(run, host, hook, 'reply', one);
  if (one.server.method === 'masquerade') {
    const { packet } = skb;
    const ports = rewritesPorts(packet.protocol) && { sport: one.vport };
    rewrite(run, host, skb, hook, 'src', { ...packet, saddr: one.vaddr, ...ports });
    const failed = rerouted(run, host, skb, hook);
    if (failed) {
      release(one, clockMs);
      return failed;
    }
  }
  follow(one, skb.packet, true);
  keep(skb, one, 'client');
  release(one, clockMs);
  return undefined;
}

function errorFromServer(run: Run, host: Host, skb: Skb, hook: Hook): Passage {
  const { packet } = skb;
  const about = aboutOf(packet);
  const one = about && serverConnection(host, about);
  if (!one) return undefined;
  note(run, host, hook, 'reply', one);
  if (one.server.method === 'masquerade' && packet.inner) {
    const { inner } = packet;
    const seen = { ...inner, daddr: one.vaddr, ...(rewritesPorts(inner.protocol) && { dport: one.vport }) };
    rewrite(run, host, skb, hook, 'src', { ...packet, saddr: one.vaddr, inner: seen });
    const failed = rerouted(run, host, skb, hook);
    if (failed) return failed;
  }
  keep(skb, one, 'client');
  return undefined;
}

/** An error about what came from a server, on its way back there. */
export function ipvsError(run: Run, host: Host, skb: Skb, hook: Hook): Passage {
  const { packet } = skb;
  const about = isError(packet) && !skb.question ? aboutOf(packet) : undefined;
  if (!about) return undefined;
  const one = clientConnection(host, about);
  if (!one) {
    const schedules = setting(host, 'schedule_icmp') !== 0 && serviceFor(host, about, packet.mark);
    return schedules ? ended(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_IPVS) : undefined;
  }
  if (packet.family === 6 && hook === Hook.OUTPUT && one.server.method !== 'masquerade') return undefined;
  note(run, host, hook, 'known', one);
  return sendToServer(run, host, skb, hook, one, true);
}

/** What is for a virtual service, at INPUT and OUTPUT. */
export function ipvsIn(run: Run, host: Host, skb: Skb, hook: Hook): Passage {
  if (skb.ipvs || skb.question) return undefined;
  if (hook !== Hook.OUTPUT && skb.route?.kind !== 'local') return undefined;
  const { packet } = skb;
  if (isError(packet)) return ipvsError(run, host, skb, hook);
  if (!isKnown(packet.protocol) || isLater(packet)) return undefined;
  const one = clientConnection(host, packet);
  if (one && opens(packet)) {
    const gone = superseded(host, skb, one);
    if (gone)
      return gone === 'drop'
        ? ended(host, skb, Disposition.DROPPED, Reason.PORTS_IN_USE)
        : scheduled(run, host, skb, hook);
  }
  if (!one) return scheduled(run, host, skb, hook);
  note(run, host, hook, 'known', one);
  return through(run, host, skb, hook, one);
}

function through(run: Run, host: Host, skb: Skb, hook: Hook, one: IpvsConnection): Passage {
  follow(one, skb.packet, false);
  const passage = sendToServer(run, host, skb, hook, one);
  release(one, run.world.clockMs);
  return passage;
}

/** A new connection by the ports of an old one that is over, or whose server is to have no more. `drop`: conntrack knew that one. */
function superseded(host: Host, skb: Skb, one: IpvsConnection): 'again' | 'drop' | undefined {
  const mode = setting(host, 'conn_reuse_mode');
  const quiesced = setting(host, 'expire_nodest_conn') !== 0 && one.server.weight === 0;
  if (!quiesced && !(mode !== 0 && isOver(one, mode))) return undefined;
  const old = skb.ct?.connection?.confirmed === true;
  if (!old) one.tracked = false;
  endConnection(host, one);
  return old ? 'drop' : 'again';
}

/** The client's network, which persistence counts as one. */
function networkOf(service: IpvsService, address: string): string {
  const { netmask } = service;
  if (netmask === undefined) return address;
  const { family, words } = addressOf(address);
  const length = Number(netmask);
  const mask = family === 4 ? parseAddress(netmask)?.words[3] : undefined;
  const masked = words.map((word, i) => {
    if (family === 4) return i === 3 ? (word & (mask ?? 0xffffffff)) >>> 0 : word;
    const kept = Math.min(32, Math.max(0, length - i * 32));
    return kept === 0 ? 0 : (word & (0xffffffff << (32 - kept))) >>> 0;
  });
  return formatAddress({ family, words: masked as unknown as Words });
}

/** A server for a packet that belongs to nothing yet (ip_vs_try_to_schedule, ip_vs_schedule). */
function scheduled(run: Run, host: Host, skb: Skb, hook: Hook): Passage {
  const { packet, indev } = skb;
  const sloppy = { tcp: setting(host, 'sloppy_tcp') !== 0, sctp: setting(host, 'sloppy_sctp') !== 0 };
  if (!maySchedule(packet, sloppy)) return undefined;
  const service = serviceFor(host, packet, packet.mark);
  if (!service) return undefined;
  if (setting(host, 'drop_packet') !== 0) {
    const choice = { kind: ChoiceKind.UNMODELLED, alternatives: 2, netns: host.netns.name };
    if (choose(run, { ...choice, text: 'net.ipv4.vs.drop_packet' }) !== 0)
      return ended(host, skb, Disposition.DROPPED, Reason.NO_SERVER);
  }
  if (packet.sport === FTP_DATA) return undefined;
  // Answers of a server that is this host are no requests.
  if ((!indev || indev.link.kind === 'loopback') && clientConnection(host, reversed(packet))) return undefined;
  if (service.pe !== undefined) return ended(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
  if (service.persistent !== undefined) return persistent(run, host, skb, hook, service);
  if (service.fwmark === undefined && packet.dport !== service.port) return left(run, host, skb, hook, service);
  const server = schedule(run, host, service, packet);
  if (!server) return left(run, host, skb, hook, service);
  note(run, host, hook, 'scheduled', { service, server });
  return through(
    run,
    host,
    skb,
    hook,
    connect(run, host, packet, { service, server, dport: server.port || packet.dport }),
  );
}

type Target = Pick<IpvsConnection, 'service' | 'server' | 'dport'> & Partial<Pick<IpvsConnection, 'control'>>;

function connect(run: Run, host: Host, packet: Packet, { service, server, dport, control }: Target): IpvsConnection {
  const { family, protocol, saddr: caddr, sport: cport, daddr: vaddr, dport: vport } = packet;
  const onePacket = service.onePacket === true && protocol === Protocol.UDP;
  const tracked = setting(host, 'conntrack') !== 0;
  const ends = { family, protocol, caddr, cport, vaddr, vport, daddr: canonical(server.address), dport };
  const fresh = { ...ends, service, server, template: false, onePacket, tracked, ...(control && { control }) };
  return addConnection(host, fresh, run.world.clockMs);
}

/** ip_vs_sched_persist: as the client's last connection went. */
function persistent(run: Run, host: Host, skb: Skb, hook: Hook, service: IpvsService): Passage {
  const { packet } = skb;
  const { family, dport } = packet;
  const own = dport === (service.port ?? 0);
  const byMark = !own && service.fwmark !== undefined;
  const key = {
    family,
    protocol: byMark ? 0 : packet.protocol,
    caddr: networkOf(service, packet.saddr),
    vaddr: byMark ? String(service.fwmark) : packet.daddr,
    vport: own && service.port !== FTP ? dport : 0,
  };
  const { clockMs } = run.world;
  let template = templateOf(host, key);
  if (template && template.server.weight === 0 && setting(host, 'expire_quiescent_template') !== 0) {
    // Nobody finds it any more (ip_vs_check_template).
    Object.assign(template, { dport: 0xffff, vport: 0xffff });
    template = undefined;
  }
  const kept = template !== undefined;
  if (!template) {
    const server = schedule(run, host, service, packet);
    if (!server) return left(run, host, skb, hook, service);
    const ends = {
      ...key,
      cport: 0,
      daddr: canonical(server.address),
      dport: own && service.port !== FTP ? server.port : 0,
    };
    const tracked = setting(host, 'conntrack') !== 0;
    template = addConnection(host, { ...ends, service, server, template: true, onePacket: false, tracked }, clockMs);
    template.timeoutMs = (service.persistent ?? 0) * 1000;
  }
  const { server } = template;
  note(run, host, hook, kept ? 'persistent' : 'scheduled', { service, server });
  const one = connect(run, host, packet, {
    service,
    server,
    dport: own && server.port ? server.port : dport,
    control: template,
  });
  release(template, clockMs);
  return through(run, host, skb, hook, one);
}

/** No server may take it (ip_vs_leave). */
function left(run: Run, host: Host, skb: Skb, hook: Hook, service: IpvsService): Passage {
  const { packet } = skb;
  if (service.fwmark !== undefined && setting(host, 'cache_bypass') !== 0)
    return ended(host, skb, Disposition.UNKNOWN, Reason.UNMODELLED_IPVS);
  if (service.port === FTP && packet.dport !== FTP) return undefined;
  note(run, host, hook, 'none', { service });
  return ended(host, skb, Disposition.UNREACHABLE, Reason.NO_SERVER, noPort(packet.family));
}
