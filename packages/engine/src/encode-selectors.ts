/** Keys of nftables: selectors in a row, each with what it does to its value (`assembly/layout/nft.ts`). */
import type { Place } from './encode-record.ts';
import { typeByLooks, wordsOf } from './encode-values.ts';
import { EngineError } from './errors.ts';
import { FibFlag, Field, SelectorFlag } from './nft-codes.ts';
import type { Statement } from './rule.ts';
import type { DataSource, Scalar, Selector, SetRef, ValueType } from './selector.ts';

type Plain = Exclude<Selector['field'], 'rt nexthop' | 'fib' | 'numgen' | 'jhash' | 'symhash' | 'unmodelled'>;

/** Number, type and size of each field; `n`: in network order. Addresses of connections take their type from what they are compared with. */
const FIELDS: Readonly<Record<Plain, readonly [Field, ValueType | undefined, bytes: number, order?: 'n']>> = {
  'ether saddr': [Field.ETHER_SADDR, 'ether_addr', 6, 'n'],
  'ether daddr': [Field.ETHER_DADDR, 'ether_addr', 6, 'n'],
  'ether type': [Field.ETHER_TYPE, 'integer', 2, 'n'],
  'ip saddr': [Field.IP_SADDR, 'ipv4_addr', 4, 'n'],
  'ip daddr': [Field.IP_DADDR, 'ipv4_addr', 4, 'n'],
  'ip protocol': [Field.IP_PROTOCOL, 'integer', 1],
  'ip ttl': [Field.IP_TTL, 'integer', 1],
  'ip tos': [Field.IP_TOS, 'integer', 1],
  'ip length': [Field.IP_LENGTH, 'integer', 2, 'n'],
  'ip version': [Field.IP_VERSION, 'integer', 1],
  'ip hdrlength': [Field.IP_HDRLENGTH, 'integer', 1],
  'ip frag-off': [Field.IP_FRAG_OFF, 'integer', 2, 'n'],
  'ip6 saddr': [Field.IP6_SADDR, 'ipv6_addr', 16, 'n'],
  'ip6 daddr': [Field.IP6_DADDR, 'ipv6_addr', 16, 'n'],
  'ip6 nexthdr': [Field.IP6_NEXTHDR, 'integer', 1],
  'ip6 hoplimit': [Field.IP6_HOPLIMIT, 'integer', 1],
  'ip6 tclass': [Field.IP6_TCLASS, 'integer', 1],
  'ip6 length': [Field.IP6_LENGTH, 'integer', 2, 'n'],
  'ip6 version': [Field.IP6_VERSION, 'integer', 1],
  'th sport': [Field.TH_SPORT, 'integer', 2, 'n'],
  'th dport': [Field.TH_DPORT, 'integer', 2, 'n'],
  'tcp flags': [Field.TCP_FLAGS, 'integer', 1],
  'udp length': [Field.UDP_LENGTH, 'integer', 2, 'n'],
  'icmp type': [Field.ICMP_TYPE, 'integer', 1],
  'icmp code': [Field.ICMP_CODE, 'integer', 1],
  'icmp id': [Field.ICMP_ID, 'integer', 2, 'n'],
  'arp htype': [Field.ARP_HTYPE, 'integer', 2, 'n'],
  'arp ptype': [Field.ARP_PTYPE, 'integer', 2, 'n'],
  'arp hlen': [Field.ARP_HLEN, 'integer', 1],
  'arp plen': [Field.ARP_PLEN, 'integer', 1],
  'arp operation': [Field.ARP_OPERATION, 'integer', 2, 'n'],
  'arp saddr ether': [Field.ARP_SADDR_ETHER, 'ether_addr', 6, 'n'],
  'arp daddr ether': [Field.ARP_DADDR_ETHER, 'ether_addr', 6, 'n'],
  'arp saddr ip': [Field.ARP_SADDR_IP, 'ipv4_addr', 4, 'n'],
  'arp daddr ip': [Field.ARP_DADDR_IP, 'ipv4_addr', 4, 'n'],
  'meta length': [Field.META_LENGTH, 'integer', 4],
  'meta protocol': [Field.META_PROTOCOL, 'integer', 2, 'n'],
  'meta nfproto': [Field.META_NFPROTO, 'integer', 1],
  'meta l4proto': [Field.META_L4PROTO, 'integer', 1],
  'meta mark': [Field.META_MARK, 'integer', 4],
  'meta iif': [Field.META_IIF, 'integer', 4],
  'meta oif': [Field.META_OIF, 'integer', 4],
  'meta iifname': [Field.META_IIFNAME, 'ifname', 16],
  'meta oifname': [Field.META_OIFNAME, 'ifname', 16],
  'meta iiftype': [Field.META_IIFTYPE, 'integer', 2],
  'meta oiftype': [Field.META_OIFTYPE, 'integer', 2],
  'meta iifkind': [Field.META_IIFKIND, 'ifname', 16],
  'meta oifkind': [Field.META_OIFKIND, 'ifname', 16],
  'meta ibrname': [Field.META_IBRNAME, 'ifname', 16],
  'meta obrname': [Field.META_OBRNAME, 'ifname', 16],
  'meta pkttype': [Field.META_PKTTYPE, 'integer', 1],
  'meta skuid': [Field.META_SKUID, 'integer', 4],
  'meta skgid': [Field.META_SKGID, 'integer', 4],
  'meta ibrhwaddr': [Field.META_IBRHWADDR, 'ether_addr', 6, 'n'],
  'ct state': [Field.CT_STATE, 'integer', 4],
  'ct status': [Field.CT_STATUS, 'integer', 4],
  'ct direction': [Field.CT_DIRECTION, 'integer', 1],
  'ct mark': [Field.CT_MARK, 'integer', 4],
  'ct zone': [Field.CT_ZONE, 'integer', 2],
  'ct original zone': [Field.CT_ORIGINAL_ZONE, 'integer', 2],
  'ct reply zone': [Field.CT_REPLY_ZONE, 'integer', 2],
  'ct l3proto': [Field.CT_L3PROTO, 'integer', 1],
  'ct protocol': [Field.CT_PROTOCOL, 'integer', 1],
  'ct original saddr': [Field.CT_ORIGINAL_SADDR, undefined, 0, 'n'],
  'ct original daddr': [Field.CT_ORIGINAL_DADDR, undefined, 0, 'n'],
  'ct original proto-src': [Field.CT_ORIGINAL_SPORT, 'integer', 2, 'n'],
  'ct original proto-dst': [Field.CT_ORIGINAL_DPORT, 'integer', 2, 'n'],
  'ct reply saddr': [Field.CT_REPLY_SADDR, undefined, 0, 'n'],
  'ct reply daddr': [Field.CT_REPLY_DADDR, undefined, 0, 'n'],
  'ct reply proto-src': [Field.CT_REPLY_SPORT, 'integer', 2, 'n'],
  'ct reply proto-dst': [Field.CT_REPLY_DPORT, 'integer', 2, 'n'],
};

const FIB_RESULTS = { type: Field.FIB_TYPE, oif: Field.FIB_OIF, oifname: Field.FIB_OIFNAME };
const FIB_FLAGS = {
  saddr: FibFlag.SADDR,
  daddr: FibFlag.DADDR,
  mark: FibFlag.MARK,
  iif: FibFlag.IIF,
  oif: FibFlag.OIF,
};

/** Components of a key, at most (`NFT_REG32_COUNT` registers hold no more that we meet). */
const MOST = 8;
/** Keys inside keys. */
const DEEPEST = 3;

/** Number of a header field, as a statement that writes it names it. */
export const fieldOf = (field: Plain): Field => FIELDS[field][0];

/** Type of a selector's values; undefined where what it is compared with says so. */
export function typeOf(selector: Selector): ValueType | undefined {
  switch (selector.field) {
    case 'rt nexthop':
      return selector.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    case 'fib':
      return selector.result === 'oifname' ? 'ifname' : 'integer';
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return 'integer';
    case 'unmodelled':
      return selector.type;
    default:
      return FIELDS[selector.field][1];
  }
}

/** Nobody knows it where the packet does not say. */
const isOwner = (field: Selector['field']): boolean => field === 'meta skuid' || field === 'meta skgid';

const isChance = ({ field }: Selector): boolean =>
  field === 'numgen' || field === 'symhash' || field === 'unmodelled' || isOwner(field);

/** May the key be a choice point? */
export const hasChance = (key: readonly Selector[]): boolean =>
  key.some(
    (selector) =>
      isChance(selector) || (selector.field === 'jhash' && (selector.seed === undefined || hasChance(selector.key))),
  );

/** Does the key ask conntrack? */
export const asksConntrack = (key: readonly Selector[]): boolean =>
  key.some(
    (selector) => selector.field.startsWith('ct ') || (selector.field === 'jhash' && asksConntrack(selector.key)),
  );

/** All keys of a value's source. */
export const keyOf = (source: DataSource): readonly Selector[] => (source.kind === 'value' ? [] : source.key);

const mapOf = (source: DataSource | undefined): SetRef[] => (source?.kind === 'map' ? [source.map] : []);

/** The nftables sets and maps that a statement asks for or changes. */
export function setsOfStatement(statement: Statement): SetRef[] {
  switch (statement.kind) {
    case 'lookup':
      return [statement.set];
    case 'verdict-map':
      return [statement.map];
    case 'set-meta':
    case 'set-header':
    case 'nat-to':
      return mapOf(statement.value);
    case 'set-update':
      return [statement.set, ...mapOf(statement.data)];
    default:
      return [];
  }
}

function putBits(place: Place, at: number, selector: Selector, type: ValueType): number {
  const { abi, arena } = place.encoding;
  const { mask, xor, shift } = selector;
  if (mask === undefined && xor === undefined && !shift) return 0;
  const words = (value: Scalar) => wordsOf(place, typeof value === 'number' ? 'integer' : type, value);
  arena.putWords(
    at + abi.SELECTOR_MASK,
    mask === undefined ? [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff] : words(mask),
  );
  if (xor !== undefined) arena.putWords(at + abi.SELECTOR_XOR, words(xor));
  arena.u8[at + abi.SELECTOR_SHIFT] = (shift ?? 0) & 255;
  return SelectorFlag.BITWISE;
}

function putSelector(place: Place, at: number, selector: Selector, type: ValueType | undefined, nested: number): void {
  const { abi, arena, objects } = place.encoding;
  const put = (offset: number, value: number) => {
    arena.u32[(at + offset) >>> 2] = value;
  };
  let flags = 0;
  let field: Field;
  switch (selector.field) {
    case 'rt nexthop':
      field = Field.RT_NEXTHOP;
      put(abi.SELECTOR_BYTES, selector.family === 4 ? 4 : 16);
      flags |= SelectorFlag.NETWORK_ORDER;
      break;
    case 'fib':
      field = FIB_RESULTS[selector.result];
      put(
        abi.SELECTOR_BYTES,
        selector.flags.reduce((bits, flag) => bits | FIB_FLAGS[flag], 0),
      );
      break;
    case 'numgen':
      field = selector.mode === 'inc' ? Field.NUMGEN_INC : Field.NUMGEN_RANDOM;
      break;
    case 'jhash':
      field = Field.JHASH;
      if (selector.seed !== undefined) flags |= SelectorFlag.SEEDED;
      put(abi.SELECTOR_SEED, selector.seed ?? 0);
      put(abi.SELECTOR_KEY, nested);
      break;
    case 'symhash':
      field = Field.SYMHASH;
      break;
    case 'unmodelled':
      field = Field.UNMODELLED;
      objects.statements.set(at, { kind: 'unmodelled', text: selector.text });
      break;
    default: {
      const [number, , bytes, order] = FIELDS[selector.field];
      field = number;
      put(abi.SELECTOR_BYTES, bytes);
      if (isOwner(selector.field)) objects.statements.set(at, { kind: 'unmodelled', text: selector.field });
      if (order === 'n') flags |= SelectorFlag.NETWORK_ORDER;
    }
  }
  if (selector.field === 'numgen' || selector.field === 'jhash' || selector.field === 'symhash') {
    if (selector.mod < 1) throw new EngineError('BAD_VALUE', `${place.where}: ${selector.field} mod ${selector.mod}`);
    put(abi.SELECTOR_BYTES, 4);
    put(abi.SELECTOR_MOD, selector.mod);
    put(abi.SELECTOR_OFFSET, selector.offset);
    // Where each of them would be an alternative, and there are too many.
    objects.statements.set(at, { kind: 'unmodelled', text: `${selector.field} of more than 4096 values` });
  }
  flags |= putBits(place, at, selector, type ?? 'integer');
  arena.u8[at] = field;
  arena.u8[at + abi.SELECTOR_FAMILY] = type === 'ipv4_addr' ? 4 : type === 'ipv6_addr' ? 6 : 0;
  arena.u8[at + abi.SELECTOR_FLAGS] = flags;
}

/** Writes a key; `types` are those that its values are compared with. Returns its address. */
export function encodeKey(
  place: Place,
  key: readonly Selector[],
  types: readonly (ValueType | undefined)[] = [],
  depth = 0,
): number {
  const { abi, arena } = place.encoding;
  if (key.length === 0 || key.length > MOST || depth > DEEPEST)
    throw new EngineError('BAD_VALUE', `${place.where}: a key of ${key.length} parts`);
  const nested = key.map((selector) =>
    selector.field === 'jhash' ? encodeKey(place, selector.key, [], depth + 1) : 0,
  );
  const at = arena.alloc(abi.KEY_SIZE + key.length * abi.SELECTOR_SIZE);
  arena.u32[at >>> 2] = key.length;
  arena.u32[(at >>> 2) + 1] = hasChance(key) ? 1 : 0;
  for (const [i, selector] of key.entries()) {
    const type = typeOf(selector) ?? types[i] ?? (selector.mask === undefined ? undefined : typeByLooks(selector.mask));
    putSelector(place, at + abi.KEY_SIZE + i * abi.SELECTOR_SIZE, selector, type, nested[i] as number);
  }
  return at;
}
