/**
 * Statements of a rule, one after the other: matches in the order they are evaluated, then actions, then END. Each begins with
 *
 *   0    1     2      4
 *   | op |flags| size | argument ...
 *
 * and `size` bytes further the next one stands. Sizes are multiples of 8, so that 64-bit fields are aligned.
 */
@unmanaged
export class Statement {
  op: u8;
  flags: u8;
  size: u16;
  /** A number that most kinds need: a symbol, a protocol, a code. */
  argument: u32;
}

/** SADDR, DADDR. */
@unmanaged
export class PrefixTest {
  head: u64;
  hi: u64;
  lo: u64;
  maskHi: u64;
  maskLo: u64;
}

/** IIF, OIF: `argument` is the symbol of the name; 0: the first 16 bytes of the name are compared under a mask. */
@unmanaged
export class InterfaceTest {
  head: u64;
  name0: u64;
  name1: u64;
  mask0: u64;
  mask1: u64;
}

/** TCP, PORTS: `argument` holds the protocol; `parts` are bits of `PortTest`. */
@unmanaged
export class PortsTest {
  head: u64;
  sportFrom: u16;
  sportTo: u16;
  dportFrom: u16;
  dportTo: u16;
  parts: u8;
  mask: u8;
  set: u8;
  pad: u8;
  pad2: u32;
}

/** ICMP: `argument` holds the protocol. */
@unmanaged
export class IcmpTest {
  head: u64;
  type: u16;
  codeFrom: u8;
  codeTo: u8;
  pad: u32;
}

/** MULTIPORT: `argument` 0 source, 1 destination, 2 either; the ranges follow as pairs of u16. */
@unmanaged
export class MultiportTest {
  head: u64;
  count: u32;
  pad: u32;
}

/** MARK, CONNMARK, TOS, LENGTH, TTL, SET_MARK, SAVE_MARK ...: two numbers. */
@unmanaged
export class PairStatement {
  head: u64;
  first: u32;
  second: u32;
}

/** CONNTRACK: `argument` holds bits of `CtTest`; prefixes in the order orig src, orig dst, repl src, repl dst. */
@unmanaged
export class ConntrackTest {
  head: u64;
  states: u16;
  protocol: u16;
  status: u32;
  ports0: u32;
  ports1: u32;
  ports2: u32;
  ports3: u32;
}

/** One prefix of a CONNTRACK or IPRANGE test: value and mask, or first and last address. */
@unmanaged
export class AddressPair {
  hi: u64;
  lo: u64;
  hi2: u64;
  lo2: u64;
}

/** PHYSDEV: `argument` holds bits of `PhysTest`. */
@unmanaged
export class PhysdevTest {
  head: u64;
  in0: u64;
  in1: u64;
  inMask0: u64;
  inMask1: u64;
  out0: u64;
  out1: u64;
  outMask0: u64;
  outMask1: u64;
}

/** RECENT: `argument` is the symbol of the list. */
@unmanaged
export class RecentTest {
  head: u64;
  maskHi: u64;
  maskLo: u64;
  seconds: u32;
  hitcount: u32;
  action: u8;
  flags: u8;
  pad: u16;
  pad2: u32;
}

/** SET, SET_ADD, SET_DEL: `argument` is the symbol of the set. */
@unmanaged
export class SetStatement {
  head: u64;
  dimensions: u32;
  /** Bit i: dimension i takes the source. */
  source: u32;
  /** SET_ADD: seconds + 1 where the rule says; 0: the set's own. */
  timeout: u32;
  /** 1: `--exist`. */
  exist: u32;
}

/** MAC. */
@unmanaged
export class MacTest {
  head: u64;
  mac: u64;
}

/** OWNER: `argument` holds bits of `OwnerTest`. */
@unmanaged
export class OwnerTestRecord {
  head: u64;
  uidFrom: u32;
  uidTo: u32;
  gidFrom: u32;
  gidTo: u32;
}

/** DNAT, SNAT, MASQUERADE, REDIRECT: `argument` holds bits of `NatFlag`. */
@unmanaged
export class NatStatement {
  head: u64;
  fromHi: u64;
  fromLo: u64;
  toHi: u64;
  toLo: u64;
  portFrom: u16;
  portTo: u16;
  pad: u32;
}

export const STATEMENT_SIZE: u32 = offsetof<Statement>();
export const PREFIX_TEST_SIZE: u32 = offsetof<PrefixTest>();
export const INTERFACE_TEST_SIZE: u32 = offsetof<InterfaceTest>();
export const PORTS_TEST_SIZE: u32 = offsetof<PortsTest>();
export const ICMP_TEST_SIZE: u32 = offsetof<IcmpTest>();
export const MULTIPORT_TEST_SIZE: u32 = offsetof<MultiportTest>();
export const PAIR_SIZE: u32 = offsetof<PairStatement>();
export const CONNTRACK_TEST_SIZE: u32 = offsetof<ConntrackTest>();
export const ADDRESS_PAIR_SIZE: u32 = offsetof<AddressPair>();
export const PHYSDEV_TEST_SIZE: u32 = offsetof<PhysdevTest>();
export const RECENT_TEST_SIZE: u32 = offsetof<RecentTest>();
export const SET_STATEMENT_SIZE: u32 = offsetof<SetStatement>();
export const MAC_TEST_SIZE: u32 = offsetof<MacTest>();
export const OWNER_TEST_SIZE: u32 = offsetof<OwnerTestRecord>();
export const NAT_STATEMENT_SIZE: u32 = offsetof<NatStatement>();
