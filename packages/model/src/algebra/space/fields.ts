/**
 * What a packet set can tell apart: the dimensions and where their bits stand. Every combination of bits means some packet, so that no
 * set has to leave impossible ones out: spare codes stand for a value that another code has too, and a test holds for all codes of a value.
 */

/** Bits of one field, the most significant first. */
export interface Field {
  name: string;
  /** The variable of the most significant bit; the others follow. */
  first: number;
  width: number;
}

/** IPv4 addresses stand in the first 32 bits. */
const ADDRESS_BITS = 128;
/** Names of interfaces as the kernel keeps them: 15 bytes, the first zero byte ends them (IFNAMSIZ, the 16th is always zero). */
export const NAME_BYTES = 15;
const NAME_BITS = NAME_BYTES * 8;

/**
 * In the order of the diagrams: what most rules test, and what other fields hang on, first. No set of fields that a chain of Services or
 * a firewall tests together stands far apart.
 */
const LAYOUT = [
  /** 0 IPv4, 1 IPv6. */
  ['family', 1],
  ['protocol', 8],
  ['iif', NAME_BITS],
  ['oif', NAME_BITS],
  ['daddr', ADDRESS_BITS],
  ['dport', 16],
  ['saddr', ADDRESS_BITS],
  ['sport', 16],
  ['icmp type', 8],
  ['icmp code', 8],
  ['icmp id', 16],
  /** With ECE and CWR, which iptables cannot test. */
  ['tcp flags', 8],
  /** A fragment that is not the first. */
  ['fragment', 1],
  ['tos', 8],
  ['ttl', 8],
  ['length', 16],
  /** An Ethernet header stands in front of it. */
  ['ethernet', 1],
  ['ether saddr', 48],
  ['physin', NAME_BITS],
  ['physout', NAME_BITS],
  // The connection, where the state says that there is one.
  /** 1: reply. */
  ['ct direction', 1],
  ['ct expected', 1],
  ['ct seen_reply', 1],
  ['ct assured', 1],
  ['ct confirmed', 1],
  ['ct snat', 1],
  ['ct dnat', 1],
  ['ct protocol', 8],
  ['ct original saddr', ADDRESS_BITS],
  ['ct original daddr', ADDRESS_BITS],
  ['ct reply saddr', ADDRESS_BITS],
  ['ct reply daddr', ADDRESS_BITS],
  ['ct original proto-src', 16],
  ['ct original proto-dst', 16],
  ['ct reply proto-src', 16],
  ['ct reply proto-dst', 16],
] as const;

export type FieldName = (typeof LAYOUT)[number][0];

/** Behind them, as they are met: what is no function of the fields above, one variable each, and further fields. */
export const FIRST_ATOM = 4096;
/** Behind those, last: what rules change on the way. Substituting them leaves all that stands above as it is. */
export const FIRST_CHANGEABLE = 1 << 24;

/** Three bits of state, then the marks. */
export const STATE_FIELD: Field = { name: 'ct state', first: FIRST_CHANGEABLE, width: 3 };
const FIRST_MARK = FIRST_CHANGEABLE + STATE_FIELD.width;

/** Bit `bit` (0 is the least significant) of the packet's mark; that of the connection's stands behind it, since rules copy one to the other. */
export const markVariable = (bit: number): number => FIRST_MARK + 2 * (31 - bit);
export const connmarkVariable = (bit: number): number => markVariable(bit) + 1;

function layOut(): ReadonlyMap<FieldName, Field> {
  let first = 0;
  return new Map(
    LAYOUT.map(([name, width]) => {
      const field = { name, first, width };
      first += width;
      return [name, field];
    }),
  );
}

export const FIELDS: ReadonlyMap<FieldName, Field> = layOut();

export function fieldOf(name: FieldName): Field {
  const field = FIELDS.get(name);
  if (!field) throw new Error(`no field ${name}`);
  return field;
}
