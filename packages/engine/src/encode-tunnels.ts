/** Tunnels: the outer packets of a link. */
import { TunnelFlag } from './codes.ts';
import { addressOf, type Encoding } from './encoding.ts';
import { EngineError } from './errors.ts';
import type { Link, Tunnel } from './link.ts';
import type { Sysctls } from './sysctl.ts';

/** The kernel's own, where nobody says otherwise. */
const VXLAN_PORT = 8472;
const FIRST_LOCAL_PORT = 32768;

export const isTunnel = ({ kind }: Link): boolean => kind === 'vxlan';

/** Tunnel ends of one network are taken for neighbours of one segment, between which frames go in packets. */
export const segmentOf = ({ kind, segment, tunnel, peer }: Link): string | undefined => {
  if (kind === 'vxlan') return `\0vxlan ${tunnel?.id ?? 0} ${tunnel?.port ?? VXLAN_PORT}`;
  return peer ? undefined : segment;
};

/** The first of the ports that the kernel draws from (inet_get_local_port_range). */
function firstLocalPort(sysctls: Sysctls): number {
  const range = sysctls['net.ipv4.ip_local_port_range'];
  const first = Number(
    String(range ?? '')
      .trim()
      .split(/\s+/)[0],
  );
  return Number.isInteger(first) && first > 0 ? first : FIRST_LOCAL_PORT;
}

function flagsOf({ tos, ttl, df }: Tunnel): number {
  return (
    (tos === 'inherit' ? TunnelFlag.INHERIT_TOS : 0) |
    (ttl === 'inherit' ? TunnelFlag.INHERIT_TTL : 0) |
    (df === 'set' ? TunnelFlag.DF : 0) |
    (df === 'inherit' ? TunnelFlag.INHERIT_DF : 0)
  );
}

/** Writes what a link says of its outer packets; `netns` is the number of its namespace, `find` the address of a link by name. */
export function encodeTunnel(
  { abi, arena, objects }: Encoding,
  { name, tunnel = {} }: Link,
  netns: number,
  find: (netns: number, name: string) => number | undefined,
): number {
  const where = `link ${name} of network namespace ${objects.netnses[netns]?.name}`;
  if (tunnel.external) throw new EngineError('BAD_VALUE', `${where}: a tunnel in external mode is not modelled`);
  const underlay = tunnel.underlay === undefined ? netns : objects.netnsByName.get(tunnel.underlay);
  if (underlay === undefined)
    throw new EngineError('UNKNOWN_NETNS', `${where}: no network namespace ${tunnel.underlay}`);
  const at = arena.alloc(abi.TUNNEL_SIZE);
  const put = (offset: number, value: number) => {
    arena.u32[(at + offset) >>> 2] = value;
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
  arena.u16[(at + abi.TUNNEL_PORT) >>> 1] = tunnel.port ?? VXLAN_PORT;
  arena.u16[(at + abi.TUNNEL_SOURCE_PORT) >>> 1] = firstLocalPort(objects.netnses[underlay]?.sysctls ?? {});
  arena.u8[at + abi.TUNNEL_FLAGS] = flagsOf(tunnel);
  arena.u8[at + abi.TUNNEL_TTL] = typeof tunnel.ttl === 'number' ? tunnel.ttl : 0;
  arena.u8[at + abi.TUNNEL_TOS] = typeof tunnel.tos === 'number' ? tunnel.tos : 0;
  return at;
}
