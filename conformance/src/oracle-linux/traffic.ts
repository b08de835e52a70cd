/** Random events: packets of processes and from wires, first ones and late ones, answers, odd segments, ICMP errors. */
import { type Family, type Link, type Packet, Protocol, TcpFlag } from '@podwire/engine';
import type { Random } from '../lab/random.ts';
import type { Listening } from '../lab/terms.ts';
import { alone, Conversation } from './conversations.ts';
import type { Event } from './scenario.ts';
import { type Draft, familyOf, isStacked, type Plan, plain } from './topology.ts';
import { CLIENT_PORTS, MARKS, PORTS, SERVED } from './values.ts';

const FLAGS = [
  TcpFlag.SYN | TcpFlag.ACK,
  TcpFlag.ACK,
  TcpFlag.ACK | TcpFlag.PSH,
  TcpFlag.FIN | TcpFlag.ACK,
  TcpFlag.RST,
  TcpFlag.RST | TcpFlag.ACK,
  0,
  TcpFlag.SYN | TcpFlag.FIN,
];

/** To sockets that know each other: nothing that ends their connection, or asks for more than silence. */
const POLITE = [TcpFlag.ACK, TcpFlag.ACK | TcpFlag.PSH];

const ODD: Record<Family, readonly string[]> = {
  4: ['127.0.0.1', '10.1.0.255', '255.255.255.255', '0.1.2.3', '240.0.0.1', '224.0.0.1'],
  6: ['::1', 'fd00:1::', '2001:db8:9::9'],
};

/** Broadcast and multicast addresses, which are not followed onto the wire. */
const isForMany = (address: string) => /^224|^ff|\.255$/.test(address);

const GRE = 47;

const isIcmp = (protocol: number) => protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
const least = (family: Family, protocol: number): number =>
  (family === 4 ? 20 : 40) + (protocol === Protocol.TCP ? 20 : protocol === Protocol.SCTP ? 32 : 8);

function destination(r: Random, plan: Plan, family: Family): string {
  const roll = r.next();
  if (roll < 0.06) return r.pick(ODD[family]);
  return r.pick(roll < 0.2 ? plan.strangers[family] : plan.addresses[family]);
}

const NOTHING = { sport: 0, dport: 0, tcpFlags: 0, icmpType: 0, icmpCode: 0, icmpId: 0 };

function payload(
  r: Random,
  family: Family,
  isRaw: boolean,
  flags: readonly number[],
): typeof NOTHING & { protocol: number } {
  // A process that calls itself would open from both ends.
  const others = PORTS.filter((port) => isRaw || !CLIENT_PORTS.includes(port));
  const ports = { ...NOTHING, sport: r.pick(CLIENT_PORTS), dport: r.pick(r.chance(0.7) ? SERVED : others) };
  const roll = r.next();
  if (roll < 0.45) {
    const tcpFlags = isRaw && r.chance(0.3) ? r.pick(flags) : TcpFlag.SYN;
    return { ...ports, protocol: Protocol.TCP, tcpFlags };
  }
  if (roll < 0.75) return { ...ports, protocol: Protocol.UDP };
  if (roll < 0.93)
    return {
      ...NOTHING,
      protocol: family === 4 ? Protocol.ICMP : Protocol.ICMPV6,
      icmpType: family === 4 ? 8 : 128,
      icmpId: r.pick([7, 8]),
    };
  // The socket of a process that sends such would take what comes back to this host, too.
  if (!isRaw) return { ...ports, protocol: Protocol.UDP };
  return roll < 0.97 ? { ...ports, protocol: Protocol.SCTP } : { ...NOTHING, protocol: GRE };
}

interface Traffic {
  r: Random;
  plan: Plan;
  /** TCP flags of segments that open nothing. */
  flags: readonly number[];
}

function lengthOf(r: Random, family: Family, protocol: number, isLocal: boolean): number {
  // What follows SCTP's first chunk would be another.
  if (protocol === Protocol.SCTP) return least(family, protocol);
  const small = least(family, protocol) + r.between(0, 40);
  if (protocol === Protocol.TCP) return isLocal ? (family === 4 ? 60 : 80) : least(family, protocol);
  if (!r.chance(0.2)) return small;
  return r.pick([1281, 1301, 1401, 1451, 1481, 1500, ...(isLocal ? [1501, 1800, 2900, 4400] : [])]);
}

function freshPacket(traffic: Traffic, family: Family, saddr: string, isRaw: boolean): Packet {
  const { r, plan, flags } = traffic;
  const kind = payload(r, family, isRaw, flags);
  const length = lengthOf(r, family, kind.protocol, !isRaw);
  return {
    family,
    saddr,
    daddr: destination(r, plan, family),
    ...kind,
    ttl: r.chance(0.12) ? r.between(1, 3) : 64,
    tos: r.chance(0.12) ? r.pick([0x10, 0x08, 0xb8]) : 0,
    mark: !isRaw && r.chance(0.15) ? r.pick(MARKS) : 0,
    length,
    dontFragment: kind.protocol === Protocol.TCP || r.chance(length > 1000 ? 0.4 : 0.7),
  };
}

const ownAddresses = (netns: Draft, family: Family): string[] =>
  netns.addresses.map((a) => plain(a.address)).filter((a) => familyOf(a) === family && !a.startsWith('fe80'));

/** Made by a process: what sockets cannot send is left to wires. */
function local(traffic: Traffic): Event | undefined {
  const { r, plan } = traffic;
  const [netns, family]: [Draft, Family] = [r.pick(plan.netnses), r.chance(0.6) ? 4 : 6];
  return call(traffic, netns, family);
}

function call(traffic: Traffic, netns: Draft, family: Family): Event | undefined {
  const { r, plan } = traffic;
  const own = ownAddresses(netns, family);
  const packet = freshPacket(traffic, family, '', false);
  if (isForMany(packet.daddr)) return undefined;
  const isQuiet = plan.netnses.every((n) => n.netfilter.length === 0);
  // A datagram's socket that does not know its own address takes answers from everybody.
  const choose = packet.protocol === Protocol.UDP ? isQuiet : r.chance(0.6);
  if (!choose && own.length === 0) return undefined;
  // Sockets of the lab are root's.
  return { netns: netns.name, packet: { ...packet, saddr: choose ? '' : r.pick(own), owner: { uid: 0, gid: 0 } } };
}

const isOnWire = (link: Link) => link.kind !== 'bridge' && !isStacked(link);

/** Links onto which something can be put from the other end. */
const wires = (plan: Plan): { netns: Draft; link: string }[] =>
  plan.netnses.flatMap((netns) => netns.links.filter(isOnWire).map((link) => ({ netns, link: link.name })));

function foreign(traffic: Traffic): Event {
  const { r, plan } = traffic;
  const family: Family = r.chance(0.6) ? 4 : 6;
  const { netns, link } = r.pick(wires(plan));
  const roll = r.next();
  const saddr =
    roll < 0.08
      ? r.pick(ODD[family].filter((a) => !isForMany(a)))
      : r.pick(roll < 0.25 ? plan.strangers[family] : plan.addresses[family]);
  return { netns: netns.name, link, packet: freshPacket(traffic, family, saddr, true) };
}

/** The same from both. */
function rivalry(traffic: Traffic, { netns, family, sources }: Plan['rivals'][number]): Event[] {
  const { r } = traffic;
  const links = netns.links.filter(isOnWire);
  if (links.length === 0) return [];
  const { name: link } = r.pick(links);
  const packet = freshPacket(traffic, family, sources[0], true);
  return sources.map((saddr) => ({ netns: netns.name, link, packet: { ...packet, saddr, ttl: 64 } }));
}

const reversed = (packet: Packet): Packet => ({
  ...packet,
  saddr: packet.daddr,
  daddr: packet.saddr,
  sport: packet.dport,
  dport: packet.sport,
  ttl: 64,
  mark: 0,
});

/** An error about a packet, as somebody on its way would send it. */
function errorAbout(r: Random, plan: Plan, packet: Packet): Packet {
  const isV4 = packet.family === 4;
  const [icmpType, icmpCode] = r.pick<[number, number]>(
    isV4
      ? [
          [3, 0],
          [3, 1],
          [3, 3],
          [3, 4],
          [3, 13],
          [11, 0],
        ]
      : [
          [1, 0],
          [1, 4],
          [2, 0],
          [3, 0],
        ],
  );
  const { inner: _inner, ...inner } = packet;
  return {
    family: packet.family,
    ...NOTHING,
    protocol: isV4 ? Protocol.ICMP : Protocol.ICMPV6,
    saddr: r.chance(0.4) ? packet.daddr : r.pick(plan.addresses[packet.family]),
    daddr: packet.saddr,
    icmpType,
    icmpCode,
    ttl: 64,
    tos: 0,
    mark: 0,
    length: (isV4 ? 28 : 48) + inner.length,
    dontFragment: false,
    ...((icmpType === 2 || (isV4 && icmpCode === 4)) && { mtu: r.pick([576, 1280, 1300, 1400]) }),
    inner: { ...inner, mark: 0 },
  };
}

/** Something about an earlier packet: again, in another state, back, or an error. */
function later(traffic: Traffic, before: Event): Event | undefined {
  const { r, plan } = traffic;
  const { packet } = before;
  if (packet.inner || packet.saddr === '') return undefined;
  const isTcp = packet.protocol === Protocol.TCP;
  const { netns, link } = r.pick(wires(plan));
  const { tcp: _numbers, ...bare } = packet;
  const raw = { ...bare, length: isTcp ? least(packet.family, packet.protocol) : packet.length, mark: 0 };
  const same = before.link === undefined ? undefined : { netns: before.netns, link: before.link };
  const anywhere = { netns: netns.name, link };
  const roll = r.next();
  if (roll < 0.25 && same)
    return { ...same, packet: { ...raw, tcpFlags: isTcp ? r.pick([TcpFlag.SYN, ...traffic.flags]) : 0 } };
  if (roll < 0.35 && !isTcp && before.link === undefined) return before;
  if (roll < 0.65) {
    const back = reversed(raw);
    const icmpType = isIcmp(back.protocol) ? (back.family === 4 ? 0 : 129) : 0;
    // A client's socket would take a SYN for the other end's wish to open, too.
    const flags = before.link === undefined ? POLITE : traffic.flags;
    return { ...anywhere, packet: { ...back, icmpType, tcpFlags: isTcp ? r.pick(flags) : 0 } };
  }
  if (roll < 0.85 && packet.length < 1000) return { ...anywhere, packet: errorAbout(r, plan, raw) };
  // Somebody else with the same ports: what NAT gives both of them may clash.
  if (roll < 0.93) {
    const others = plan.addresses[packet.family].filter((address) => address !== packet.saddr);
    return { ...(same ?? anywhere), packet: { ...raw, saddr: r.pick(others) } };
  }
  return same && { ...same, packet: { ...raw, sport: packet.sport === 0 ? 0 : r.pick(CLIENT_PORTS) } };
}

function withNumbers(event: Event): Event | undefined {
  if (event.packet.protocol !== Protocol.TCP) return event;
  return event.link === undefined ? undefined : { ...event, packet: alone(event.packet) };
}

/** A process has one TCP socket for each pair of ends. */
const isRepeated = (events: readonly Event[], { netns, link, packet }: Event): boolean =>
  link === undefined &&
  packet.protocol === Protocol.TCP &&
  events.some(
    (e) =>
      e.link === undefined &&
      e.netns === netns &&
      e.packet.protocol === Protocol.TCP &&
      e.packet.sport === packet.sport,
  );

/** `windows`: every TCP segment says its numbers, and no socket sends any. */
export function makeEvents(
  r: Random,
  plan: Plan,
  listening: readonly Listening[],
  count: number,
  windows: boolean,
): Event[] {
  const flags = listening.some((l) => l.protocol === 'tcp') ? POLITE : FLAGS;
  const traffic: Traffic = { r, plan, flags };
  const events: Event[] = [];
  for (const rivals of plan.rivals)
    events.push(...rivalry(traffic, rivals).flatMap((event) => (windows ? (withNumbers(event) ?? []) : [event])));
  for (const { netns, family } of plan.callers)
    for (let i = 0; i < 4; i++) {
      const event = call(traffic, netns, family);
      if (event && !isRepeated(events, event) && !(windows && event.packet.protocol === Protocol.TCP))
        events.push(event);
    }
  const routers = plan.netnses.filter(({ links }) => links.length > 1);
  const router = windows && routers.length > 0 && r.chance(0.8) ? r.pick(routers) : undefined;
  const conversation = router && new Conversation(r, plan, router);
  for (let tries = 0; events.length < count && tries < 10 * count; tries++) {
    const roll = r.next();
    if (conversation && r.chance(0.6)) {
      events.push(conversation.next());
      continue;
    }
    const found =
      events.length > 0 && roll < 0.4
        ? later(traffic, r.pick(events))
        : roll < 0.75
          ? local(traffic)
          : foreign(traffic);
    const event = found && windows ? withNumbers(found) : found;
    if (event && !isForMany(event.packet.saddr) && !isRepeated(events, event)) events.push(event);
  }
  return events;
}

export function makeListeners(r: Random, plan: Plan, windows: boolean): Listening[] {
  const transports: Listening['protocol'][] = !windows && r.chance(0.5) ? ['tcp', 'udp'] : ['udp'];
  return plan.netnses.flatMap(({ name }) =>
    transports.flatMap((protocol) =>
      SERVED.filter(() => r.chance(0.55)).map((port) => ({ netns: name, protocol, port })),
    ),
  );
}
