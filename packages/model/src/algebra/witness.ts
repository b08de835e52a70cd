/** One packet of a set, as plain as the set allows: a first TCP segment from one host to another, unless it asks for something else. */
import { CtDirection, CtState, type Family, Protocol, TcpFlag } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from './space/diagram.ts';
import { type FieldName, fieldOf, NAME_BYTES } from './space/fields.ts';
import type { PacketSpace } from './space/packet-space.ts';
import { bitOf, type Point, pointOf, type Subject, setBit, subjectOf } from './subject.ts';

/** Documentation addresses (RFC 5737, RFC 3849). */
const ENDS: Readonly<Record<Family, readonly [from: string, to: string]>> = {
  4: ['192.0.2.1', '198.51.100.1'],
  6: ['2001:db8::1', '2001:db8:1::1'],
};

interface Kind {
  family: Family;
  protocol: number;
  state: CtState;
}

function plainSubject({ family, protocol, state }: Kind): Subject {
  const [saddr, daddr] = ENDS[family];
  const ports = ([Protocol.TCP, Protocol.UDP, Protocol.SCTP] as number[]).includes(protocol);
  const icmp = protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
  const [sport, dport] = ports ? [40000, 80] : [0, 0];
  const replying = state === CtState.ESTABLISHED;
  const original = replying
    ? { saddr: daddr, daddr: saddr, sport: dport, dport: sport }
    : { saddr, daddr, sport, dport };
  const reply = replying ? { saddr, daddr, sport, dport } : { saddr: daddr, daddr: saddr, sport: dport, dport: sport };
  return {
    packet: {
      family,
      protocol,
      saddr,
      daddr,
      sport,
      dport,
      tcpFlags: protocol === Protocol.TCP ? (replying ? TcpFlag.ACK : TcpFlag.SYN) : 0,
      icmpType: icmp ? (family === 4 ? 8 : 128) : 0,
      icmpCode: 0,
      icmpId: 0,
      ttl: 64,
      tos: 0,
      mark: 0,
      length: family === 4 ? 60 : 80,
      dontFragment: false,
    },
    iif: 'eth0',
    oif: 'eth1',
    fragment: false,
    state,
    connection: {
      mark: 0,
      direction: replying ? CtDirection.REPLY : CtDirection.ORIGINAL,
      protocol,
      original,
      reply,
      expected: false,
      seenReply: replying,
      assured: replying,
      confirmed: replying,
      snat: false,
      dnat: false,
    },
    atoms: {},
    further: {},
  };
}

/** Names that a host would give an interface, or none: letters and digits up to the first zero byte. */
function plainName(space: PacketSpace, field: FieldName): Diagram {
  const { first } = fieldOf(field);
  const byte = (i: number) => ({ name: field, first: first + 8 * i, width: 8 });
  let rest = TRUE;
  for (let i = NAME_BYTES - 1; i >= 0; i--) {
    const letters = [
      [0x30, 0x39],
      [0x61, 0x7a],
    ].map(([from, to]) => space.range(byte(i), from as number, to as number));
    rest = space.or(space.equals(byte(i), 0), space.and(space.or(...letters), rest));
  }
  return rest;
}

/** The first of the wishes that leaves something; the set itself where none does. */
function wish(space: PacketSpace, set: Diagram, wishes: readonly Diagram[]): Diagram {
  for (const wanted of wishes) {
    const left = space.and(set, wanted);
    if (left !== FALSE) return left;
  }
  return set;
}

const STATES = [CtState.NEW, CtState.ESTABLISHED, CtState.RELATED, CtState.UNTRACKED, CtState.INVALID];

/** Undefined for the empty set. */
export function witness(space: PacketSpace, all: Diagram): Subject | undefined {
  if (all === FALSE) return undefined;
  let set = wish(space, all, [space.not(space.flag('fragment'))]);
  for (const field of ['iif', 'oif', 'physin', 'physout'] as const) set = wish(space, set, [plainName(space, field)]);
  const family: Family = space.and(set, space.family(4)) === FALSE ? 6 : 4;
  set = space.and(set, space.family(family));
  const protocols = [Protocol.TCP, Protocol.UDP, family === 4 ? Protocol.ICMP : Protocol.ICMPV6, Protocol.SCTP];
  const protocol = protocols.find((one) => space.and(set, space.equals('protocol', one)) !== FALSE);
  if (protocol !== undefined) set = space.and(set, space.equals('protocol', protocol));
  const state = STATES.find((one) => space.and(set, space.state(one)) !== FALSE) ?? CtState.NEW;
  set = space.and(set, space.state(state));
  return subjectOf(nearest(space, set, pointOf(plainSubject({ family, protocol: protocol ?? 0, state }))));
}

/** The point of the set that is like the given one for as many bits as possible, the first ones first. */
function nearest(space: PacketSpace, set: Diagram, point: Point): Point {
  const { leafValue, variableOf, low, high } = space.diagrams;
  let at = set;
  while (leafValue(at) === undefined) {
    const variable = variableOf(at);
    const wanted = bitOf(space, point, variable);
    const next = wanted ? high(at) : low(at);
    if (next !== FALSE) at = next;
    else {
      setBit(space, point, variable, !wanted);
      at = wanted ? low(at) : high(at);
    }
  }
  return point;
}
