/**
 * The far ends of VXLAN tunnels that a dumped node sends by, on nodes that were not dumped: what the dump says of them (address, link-layer
 * address, the node behind it) is what those nodes would hold, as flannel and others set it up.
 */
import type { FdbEntry, Link, Neighbor, Netns, Route, RouteTable } from '@podwire/engine';
import type { NodeDump } from '../linux/node/index.ts';
import { hostPart } from '../net/cidr.ts';
import type { Problem } from '../problem.ts';
import type { CniCause } from './cause.ts';
import { nodeOf, toNoNode } from './dumped-tunnels.ts';
import type { NodeState } from './node-state.ts';
import { addPacketEnds } from './packet-ends.ts';

const MAIN = 254;
const CAUSE: CniCause = {
  kind: 'cni',
  cni: 'VXLAN',
  why: 'the other end of the tunnel, as the dump of its peer shows it',
};

/** What a dump says of one far end. */
interface FarEnd {
  node: string;
  /** The dumped node, whose pods are behind the tunnel from there. */
  peer: Netns;
  tunnel: Link;
  mac: string;
  /** Address of the far end inside the tunnel. */
  address: string;
  /** And of the outer packets. */
  outer: string;
}

function endsOf(peer: Netns, nodes: ReadonlyMap<string, NodeState>, problems: Problem[]): FarEnd[] {
  return peer.links.flatMap((tunnel) => {
    if (tunnel.kind !== 'vxlan') return [];
    return (peer.fdb ?? []).flatMap((entry): FarEnd[] => {
      if (entry.link !== tunnel.name || entry.dst === undefined || /^00(:00){5}$/.test(entry.mac)) return [];
      const node = nodeOf(entry.dst, nodes);
      if (node === undefined) {
        problems.push(toNoNode(peer, tunnel, entry.dst));
        return [];
      }
      const neighbor = peer.neighbors?.find((n) => n.link === tunnel.name && n.lladdr?.toLowerCase() === entry.mac);
      return neighbor ? [{ node, peer, tunnel, mac: entry.mac, address: neighbor.address, outer: entry.dst }] : [];
    });
  });
}

/** Routes of a node to the pods of the dumped one lead through the tunnel, where the node has one. */
function throughTunnel(host: Netns, { peer, tunnel }: FarEnd): RouteTable[] {
  const vtep = peer.addresses.find(({ link, address }) => link === tunnel.name && !address.includes(':'));
  const direct = new Set(peer.addresses.map(({ address }) => hostPart(address)));
  if (!vtep) return host.tables;
  return host.tables.map((table) => {
    if (table.id !== MAIN) return table;
    const known = [...table.routes, ...(table.base?.routes ?? [])];
    const moved = known.filter((route) => route.nexthops.some((hop) => hop.via !== undefined && direct.has(hop.via)));
    const routes = moved.map(
      (route): Route => ({
        ...route,
        nexthops: [{ dev: tunnel.name, via: hostPart(vtep.address), onlink: true }],
        cause: CAUSE,
      }),
    );
    return { ...table, routes: [...routes, ...table.routes.filter((route) => !moved.includes(route))] };
  });
}

/** What the far node knows of the dumped one's end. */
function wayBack({ peer, tunnel }: FarEnd): { neighbors: Neighbor[]; fdb: FdbEntry[] } {
  const { name: link, mac: lladdr } = tunnel;
  const dst = tunnel.tunnel?.local;
  if (lladdr === undefined) return { neighbors: [], fdb: [] };
  const inside = peer.addresses.filter((own) => own.link === link).map(({ address }) => hostPart(address));
  return {
    neighbors: inside.map((address) => ({ link, address, lladdr, cause: CAUSE })),
    fdb: dst === undefined ? [] : [{ link, mac: lladdr, dst, cause: CAUSE }],
  };
}

/** The nodes that get a tunnel, as they are with it. Nodes that were dumped have their own. */
export function farEnds(
  dumps: readonly NodeDump[],
  nodes: ReadonlyMap<string, NodeState>,
  dumped: ReadonlySet<string>,
  problems: Problem[],
): Netns[] {
  const changed = new Map<string, Netns>();
  for (const { name } of dumps) {
    const peer = nodes.get(name)?.host;
    for (const end of peer ? endsOf(peer, nodes, problems) : []) {
      if (dumped.has(end.node)) continue;
      const host = changed.get(end.node) ?? (nodes.get(end.node) as NodeState).host;
      const { name: link, tunnel, mtu } = end.tunnel;
      const has = host.links.some((l) => l.name === link);
      const { id, port } = tunnel ?? {};
      const made: Link = {
        name: link,
        kind: 'vxlan',
        mac: end.mac,
        ...(mtu !== undefined && { mtu }),
        tunnel: {
          ...(id !== undefined && { id }),
          local: end.outer,
          ...(port !== undefined && { port }),
          learning: false,
        },
        cause: CAUSE,
      };
      const back = wayBack(end);
      changed.set(end.node, {
        ...host,
        links: has ? host.links : [...host.links, made],
        addresses: has ? host.addresses : [...host.addresses, { link, address: `${end.address}/32`, cause: CAUSE }],
        tables: throughTunnel(host, end),
        neighbors: [...(host.neighbors ?? []), ...back.neighbors],
        fdb: [...(host.fdb ?? []), ...back.fdb],
      });
    }
  }
  addPacketEnds(changed, dumps, nodes, dumped, problems);
  return [...changed.values()];
}
