/**
 * The far ends of tunnels of packets that a dumped node sends by, on nodes that were not dumped: the mirror of the end that the dump shows, as
 * Calico (IPIP, WireGuard), kube-router and others make the same on every node.
 */
import type { Link, Netns, Route, Tunnel, WireguardPeer } from '@podwire/engine';
import type { NodeDump } from '../linux/node/index.ts';
import { hostPart, width } from '../net/cidr.ts';
import type { Problem } from '../problem.ts';
import type { CniCause } from './cause.ts';
import { farAddresses, isWalkedKind, nodeOf, toNoNode } from './dumped-tunnels.ts';
import type { NodeState } from './node-state.ts';

const MAIN = 254;
const KINDS = new Set<Link['kind']>(['ipip', 'gre', 'sit', 'ip6tnl', 'wireguard']);
const CAUSE: CniCause = {
  kind: 'cni',
  cni: 'tunnel',
  why: 'the other end of the tunnel, as the dump of its peer shows it',
};

interface PacketEnd {
  node: string;
  peer: Netns;
  tunnel: Link;
  /** Outer addresses: of the far end, and of the dumped node. */
  outer: string;
  own: string;
}

/** The address that outer packets of the dumped node have: the tunnel's, or one of the same family in the network of the nodes. */
function ownAddress(peer: Netns, { tunnel }: Link, outer: string): string | undefined {
  if (tunnel?.local !== undefined) return tunnel.local;
  const uplinks = new Set(peer.links.flatMap(({ name, master, segment }) => (segment ? [name, master] : [])));
  const found = peer.addresses.find((a) => uplinks.has(a.link) && a.address.includes(':') === outer.includes(':'));
  return found && hostPart(found.address);
}

function endsOf(peer: Netns, nodes: ReadonlyMap<string, NodeState>, problems: Problem[]): PacketEnd[] {
  const tunnels = peer.links.filter((link) => KINDS.has(link.kind) && isWalkedKind(link));
  return tunnels.flatMap((tunnel) =>
    farAddresses(peer, tunnel).flatMap((outer): PacketEnd[] => {
      const node = nodeOf(outer, nodes);
      const own = ownAddress(peer, tunnel, outer);
      if (node === undefined) problems.push(toNoNode(peer, tunnel, outer));
      return node === undefined || own === undefined || node === peer.name ? [] : [{ node, peer, tunnel, outer, own }];
    }),
  );
}

/** Routes of the far node that lead to the dumped one: those to its pods. */
function routesTo(host: Netns, { peer }: PacketEnd): Route[] {
  const direct = new Set(peer.addresses.map(({ address }) => hostPart(address)));
  const main = host.tables.filter((table) => table.id === MAIN);
  return main
    .flatMap((table) => [...table.routes, ...(table.base?.routes ?? [])])
    .filter((route) => route.nexthops.some(({ via }) => via !== undefined && direct.has(via)));
}

/** The dumped node as a peer: it may send, and is sent, what its pods and its own end have as addresses. */
function peerOf({ peer, tunnel, own }: PacketEnd, routes: readonly Route[]): WireguardPeer {
  const inside = peer.addresses.filter(({ link }) => link === tunnel.name).map(({ address }) => hostPart(address));
  const { publicKey, port = 0 } = tunnel.tunnel ?? {};
  return {
    ...(publicKey !== undefined && { publicKey }),
    endpoint: { address: own, port },
    allowedIps: [
      ...routes.map(({ destination }) => destination),
      ...inside.map((address) => `${address}/${width(address.includes(':') ? 6 : 4)}`),
    ],
  };
}

function mirrored(end: PacketEnd, before: Tunnel | undefined, routes: readonly Route[]): Tunnel {
  const { tunnel = {}, kind } = end.tunnel;
  if (kind === 'wireguard') {
    const there = tunnel.peers?.find(({ endpoint }) => endpoint?.address === end.outer);
    return {
      ...(there?.publicKey !== undefined && { publicKey: there.publicKey }),
      ...(there?.endpoint && { port: there.endpoint.port }),
      peers: [...(before?.peers ?? []), peerOf(end, routes)],
    };
  }
  const { mode, id, ikey, remote, pmtudisc, encapLimit } = tunnel;
  const sent = ikey === undefined ? id : ikey === 'none' ? undefined : ikey;
  return {
    ...(mode !== undefined && { mode }),
    ...(sent !== undefined && { id: sent }),
    ...(sent !== id && { ikey: id ?? ('none' as const) }),
    ...(remote !== undefined && { local: end.outer, remote: end.own }),
    ...(pmtudisc !== undefined && { pmtudisc }),
    ...(encapLimit !== undefined && { encapLimit }),
  };
}

/** A node with the far end of one tunnel, and its routes to the dumped node's pods through it. */
function withEnd(host: Netns, end: PacketEnd): Netns {
  const { name, kind, mtu, tunnel } = end.tunnel;
  const before = host.links.find((link) => link.name === name);
  // One tunnel leads to all dumped nodes, or has only one other end.
  if (before && (before.kind !== kind || (kind !== 'wireguard' && tunnel?.remote !== undefined))) return host;
  const routes = routesTo(host, end);
  const made: Link = {
    name,
    kind,
    ...(mtu !== undefined && { mtu }),
    tunnel: mirrored(end, before?.tunnel, routes),
    cause: CAUSE,
  };
  const toAll = tunnel?.remote === undefined && kind !== 'wireguard';
  const hop = { dev: name, ...(toAll && { via: end.own, onlink: true }) };
  const moved = routes.map((route): Route => ({ ...route, nexthops: [hop], cause: CAUSE }));
  return {
    ...host,
    links: [...host.links.filter((link) => link !== before), made],
    tables: host.tables.map((table) =>
      table.id === MAIN
        ? { ...table, routes: [...moved, ...table.routes.filter((route) => !routes.includes(route))] }
        : table,
    ),
  };
}

/** Changes the nodes in `changed`; those that were dumped have their own ends. */
export function addPacketEnds(
  changed: Map<string, Netns>,
  dumps: readonly NodeDump[],
  nodes: ReadonlyMap<string, NodeState>,
  dumped: ReadonlySet<string>,
  problems: Problem[],
): void {
  for (const { name } of dumps) {
    const peer = nodes.get(name)?.host;
    for (const end of peer ? endsOf(peer, nodes, problems) : []) {
      if (dumped.has(end.node)) continue;
      const host = changed.get(end.node) ?? (nodes.get(end.node) as NodeState).host;
      changed.set(end.node, withEnd(host, end));
    }
  }
}
