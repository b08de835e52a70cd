/** What `codes.ts` is for tests of iptables. Compiled by AssemblyScript and by esbuild alike. */

/** Parts of an OWNER test; inverted ones 4 bits further up. */
export enum OwnerTest {
  UID = 1,
  GID = 2,
  SOCKET = 4,
  SUPPL = 256,
}

/** Bits of an RPFILTER test. */
export enum ReverseTest {
  LOOSE = 1,
  VALID_MARK = 2,
  ACCEPT_LOCAL = 4,
}

/** Whose socket a packet has. */
export enum SocketOf {
  NONE = 0,
  /** The stack's own, or none: resets, errors, echoes. */
  STACK = 1,
  PROCESS = 2,
}

export enum RecentAction {
  SET = 0,
  RCHECK = 1,
  UPDATE = 2,
  REMOVE = 3,
}

export enum RecentFlag {
  DEST = 1,
  REAP = 2,
  RTTL = 4,
}

/** Parts of `-m iprange`; the inversion of part `p` is bit `p << 4`. */
export enum RangeTest {
  SRC = 1,
  DST = 2,
}

export enum TtlOp {
  EQ = 0,
  NE = 1,
  LT = 2,
  GT = 3,
}

/** Parts of `-m physdev`; the inversion of part `p` is bit `p << 8`. */
export enum PhysTest {
  IN = 1,
  OUT = 2,
  IS_IN = 4,
  IS_OUT = 8,
  IS_BRIDGED = 16,
}
