/** Tunnels: the outer packets of a link. */
import { formatAddress } from './address.ts';
import { addressOf, type Encoding, prefixOf } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Link, LinkKind, Tunnel, TunnelKind, WireguardPeer } from './link.ts';
import type { Netns } from './network.ts';
import type { PortClass, SourcePorts } from './source-ports.ts';
import { TunnelFlag, TunnelType } from './tunnel-codes.ts';

/** The kernel's own, where nobody says otherwise (RFC 8926 for Geneve). */
const PORTS: Partial<Record<TunnelKind, number>> = { vxlan: 8472, geneve: 6081 };
/** tnl.h: IPV6_DEFAULT_TNL_ENCAP_LIMIT comes with this hop limit. */
const IP6TNL_HOPS = 64;

const TYPES: Readonly<Partial<Record<LinkKind, TunnelType>>> = {
  vxlan: TunnelType.VXLAN,
  geneve: TunnelType.GENEVE,
  gretap: TunnelType.GRETAP,
  gre: TunnelType.GRE,
  ipip: TunnelType.IPIP,
  sit: TunnelType.SIT,
  ip6tnl: TunnelType.IP6TNL,
  wireguard: TunnelType.WIREGUARD,
};

const ETHERNET = 14;
const UDP_AND_VXLAN = 16;
/** UDP, and header, counter and authentication of a data message. */
const UDP_AND_WIREGUARD = 40;
const GRE_HEADER = 4;
const GRE_KEY = 4;
/** Destination options with the one that limits tunnels in tunnels. */
const ENCAP_LIMIT = 8;

const isUdp = (type: TunnelType) =>
  type === TunnelType.VXLAN || type === TunnelType.GENEVE || type === TunnelType.WIREGUARD;
const isGre = (type: TunnelType) => type === TunnelType.GRE || type === TunnelType.GRETAP;
const carriesFrames = (type: TunnelType) =>
  type === TunnelType.VXLAN || type === TunnelType.GENEVE || type === TunnelType.GRETAP;

/** Nobody can follow its packets. */
export const isUnfollowed = ({ tunnel }: Link): boolean => tunnel?.unmodelled !== undefined;

/** Its packets go into other packets. */
export const isTunnel = (link: Link): boolean =>
  TYPES[link.kind] !== undefined && !isUnfollowed(link) && link.segment === undefined;

/** A tunnel of packets: nobody is asked for link-layer addresses there. */
export function carriesPackets(link: Link): boolean {
  return isTunnel(link) && !carriesFrames(TYPES[link.kind] as TunnelType);
}

const portOf = (kind: LinkKind, { port }: Tunnel): number => port ?? PORTS[kind as TunnelKind] ?? 0;

/** Who holds the other end's address, by namespace; for tunnels that are made for each other. */
class Holders {
  #known: Map<string, number> | undefined;
  readonly #netnses: readonly Netns[];

  constructor(netnses: readonly Netns[]) {
    this.#netnses = netnses;
  }

  of(address: string, where: string): number | undefined {
    if (!this.#known) {
      this.#known = new Map();
      for (const [i, { addresses }] of this.#netnses.entries())
        for (const { address: text } of addresses) {
          const key = formatAddress(prefixOf(text, where));
          if (!this.#known.has(key)) this.#known.set(key, i);
        }
    }
    return this.#known.get(formatAddress(addressOf(address, where)));
  }
}

/** Tunnel ends that hear each other are taken for neighbours of one segment, between which frames go in packets. */
export class TunnelSegments {
  readonly #holders: Holders;
  readonly #netnsByName: ReadonlyMap<string, number>;

  constructor(netnses: readonly Netns[], netnsByName: ReadonlyMap<string, number>) {
    this.#holders = new Holders(netnses);
    this.#netnsByName = netnsByName;
  }

  /** `netns`: the number of the link's namespace. */
  of(link: Link, netns: number): string | undefined {
    const { kind, segment, tunnel = {}, peer } = link;
    if (!isTunnel(link)) return isUnfollowed(link) || peer ? undefined : segment;
    if (kind === 'vxlan') {
      // One socket, of one family (vxlan_sock_add).
      const six = [tunnel.local, tunnel.remote].some((own) => own?.includes(':'));
      return `\0vxlan${six ? 6 : ''} ${tunnel.id ?? 0} ${portOf(kind, tunnel)}`;
    }
    if (kind !== 'geneve' && kind !== 'gretap') return undefined;
    const other = tunnel.remote === undefined ? undefined : this.#holders.of(tunnel.remote, `link ${link.name}`);
    const own = tunnel.underlay === undefined ? netns : this.#netnsByName.get(tunnel.underlay);
    if (other === undefined || own === undefined) return undefined;
    return `\0${kind} ${Math.min(own, other)} ${Math.max(own, other)} ${kind === 'geneve' ? (tunnel.id ?? 0) : ''}`;
  }
}

/** What IPIP, SIT and ip6tnl carry (ipip_tunnel_xmit, sit_tunnel_xmit, ipxip6_tnl_xmit). */
function carried(type: TunnelType, mode: string | undefined): number {
  const both = TunnelFlag.CARRIES_4 | TunnelFlag.CARRIES_6;
  switch (mode) {
    case undefined:
      return type === TunnelType.IPIP ? TunnelFlag.CARRIES_4 : type === TunnelType.SIT ? TunnelFlag.CARRIES_6 : both;
    case 'any':
      return type === TunnelType.IPIP ? TunnelFlag.CARRIES_4 : both;
    case 'ipip':
    case 'ipip6':
      return TunnelFlag.CARRIES_4;
    case 'ip6ip':
    case 'ip6ip6':
      return TunnelFlag.CARRIES_6;
    default:
      return 0;
  }
}

function fragmentFlags(type: TunnelType, { df, pmtudisc }: Tunnel): number {
  if (type === TunnelType.VXLAN || type === TunnelType.GENEVE)
    return (df === 'set' ? TunnelFlag.DF : 0) | (df === 'inherit' ? TunnelFlag.INHERIT_DF : 0);
  if (type === TunnelType.WIREGUARD || type === TunnelType.IP6TNL) return 0;
  return TunnelFlag.INHERIT_DF_4 | (pmtudisc === false ? 0 : TunnelFlag.DF);
}

const inKeyOf = ({ id, ikey }: Tunnel): number | undefined =>
  ikey === undefined ? id : ikey === 'none' ? undefined : ikey;

function flagsOf(type: TunnelType, tunnel: Tunnel): number {
  const { tos, ttl, id, mode } = tunnel;
  const ofInner = !isUdp(type) && type !== TunnelType.IP6TNL && !ttl;
  return (
    (tos === 'inherit' ? TunnelFlag.INHERIT_TOS : 0) |
    (ttl === 'inherit' || ofInner ? TunnelFlag.INHERIT_TTL : 0) |
    fragmentFlags(type, tunnel) |
    (isGre(type) ? TunnelFlag.GRE : 0) |
    (isGre(type) && id !== undefined ? TunnelFlag.KEY : 0) |
    (isGre(type) && inKeyOf(tunnel) !== undefined ? TunnelFlag.IN_KEY : 0) |
    carried(type, mode) |
    (carriesFrames(type) ? TunnelFlag.FRAMES : 0) |
    (isUdp(type) ? TunnelFlag.UDP : TunnelFlag.ROUTE_MARK)
  );
}

/** Bytes between the outer IP header and the inner packet. */
function headerOf(type: TunnelType, { id, encapLimit }: Tunnel): number {
  const frame = carriesFrames(type) ? ETHERNET : 0;
  if (type === TunnelType.WIREGUARD) return UDP_AND_WIREGUARD;
  if (isUdp(type)) return UDP_AND_VXLAN + frame;
  if (isGre(type)) return GRE_HEADER + (id === undefined ? 0 : GRE_KEY) + frame;
  return type === TunnelType.IP6TNL && encapLimit !== 'none' ? ENCAP_LIMIT : 0;
}

function ttlOf(type: TunnelType, { ttl }: Tunnel): number {
  if (typeof ttl === 'number' && ttl > 0) return ttl;
  return type === TunnelType.IP6TNL ? IP6TNL_HOPS : 0;
}

/** The prefixes of all peers, the longest first: the first that holds an address is its peer's. */
function encodePeers({ abi, arena, tunnelKeys }: Encoding, peers: readonly WireguardPeer[], where: string) {
  const all = peers.flatMap((peer) => peer.allowedIps.map((text) => ({ peer, prefix: prefixOf(text, where) })));
  all.sort((a, b) => b.prefix.length - a.prefix.length);
  const first = arena.alloc(all.length * abi.ALLOWED_SIZE);
  for (const [i, { peer, prefix }] of all.entries()) {
    const at = first + i * abi.ALLOWED_SIZE;
    arena.putWords(at + abi.ALLOWED_PREFIX, prefix.words);
    arena.u8[at + abi.ALLOWED_FAMILY] = prefix.family;
    arena.u8[at + abi.ALLOWED_LENGTH] = prefix.length;
    arena.u32[(at + abi.ALLOWED_KEY) >>> 2] = peer.publicKey === undefined ? 0 : tunnelKeys.of(peer.publicKey);
    if (!peer.endpoint) continue;
    const { words, family } = addressOf(peer.endpoint.address, where);
    arena.putWords(at + abi.ALLOWED_ENDPOINT, words);
    arena.u8[at + abi.ALLOWED_ENDPOINT_FAMILY] = family;
    arena.u16[(at + abi.ALLOWED_PORT) >>> 1] = peer.endpoint.port;
  }
  return { first, count: all.length };
}

/** Classes of source ports: the first of each, and above it how many. */
function encodeClasses({ arena }: Encoding, classes: readonly PortClass[]): number {
  if (classes.length < 2) return 0;
  const at = arena.alloc(classes.length * 4);
  for (const [i, { first, count }] of classes.entries()) arena.u32[(at >>> 2) + i] = ((count << 16) | first) >>> 0;
  return at;
}

/** Writes what a link says of its outer packets; `netns` is the number of its namespace, `find` the address of a link by name. */
export function encodeTunnel(
  encoding: Encoding,
  { name, kind, tunnel = {} }: Link,
  netns: number,
  find: (netns: number, name: string) => number | undefined,
  sourcePorts: SourcePorts,
): number {
  const { abi, arena, objects, tunnelKeys } = encoding;
  const where = `link ${name} of network namespace ${objects.netnses[netns]?.name}`;
  const type = TYPES[kind] as TunnelType;
  const underlay = tunnel.underlay === undefined ? netns : objects.netnsByName.get(tunnel.underlay);
  if (underlay === undefined)
    throw new EngineError('UNKNOWN_NETNS', `${where}: no network namespace ${tunnel.underlay}`);
  const at = arena.alloc(abi.TUNNEL_SIZE);
  const put = (offset: number, value: number) => {
    arena.u32[(at + offset) >>> 2] = value;
  };
  const putShort = (offset: number, value: number) => {
    arena.u16[(at + offset) >>> 1] = value;
  };
  const address = (text: string | undefined, offset: number, family: number) => {
    if (text === undefined) return;
    const parsed = addressOf(text, where);
    arena.putWords(at + offset, parsed.words);
    arena.u8[at + family] = parsed.family;
  };
  address(tunnel.local, abi.TUNNEL_LOCAL, abi.TUNNEL_LOCAL_FAMILY);
  address(tunnel.remote, abi.TUNNEL_REMOTE, abi.TUNNEL_REMOTE_FAMILY);
  put(abi.TUNNEL_UNDERLAY, objects.netnsAt[underlay] as number);
  put(abi.TUNNEL_DEV, (tunnel.dev === undefined ? undefined : find(underlay, tunnel.dev)) ?? 0);
  put(abi.TUNNEL_ID, tunnel.id ?? 0);
  put(abi.TUNNEL_IN_KEY, inKeyOf(tunnel) ?? 0);
  put(abi.TUNNEL_MARK, tunnel.fwmark ?? 0);
  const peers = encodePeers(encoding, type === TunnelType.WIREGUARD ? (tunnel.peers ?? []) : [], where);
  put(abi.TUNNEL_PREFIXES, peers.first);
  put(abi.TUNNEL_PREFIX_COUNT, peers.count);
  put(abi.TUNNEL_KEY, tunnel.publicKey === undefined ? 0 : tunnelKeys.of(tunnel.publicKey));
  const port = isUdp(type) ? portOf(kind, tunnel) : 0;
  putShort(abi.TUNNEL_PORT, port);
  const isHashed = isUdp(type) && type !== TunnelType.WIREGUARD;
  const classes = isHashed ? sourcePorts.of(kind, objects.netnses[underlay]?.sysctls ?? {}) : [];
  putShort(abi.TUNNEL_SOURCE_PORT, classes[0]?.first ?? port);
  put(abi.TUNNEL_PORTS, encodeClasses(encoding, classes));
  put(abi.TUNNEL_PORT_COUNT, classes.length);
  putShort(abi.TUNNEL_FLAGS, flagsOf(type, tunnel));
  putShort(abi.TUNNEL_HEADER, headerOf(type, tunnel));
  arena.u8[at + abi.TUNNEL_TTL] = ttlOf(type, tunnel);
  arena.u8[at + abi.TUNNEL_TOS] = typeof tunnel.tos === 'number' ? tunnel.tos : 0;
  arena.u8[at + abi.TUNNEL_TYPE] = type;
  return at;
}
