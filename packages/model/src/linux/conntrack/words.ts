/** Names of layer 4 protocols as conntrack prints them (libnetfilter_conntrack, kernel's nf_conntrack_standalone.c): others are `unknown`. */
import { type ConntrackEntry, type Family, formatAddress, Protocol, parseAddress, type Tuple } from '@podwire/engine';
import { wholeNumber } from '../lines.ts';

const GRE = 47;
const NAMES: readonly (readonly [string, number])[] = [
  ['icmp', Protocol.ICMP],
  ['tcp', Protocol.TCP],
  ['udp', Protocol.UDP],
  ['dccp', 33],
  ['gre', GRE],
  ['icmpv6', Protocol.ICMPV6],
  ['sctp', Protocol.SCTP],
  ['udplite', 136],
];

export function protocolName(protocol: number): string {
  return NAMES.find(([, number]) => number === protocol)?.[0] ?? 'unknown';
}

/** What a tuple is made of, by the words that stand in it. */
export type Fields = Readonly<Record<string, string>>;

function number(text: string | undefined, max: number, what: string): number {
  if (text !== undefined && /^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16) & max;
  return wholeNumber(text, what, max);
}

function address(text: string | undefined, family: Family | undefined): { text: string; family: Family } {
  const parsed = text === undefined ? undefined : parseAddress(text);
  if (!parsed || (family !== undefined && parsed.family !== family))
    throw new RangeError(`"${text ?? ''}" is no address`);
  return { text: formatAddress(parsed), family: parsed.family };
}

/** Throws RangeError. For ICMP and GRE the words differ; other protocols without ports have none. */
export function tupleOf(fields: Fields, protocol: number, family?: Family): { tuple: Tuple; family: Family } {
  const source = address(fields.src, family);
  const destination = address(fields.dst, source.family);
  const ends = { saddr: source.text, daddr: destination.text };
  if (protocol === Protocol.ICMP || protocol === Protocol.ICMPV6) {
    const type = number(fields.type, 255, 'type');
    const dport = type * 256 + number(fields.code, 255, 'code');
    return { tuple: { ...ends, sport: number(fields.id, 65535, 'id'), dport }, family: source.family };
  }
  const [from, to] = protocol === GRE ? ['srckey', 'dstkey'] : ['sport', 'dport'];
  const port = (name: string) => (fields[name] === undefined ? 0 : number(fields[name], 65535, name));
  return { tuple: { ...ends, sport: port(from as string), dport: port(to as string) }, family: source.family };
}

/** Name and value of what tells the ends of a tuple apart, in the order printed. */
export function portWords({ sport, dport }: Tuple, protocol: number): [string, string][] {
  switch (protocol) {
    case Protocol.ICMP:
    case Protocol.ICMPV6:
      return [
        ['type', String(dport >> 8)],
        ['code', String(dport & 255)],
        ['id', String(sport)],
      ];
    case GRE:
      return [
        ['srckey', `0x${sport.toString(16)}`],
        ['dstkey', `0x${dport.toString(16)}`],
      ];
    default:
      return protocolName(protocol) === 'unknown'
        ? []
        : [
            ['sport', String(sport)],
            ['dport', String(dport)],
          ];
  }
}

/** Whether the two directions differ by more than being turned round says which way addresses were translated. */
export function natOf(original: Tuple, reply: Tuple, protocol: number): Pick<ConntrackEntry, 'snat' | 'dnat'> {
  const isIcmp = protocol === Protocol.ICMP || protocol === Protocol.ICMPV6;
  return {
    snat: reply.daddr !== original.saddr || (isIcmp ? reply.sport !== original.sport : reply.dport !== original.sport),
    dnat: reply.saddr !== original.daddr || (!isIcmp && reply.sport !== original.dport),
  };
}
