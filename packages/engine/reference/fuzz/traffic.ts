/** Random events: packets of all sorts, answers, late and odd segments, ICMP errors, time that passes. */
import {
  type ConntrackFilter,
  type End,
  type Family,
  type Packet,
  Protocol,
  TcpFlag,
  type Walk,
} from '../../src/index.ts';
import type { Random } from './random.ts';
import { sctpChunks, tcpNumbers } from './segments.ts';
import { MARKS, type Plan, PORTS } from './world.ts';

export type Event =
  | { op: 'send'; netns: string; packet: Packet; link?: string; script: number[] }
  | { op: 'answer'; script: number[] }
  | { op: 'advance'; ms: number }
  | { op: 'flush'; netns?: string; filter?: ConntrackFilter }
  | { op: 'nth'; mode: 'count' | 'choice' };

/** A walk that was seen, to build on. */
export interface Seen {
  netns: string;
  packet: Packet;
  end: End;
}

const FLAGS = [
  TcpFlag.SYN,
  TcpFlag.SYN | TcpFlag.ACK,
  TcpFlag.ACK,
  TcpFlag.ACK | TcpFlag.PSH,
  TcpFlag.FIN | TcpFlag.ACK,
  TcpFlag.RST,
  TcpFlag.RST | TcpFlag.ACK,
  0,
  TcpFlag.SYN | TcpFlag.FIN,
];

function destination(r: Random, plan: Plan, family: Family): string {
  if (r.chance(1, 25))
    return r.pick(
      family === 4
        ? ['127.0.0.1', '10.0.0.255', '255.255.255.255', '224.0.0.1', '0.1.2.3', '203.0.113.9']
        : ['::1', 'ff02::1', 'fe80::1', 'fd00::', '2001:db8:9::9', '::ffff:10.0.0.1'],
    );
  return r.pick(r.chance(1, 3) ? plan.strangers[family] : plan.addresses[family]);
}

const fields = (r: Random, family: Family): Omit<Packet, 'saddr' | 'daddr' | 'protocol' | 'family'> => ({
  sport: 0,
  dport: 0,
  tcpFlags: 0,
  icmpType: 0,
  icmpCode: 0,
  icmpId: 0,
  ttl: r.chance(1, 20) ? r.pick([1, 2, 3]) : 64,
  tos: r.chance(1, 12) ? r.pick([0x10, 0x08, 0xb8]) : 0,
  mark: r.chance(1, 12) ? r.pick(MARKS) : 0,
  length: r.chance(1, 8) ? r.pick([600, 1400, 1500, 3000, 4321, 9000]) : family === 4 ? 60 : 80,
  dontFragment: r.chance(1, 2),
});

/** Somebody cut it before it came into sight; the others may never come, or there are none. */
function piece(r: Random, family: Family): Partial<Packet> & { protocol: number } {
  const offset = r.pick([0, 0, 1480, 2960]);
  const header = family === 4 ? 20 : 48;
  const length = header + r.pick([8, 400, 1448]);
  const more = r.chance(2, 3);
  const whole = (family === 4 ? 20 : 40) + offset + (more ? 3000 : length - header);
  const ports = offset > 0 ? {} : { sport: 40000, dport: r.pick(PORTS) };
  const dontFragment = r.chance(1, 6);
  return { protocol: r.pick([6, 17]), length, dontFragment, fragment: { offset, more, whole }, ...ports };
}

function payload(r: Random, family: Family): Partial<Packet> & { protocol: number } {
  const ports = { sport: r.pick([40000, 40000, 40001, 600, 53]), dport: r.pick(PORTS) };
  const kind = r.below(20);
  if (kind < 9) {
    const tcpFlags = r.chance(4, 5) ? TcpFlag.SYN : r.pick(FLAGS);
    return { protocol: Protocol.TCP, ...ports, tcpFlags, ...(r.chance(1, 2) ? tcpNumbers(r, tcpFlags) : {}) };
  }
  if (kind < 15) return { protocol: Protocol.UDP, ...ports };
  if (kind < 18) {
    const v4 = family === 4;
    const type = r.chance(4, 5) ? (v4 ? 8 : 128) : r.pick(v4 ? [0, 13, 14, 5, 30] : [129, 135, 133, 139, 143]);
    return { protocol: v4 ? Protocol.ICMP : Protocol.ICMPV6, icmpType: type, icmpId: r.pick([1, 2, 700]) };
  }
  if (kind === 18) return { protocol: Protocol.SCTP, ...ports, ...(r.chance(2, 3) ? sctpChunks(r) : {}) };
  return r.chance(1, 3) ? { protocol: 136, ...ports } : { protocol: r.pick([47, 33]) };
}

function owner(r: Random): NonNullable<Packet['owner']> {
  const [uid, gid] = [r.pick([0, 101, 1000]), r.pick([0, 101, 1000])];
  return r.pick([{ uid, gid }, { uid, gid }, { uid }, { gid }]);
}

const KEYS = 500;

/** To a virtual service: from its host, by one of that host's links, or from anywhere. */
function toVirtual(r: Random, plan: Plan): Event {
  const { netns, family, protocol, address, port, mark } = r.pick(plan.virtual);
  const packet: Packet = {
    family,
    saddr: '',
    daddr: address,
    ...fields(r, family),
    protocol,
    sport: r.pick([40000, 40000, 40001, 20]),
    dport: r.chance(1, 12) ? r.pick(PORTS) : port,
    ...(protocol === Protocol.TCP ? { tcpFlags: r.chance(4, 5) ? TcpFlag.SYN : r.pick(FLAGS) } : {}),
    ...(protocol === Protocol.SCTP && r.chance(2, 3) ? sctpChunks(r) : {}),
    ...(mark !== 0 && r.chance(2, 3) ? { mark } : {}),
  };
  if (port === KEYS && protocol === Protocol.UDP) {
    // AH and ESP go where their keys were exchanged.
    packet.sport = KEYS;
    if (r.chance(1, 2)) Object.assign(packet, { protocol: r.pick([50, 51]), sport: 0, dport: 0 });
  }
  if (r.chance(1, 2)) return { op: 'send', netns: netns.name, packet, script: script(r) };
  if (r.chance(1, 2)) return { op: 'send', netns: r.pick(plan.netnses).name, packet, script: script(r) };
  const saddr = r.pick(plan.addresses[family]);
  return {
    op: 'send',
    netns: netns.name,
    link: r.pick(netns.links).name,
    packet: { ...packet, saddr },
    script: script(r),
  };
}

function fresh(r: Random, plan: Plan): Event {
  if (plan.virtual.length > 0 && r.chance(3, 5)) return toVirtual(r, plan);
  const family: Family = r.chance(3, 5) ? 4 : 6;
  const netns = r.pick(plan.netnses);
  const own = netns.addresses
    .map((a) => (a.address.split('/') as [string])[0])
    .filter((a) => a.includes(':') === (family === 6));
  const spoofed = r.chance(1, 15);
  const saddr = spoofed ? destination(r, plan, family) : own.length > 0 && r.chance(1, 3) ? r.pick(own) : '';
  const packet: Packet = {
    family,
    saddr,
    daddr: destination(r, plan, family),
    ...fields(r, family),
    ...(r.chance(1, 60) ? piece(r, family) : payload(r, family)),
  };
  if (r.chance(1, 3)) packet.owner = owner(r);
  const event: Event = { op: 'send', netns: netns.name, packet, script: script(r) };
  if (!r.chance(1, 12)) return event;
  const link = r.pick(netns.links).name;
  return { ...event, link, packet: { ...packet, saddr: saddr === '' ? r.pick(plan.addresses[family]) : saddr } };
}

/** The other way round, as the receiver would send it. */
const reversed = (packet: Packet): Packet => {
  const { inner: _inner, ...rest } = packet;
  return {
    ...rest,
    saddr: packet.daddr,
    daddr: packet.saddr,
    sport: packet.dport,
    dport: packet.sport,
    ttl: 64,
    mark: 0,
  };
};

/** A packet of the same conversation: what it says beyond its header fits more or less to `after`. */
function continued(r: Random, packet: Packet, after: Packet, back: boolean): Packet {
  const { tcp, sctp, ...rest } = packet;
  if (packet.protocol === Protocol.TCP && (after.tcp || r.chance(1, 20)))
    return { ...rest, ...tcpNumbers(r, packet.tcpFlags, after, back) };
  if (packet.protocol === Protocol.SCTP && (after.sctp || r.chance(1, 20))) return { ...rest, ...sctpChunks(r, after) };
  return rest;
}

const isEcho = (packet: Packet) => packet.protocol === Protocol.ICMP || packet.protocol === Protocol.ICMPV6;

/** It says how much would have fit: plausible sizes, the same ones again, and nonsense. */
const tooBig = (r: Random, v4: boolean): Partial<Packet> => ({
  ...(v4 ? { icmpType: 3, icmpCode: 4 } : { icmpType: 2, icmpCode: 0 }),
  ...(r.chance(9, 10) ? { mtu: r.pick([1400, 1400, 1300, 1280, 600, 552, 500, 60, 0, 9000]) } : {}),
});

/** An error about a packet, from anyone on its way. */
function errorAbout(r: Random, plan: Plan, { packet }: End): Packet {
  const v4 = packet.family === 4;
  const { inner: _inner, ...inner } = packet;
  const { tcp: _tcp, sctp: _sctp, ...back } = reversed(packet);
  return {
    ...back,
    ...fields(r, packet.family),
    protocol: v4 ? Protocol.ICMP : Protocol.ICMPV6,
    saddr: r.chance(1, 2) ? packet.daddr : r.pick(plan.addresses[packet.family]),
    sport: 0,
    dport: 0,
    tcpFlags: 0,
    icmpType: v4 ? r.pick([3, 11, 5]) : r.pick([1, 2, 3]),
    icmpCode: r.pick([0, 1, 3, 4]),
    icmpId: 0,
    ...(r.chance(1, 2) ? tooBig(r, v4) : {}),
    inner,
  };
}

function later(r: Random, plan: Plan, seen: Seen): Event {
  const { end, netns, packet } = seen;
  switch (r.below(6)) {
    case 0:
      return { op: 'send', netns, packet: { ...packet, ...fields(r, packet.family) }, script: script(r) };
    case 1:
      return {
        op: 'send',
        netns,
        packet: continued(
          r,
          { ...packet, tcpFlags: packet.protocol === Protocol.TCP ? r.pick(FLAGS) : 0 },
          packet,
          false,
        ),
        script: script(r),
      };
    case 2: {
      const back = reversed(end.packet);
      const tcpFlags = back.protocol === Protocol.TCP ? r.pick(FLAGS) : 0;
      const icmpType = isEcho(back) && r.chance(1, 2) ? (back.family === 4 ? 0 : 129) : back.icmpType;
      return {
        op: 'send',
        netns: end.netns,
        packet: continued(r, { ...back, tcpFlags, icmpType }, end.packet, true),
        script: script(r),
      };
    }
    case 3:
      return {
        op: 'send',
        netns: r.chance(2, 3) ? end.netns : r.pick(plan.netnses).name,
        packet: errorAbout(r, plan, end),
        script: script(r),
      };
    case 4:
      return {
        op: 'send',
        netns,
        packet: { ...packet, sport: packet.sport === 0 ? 0 : r.pick([40000, 40001, 600]) },
        script: script(r),
      };
    default:
      return { op: 'answer', script: script(r) };
  }
}

const script = (r: Random): number[] => (r.chance(1, 3) ? [] : Array.from({ length: 6 }, () => r.below(2)));

const filter = (r: Random, plan: Plan): ConntrackFilter =>
  r.pick<ConntrackFilter>([
    {},
    { protocol: r.pick([1, 6, 17]) },
    { family: 4, tcpState: 'SYN_SENT' },
    { original: { daddr: r.pick(plan.strangers[4]) } },
    { reply: { saddr: r.pick(plan.addresses[4]) }, zone: 0 },
    { mark: { value: 0, mask: 4 }, original: { dport: 80 } },
  ]);

/** The next event; `history` newest last, `last` the walk before. */
export function nextEvent(r: Random, plan: Plan, history: readonly Seen[], last: Walk | undefined): Event {
  if (last?.end.answers && r.chance(3, 4)) return { op: 'answer', script: script(r) };
  if (r.chance(1, 40)) return { op: 'advance', ms: r.pick([1, 500, 1500, 2500, 6000, 20000, 31000, 125000, 600000]) };
  if (r.chance(1, 200))
    return {
      op: 'flush',
      ...(r.chance(1, 2) ? { netns: r.pick(plan.netnses).name } : {}),
      ...(r.chance(1, 2) ? { filter: filter(r, plan) } : {}),
    };
  if (r.chance(1, 150)) return { op: 'nth', mode: r.pick(['count', 'choice']) };
  if (history.length > 0 && r.chance(2, 5)) return later(r, plan, r.pick(history.slice(-12)));
  return fresh(r, plan);
}
