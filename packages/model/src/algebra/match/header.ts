/** Tests of the packet's own headers, its interfaces and its mark. Each follows the kernel function it names. */
import { type PortRange, Protocol } from '@podwire/engine';
import { type Diagram, FALSE, TRUE } from '../space/diagram.ts';
import type { FieldName } from '../space/fields.ts';
import { addressBits, type PacketSpace } from '../space/packet-space.ts';
import type { MatchSet } from './context.ts';

type Range = (PortRange & { not?: boolean }) | undefined;

/** UDP-Lite; conntrack, multiport and ipset know its ports. */
const UDP_LITE = 136;
export const WITH_PORTS = [Protocol.TCP, Protocol.UDP, Protocol.SCTP, UDP_LITE];

export const port = (space: PacketSpace, field: FieldName, range: Range): Diagram =>
  range ? space.unless(range.not, space.range(field, range.from, range.to)) : TRUE;

/** The transport header is here: not in a later fragment (`par->fragoff`, xt_tcpudp.c). */
const transport = (space: PacketSpace, protocol: number): Diagram =>
  space.and(space.equals('protocol', protocol), space.not(space.flag('fragment')));

export const address: MatchSet<'saddr' | 'daddr'> = ({ space }, { kind, prefix, not }) =>
  space.unless(not, space.prefix(kind, prefix));

export const inface: MatchSet<'iif' | 'oif'> = ({ space }, { kind, name, not }) =>
  space.unless(not, space.interfaceName(kind, name));

export const protocol: MatchSet<'protocol'> = ({ space }, match) =>
  space.unless(match.not, match.protocol === 0 ? TRUE : space.equals('protocol', match.protocol));

export const fragment: MatchSet<'fragment'> = ({ space }, { not }) => space.unless(not, space.flag('fragment'));

/** tcp_mt. Which options a packet carries is not among the fields. */
export const tcp: MatchSet<'tcp'> = ({ space, opaque }, { sport, dport, flags, option }) =>
  space.and(
    transport(space, Protocol.TCP),
    port(space, 'sport', sport),
    port(space, 'dport', dport),
    flags ? space.unless(flags.not, space.masked('tcp flags', flags.set, flags.mask)) : TRUE,
    option ? space.unless(option.not, opaque(`tcp option ${option.number}`)) : TRUE,
  );

export const udpOrSctp: MatchSet<'udp' | 'sctp'> = ({ space }, { kind, sport, dport }) =>
  space.and(
    transport(space, kind === 'udp' ? Protocol.UDP : Protocol.SCTP),
    port(space, 'sport', sport),
    port(space, 'dport', dport),
  );

const ANY_ICMP_TYPE = 255;

/** icmp_match, icmp6_match. */
export const icmp: MatchSet<'icmp' | 'icmp6'> = ({ space }, { kind, type, code, not }) => {
  const holds =
    type === ANY_ICMP_TYPE
      ? TRUE
      : space.and(space.equals('icmp type', type), space.range('icmp code', code.from, code.to));
  return space.and(transport(space, kind === 'icmp' ? Protocol.ICMP : Protocol.ICMPV6), space.unless(not, holds));
};

/** multiport_mt (net/netfilter/xt_multiport.c). */
export const multiport: MatchSet<'multiport'> = ({ space }, { which, ports, not }) => {
  const within = (field: FieldName) => space.or(...ports.map(({ from, to }) => space.range(field, from, to)));
  const holds = space.or(
    which === 'destination' ? FALSE : within('sport'),
    which === 'source' ? FALSE : within('dport'),
  );
  return space.and(space.or(...WITH_PORTS.map((p) => transport(space, p))), space.unless(not, holds));
};

export const mark: MatchSet<'mark'> = ({ space }, { value, mask, not }) => space.unless(not, space.mark(value, mask));

/** Of another family than the packet's it does not hold, negated or not (iprange_mt4, iprange_mt6). */
export const iprange: MatchSet<'iprange'> = ({ space }, { src, dst }) => {
  const within = (field: 'saddr' | 'daddr', range: typeof src): Diagram => {
    if (!range) return TRUE;
    const inside = space.unless(range.not, space.addressRange(field, range.from, range.to));
    return space.and(space.family(addressBits(range.from).family), inside);
  };
  return space.and(within('saddr', src), within('daddr', dst));
};

/** mac_mt: without an Ethernet header it does not hold, negated or not. */
export const mac: MatchSet<'mac'> = ({ space }, match) => {
  const bits = BigInt(`0x${match.address.replaceAll(':', '')}`);
  return space.and(space.flag('ethernet'), space.unless(match.not, space.equals('ether saddr', bits)));
};

export const tos: MatchSet<'tos'> = ({ space }, { value, mask, not }) =>
  space.unless(not, space.masked('tos', value, mask));

/** ttl_mt, hl_mt6 (net/netfilter/xt_hl.c). */
export const ttl: MatchSet<'ttl'> = ({ space }, { op, value }) => {
  switch (op) {
    case 'eq':
      return space.equals('ttl', value);
    case 'ne':
      return space.not(space.equals('ttl', value));
    case 'lt':
      return value === 0 ? FALSE : space.range('ttl', 0, value - 1);
    case 'gt':
      return space.range('ttl', value + 1, 255);
  }
};

export const length: MatchSet<'length'> = ({ space }, { from, to, not }) =>
  space.unless(not, space.range('length', from, to));

/** physdev_mt (net/netfilter/xt_physdev.c): without bridge information a test holds only where it is negated. */
export const physdev: MatchSet<'physdev'> = ({ space }, match) => {
  const bridged = space.not(space.interfaceName('physin', ''));
  const out = space.and(bridged, space.not(space.interfaceName('physout', '')));
  const is = (test: { not?: boolean } | undefined, fact: Diagram) => (test ? space.unless(test.not, fact) : TRUE);
  const named = (field: 'physin' | 'physout', name: string | undefined) =>
    name === undefined ? FALSE : space.interfaceName(field, name);
  return space.and(
    is(match.isBridged, out),
    is(match.isIn, bridged),
    is(match.isOut, out),
    is(match.in, space.and(bridged, named('physin', match.in?.name))),
    is(match.out, space.and(out, named('physout', match.out?.name))),
  );
};
