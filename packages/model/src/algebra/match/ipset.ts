/** ip_set_test with what each type of set reads from a packet (net/netfilter/ipset/): a set whose entries are known is a set of packets. */
import { type IpSet, type Match, Protocol } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import type { PacketSpace } from '../space/packet-space.ts';
import type { MatchContext, MatchSet } from './context.ts';
import { WITH_PORTS } from './header.ts';

type Side = 'src' | 'dst';
type Part = 'ip' | 'net' | 'port' | 'bare-port' | 'iface' | 'mark';

/** What the parts of an entry are; types that are not here are atoms. */
const PARTS: Readonly<Record<string, readonly Part[]>> = {
  'hash:ip': ['ip'],
  'hash:net': ['net'],
  'hash:ip,port': ['ip', 'port'],
  'hash:net,port': ['net', 'port'],
  'hash:ip,port,ip': ['ip', 'port', 'ip'],
  'hash:ip,port,net': ['ip', 'port', 'net'],
  'hash:net,net': ['net', 'net'],
  'hash:net,port,net': ['net', 'port', 'net'],
  'hash:net,iface': ['net', 'iface'],
  'hash:ip,mark': ['ip', 'mark'],
  'bitmap:ip': ['ip'],
  'bitmap:port': ['bare-port'],
};

const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: Protocol.TCP,
  udp: Protocol.UDP,
  sctp: Protocol.SCTP,
  udplite: 136,
  icmp: Protocol.ICMP,
  icmpv6: Protocol.ICMPV6,
  'ipv6-icmp': Protocol.ICMPV6,
};

const portField = (side: Side) => (side === 'src' ? 'sport' : 'dport');

/** What stands for a port: type and code of ICMP, 0 for protocols without any (get_port, ip_set_getport.c). */
function portOf(space: PacketSpace, protocol: number, side: Side, text: string): Diagram {
  const own = space.equals('protocol', protocol);
  const slash = text.indexOf('/');
  const number = slash < 0 ? Number(text) : Number(text.slice(0, slash)) * 256 + Number(text.slice(slash + 1));
  if (protocol === Protocol.ICMP || protocol === Protocol.ICMPV6)
    return space.and(own, space.equals('icmp type', number >> 8), space.equals('icmp code', number & 255));
  if (WITH_PORTS.includes(protocol)) return space.and(own, space.equals(portField(side), number));
  return number === 0 ? own : FALSE;
}

function partSet(space: PacketSpace, part: Part, text: string, side: Side): Diagram {
  const outward = side === 'dst';
  switch (part) {
    case 'ip':
    case 'net':
      return space.prefix(outward ? 'daddr' : 'saddr', text);
    case 'port': {
      const colon = text.indexOf(':');
      const name = colon < 0 ? 'tcp' : text.slice(0, colon).toLowerCase();
      return portOf(space, PROTOCOLS[name] ?? Number(name), side, text.slice(colon + 1));
    }
    case 'bare-port':
      return space.and(
        space.or(space.equals('protocol', Protocol.TCP), space.equals('protocol', Protocol.UDP)),
        space.equals(portField(side), Number(text)),
      );
    case 'iface': {
      if (!text.startsWith('physdev:')) return exactName(space, outward ? 'oif' : 'iif', text);
      const bridged = space.not(space.interfaceName('physin', ''));
      return space.and(bridged, exactName(space, outward ? 'physout' : 'physin', text.slice('physdev:'.length)));
    }
    case 'mark':
      return space.mark(Number(text) | 0, -1);
  }
}

/** A set knows no wildcard; `+` is a letter there. */
const exactName = (space: PacketSpace, field: 'iif' | 'oif' | 'physin' | 'physout', name: string): Diagram =>
  name.endsWith('+') ? FALSE : space.interfaceName(field, name);

function lengthOf(part: Part, text: string): number {
  if (part !== 'ip' && part !== 'net') return 0;
  const slash = text.indexOf('/');
  if (slash >= 0) return Number(text.slice(slash + 1));
  return text.includes(':') ? 128 : 32;
}

/** The longest prefixes decide, the first parts before the others; an entry with `nomatch` denies. */
function entriesSet(space: PacketSpace, set: IpSet, parts: readonly Part[], sides: readonly Side[]): Diagram {
  const entries = set.entries.map(({ value, nomatch }) => {
    const texts = value.split(',');
    const tests = parts.map((part, i) => partSet(space, part, texts[i] ?? '', sides[i] ?? 'src'));
    const weight = parts.reduce((sum, part, i) => sum * 129 + lengthOf(part, texts[i] ?? ''), 0);
    return { weight, nomatch: nomatch === true, packets: space.and(...tests) };
  });
  if (!entries.some(({ nomatch }) => nomatch)) return space.or(...entries.map(({ packets }) => packets));
  return entries
    .sort((a, b) => a.weight - b.weight)
    .reduce((sum, { packets, nomatch }) => space.diagrams.choose(packets, nomatch ? FALSE : TRUE, sum), FALSE);
}

/** Undefined: not known. */
function contents(context: MatchContext, name: string, sides: readonly Side[]): Diagram | undefined {
  const { space, netns, writtenSets } = context;
  const set = netns?.sets?.find((candidate) => candidate.name === name);
  if (!set || writtenSets.has(name)) return undefined;
  if (set.type === 'list:set') {
    const members = set.entries
      .filter(({ value }) => netns?.sets?.some((member) => member.name === value))
      .map(({ value }) => contents(context, value, sides));
    return members.every((member) => member !== undefined) ? space.or(...members) : undefined;
  }
  const parts = PARTS[set.type];
  if (!parts) return undefined;
  if (sides.length < parts.length) return FALSE;
  const packets = entriesSet(space, set, parts, sides);
  const family = space.family(set.family === 'inet6' ? 6 : 4);
  return set.type === 'bitmap:port' ? packets : space.and(family, packets);
}

export const ipset: MatchSet<'set'> = (context, { set, flags, not }: Match & { kind: 'set' }) => {
  const known = contents(context, set, flags);
  if (known !== undefined) return context.space.unless(not, known);
  const text = `-m set --match-set ${set} ${flags.join(',')}`;
  const holds = context.writtenSets.has(set) ? context.draw(text) : context.opaque(text);
  return context.space.unless(not, holds);
};
