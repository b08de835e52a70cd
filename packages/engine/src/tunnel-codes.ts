/** Numbers of tunnels that cross the WASM boundary; compiled by AssemblyScript and by esbuild alike, like `codes.ts`. */

/** Kinds of tunnels. */
export enum TunnelType {
  VXLAN = 1,
  GENEVE = 2,
  GRETAP = 3,
  GRE = 4,
  IPIP = 5,
  SIT = 6,
  IP6TNL = 7,
  WIREGUARD = 8,
}

/** Bits of a tunnel. */
export enum TunnelFlag {
  INHERIT_TOS = 1,
  INHERIT_TTL = 2,
  DF = 4,
  /** DF as the inner packet has it; IPv6 counts as having it. */
  INHERIT_DF = 8,
  /** DF where an inner packet of IPv4 has it, too. */
  INHERIT_DF_4 = 16,
  KEY = 32,
  IN_KEY = 64,
  CARRIES_4 = 128,
  CARRIES_6 = 256,
  /** Of ethernet frames. */
  FRAMES = 512,
  UDP = 1024,
  GRE = 2048,
  /** The outer packet is routed by the tunnel's mark. */
  ROUTE_MARK = 4096,
}
