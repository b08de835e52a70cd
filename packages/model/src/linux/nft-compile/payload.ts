/** Fields of headers (nft(8), PAYLOAD EXPRESSIONS). */
import type { HeaderField, Selector, Statement, TableFamily } from '@podwire/engine';
import type { NftExthdr, NftIpOption, NftPayload, NftPayloadBase } from '../nft/syntax.ts';
import { type Datatype, types } from '../nft/tables/datatypes.ts';
import { fieldNamed, findHeader } from '../nft/tables/headers.ts';
import { extensionHeaders, ipOptions, type OptionHeader, optionField, optionNamed } from '../nft/tables/options.ts';
import { compareInteger, type Part, plainPart, protocolIs, type Scope, unmodelled } from './part.ts';

type Bits = Pick<Selector, 'mask' | 'shift'>;

const DSCP: Bits = { mask: 0xfc, shift: 2 };
const ECN: Bits = { mask: 3 };

/** What the machine calls a field, with the bits of it where it is part of a byte. */
const FIELDS: Readonly<Record<string, readonly [HeaderField, Bits?]>> = {
  'ether saddr': ['ether saddr'],
  'ether daddr': ['ether daddr'],
  'ether type': ['ether type'],
  'ip saddr': ['ip saddr'],
  'ip daddr': ['ip daddr'],
  'ip protocol': ['ip protocol'],
  'ip ttl': ['ip ttl'],
  'ip length': ['ip length'],
  'ip version': ['ip version'],
  'ip hdrlength': ['ip hdrlength'],
  'ip frag-off': ['ip frag-off'],
  'ip dscp': ['ip tos', DSCP],
  'ip ecn': ['ip tos', ECN],
  'ip6 saddr': ['ip6 saddr'],
  'ip6 daddr': ['ip6 daddr'],
  'ip6 nexthdr': ['ip6 nexthdr'],
  'ip6 hoplimit': ['ip6 hoplimit'],
  'ip6 length': ['ip6 length'],
  'ip6 version': ['ip6 version'],
  'ip6 dscp': ['ip6 tclass', DSCP],
  'ip6 ecn': ['ip6 tclass', ECN],
  'th sport': ['th sport'],
  'th dport': ['th dport'],
  'tcp sport': ['th sport'],
  'tcp dport': ['th dport'],
  'tcp flags': ['tcp flags'],
  'udp sport': ['th sport'],
  'udp dport': ['th dport'],
  'udp length': ['udp length'],
  'udplite sport': ['th sport'],
  'udplite dport': ['th dport'],
  'sctp sport': ['th sport'],
  'sctp dport': ['th dport'],
  'dccp sport': ['th sport'],
  'dccp dport': ['th dport'],
  'icmp type': ['icmp type'],
  'icmp code': ['icmp code'],
  'icmp id': ['icmp id'],
  'icmpv6 type': ['icmp type'],
  'icmpv6 code': ['icmp code'],
  'icmpv6 id': ['icmp id'],
  'arp htype': ['arp htype'],
  'arp ptype': ['arp ptype'],
  'arp hlen': ['arp hlen'],
  'arp plen': ['arp plen'],
  'arp operation': ['arp operation'],
  'arp saddr ether': ['arp saddr ether'],
  'arp saddr ip': ['arp saddr ip'],
  'arp daddr ether': ['arp daddr ether'],
  'arp daddr ip': ['arp daddr ip'],
};

/** Protocol numbers of the headers above IP. */
const TRANSPORT_PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  udplite: 136,
  sctp: 132,
  dccp: 33,
  icmp: 1,
  icmpv6: 58,
  igmp: 2,
  ah: 51,
  esp: 50,
  comp: 108,
};

const MOBILITY = 135;
const VLAN = 0x8100;
/** What nft tests before it looks into a header. Addresses and the like of the other IP version need no test: such a packet has none. */
function needsOf(protocol: string): Statement[] {
  const number = TRANSPORT_PROTOCOLS[protocol];
  if (number !== undefined) return [protocolIs(number)];
  if (protocol === 'vlan') return [compareInteger({ field: 'meta protocol' }, VLAN)];
  // Nothing but ARP has fields of ARP.
  return [];
}

const RAW: Readonly<Record<string, HeaderField>> = {
  'nh 96 32 ip': 'ip saddr',
  'nh 128 32 ip': 'ip daddr',
  'nh 72 8 ip': 'ip protocol',
  'nh 64 8 ip': 'ip ttl',
  'nh 8 8 ip': 'ip tos',
  'nh 64 128 ip6': 'ip6 saddr',
  'nh 192 128 ip6': 'ip6 daddr',
  'nh 48 8 ip6': 'ip6 nexthdr',
};

/** Bits by place that are a field which the machine has. The ports stand where all protocols with ports have them. */
function rawField(base: NftPayloadBase, offset: number, length: number, family: TableFamily): HeaderField | undefined {
  if (base === 'th' && length === 16 && offset === 0) return 'th sport';
  if (base === 'th' && length === 16 && offset === 16) return 'th dport';
  // nft itself lists `ether type` so where it tests it for another statement.
  if (base === 'll' && length === 16 && offset === 96) return 'ether type';
  return RAW[`${base} ${offset} ${length} ${family}`];
}

export function payloadPart(node: NftPayload, scope: Scope): Part {
  const { payload } = node;
  if ('base' in payload) {
    const field = rawField(payload.base, payload.offset, payload.len, scope.family);
    return field ? plainPart({ field }, types.bits) : unmodelled(node, types.bits, scope);
  }
  const { protocol, field } = payload;
  const header = findHeader(protocol);
  const datatype = (header && fieldNamed(header, field)?.type) ?? types.integer;
  const needs = needsOf(protocol);
  const known = FIELDS[`${protocol} ${field}`];
  if (!known) return unmodelled(node, datatype, scope, needs);
  const [name, bits = {}] = known;
  return plainPart({ field: name, ...bits }, datatype, needs);
}

/** The field that `PROTOCOL FIELD set` writes, with the bits of it; undefined: one that the machine does not keep. */
export function writtenField({
  payload,
}: NftPayload): { field: HeaderField; mask?: number; shift: number } | undefined {
  if ('base' in payload) return undefined;
  const known = FIELDS[`${payload.protocol} ${payload.field}`];
  if (!known) return undefined;
  const [field, { mask, shift = 0 } = {}] = known;
  return { field, shift, ...(mask === undefined ? {} : { mask: Number(mask) }) };
}

/** Which datatype a field of an extension header or IP option has. */
function optionType(table: readonly OptionHeader[], { name, field }: { name: string; field?: string }): Datatype {
  const header = optionNamed(table, name);
  return (header && field !== undefined ? optionField(header, field)?.type : undefined) ?? types.integer;
}

/**
 * Packets here have neither IPv6 extension headers nor IP options: asked whether one is there, the answer is no (a value of 0); a field of one
 * has no value. A mobility header is the packet's payload, whose fields are not modelled.
 */
export function absentPart(node: NftExthdr | NftIpOption, scope: Scope): Part {
  const option = 'exthdr' in node ? node.exthdr : node['ip option'];
  const datatype = optionType('exthdr' in node ? extensionHeaders : ipOptions, option);
  if (option.name === 'mh') return unmodelled(node, datatype, scope, [protocolIs(MOBILITY)]);
  if (option.field === undefined) return plainPart({ field: 'meta length', mask: 0 }, types.boolean);
  const never: Statement = {
    kind: 'lookup',
    key: [{ field: 'meta length' }],
    set: { type: ['integer'], elements: [] },
  };
  return plainPart({ field: 'meta length' }, datatype, [never]);
}
