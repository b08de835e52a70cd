/**
 * Nodes that are at their limits, as a question may assume: every port taken that a packet's source could be translated to, or every connection
 * tracked that a node may track (net.netfilter.nf_conntrack_max).
 */
import { type ConntrackEntry, type Machine, type Netns, type Network, type Packet, Protocol } from '@podwire/engine';
import { allPaths, type Path, type Send } from './paths.ts';

export type Full = 'ports' | 'table';

export interface FullNodes {
  full: Full;
  network: Network;
  /** Names of the nodes' own network namespaces. */
  nodes: ReadonlySet<string>;
}

/** Others' connections; nobody has these addresses (RFC 5737, RFC 3849). */
const SOMEBODY = { 4: '192.0.2.1', 6: '2001:db8:fffe::1' } as const;

interface Taken {
  netns: string;
  packet: Packet;
  /** The address that packets get there. */
  address: string;
  from: number;
  to: number;
}

/** Ports that stand in for one (nf_nat_core.c, `nf_nat_l4proto_unique_tuple`). */
function portRange(port: number): { from: number; to: number } {
  if (port < 512) return { from: 1, to: 511 };
  return port < 1024 ? { from: 600, to: 1023 } : { from: 1024, to: 65_535 };
}

/** Where sources are translated, with the packet as it leaves. */
function translated({ conversation: { there } }: Path, nodes: ReadonlySet<string>): Taken[] {
  const found: Taken[] = [];
  let packet: Packet | undefined;
  for (const step of there.steps) {
    if (step.kind === 'enter') packet = step.packet;
    if (step.kind !== 'nat' || step.binding || !packet) continue;
    if (step.manip === 'dst') packet = { ...packet, daddr: step.to.address, dport: step.to.port };
    else if (nodes.has(step.netns.name))
      found.push({
        netns: step.netns.name,
        packet,
        address: step.to.address,
        ...(step.anyPort ?? portRange(step.from.port)),
      });
  }
  return found;
}

function entry({ packet, address }: Omit<Taken, 'netns' | 'from' | 'to'>, port: number): ConntrackEntry {
  const { family, protocol, daddr, dport } = packet;
  return {
    family,
    protocol,
    original: { saddr: SOMEBODY[family], sport: port, daddr, dport },
    reply: { saddr: daddr, sport: dport, daddr: address, dport: port },
    ...(protocol === Protocol.TCP && { tcpState: 'ESTABLISHED' }),
    seenReply: true,
    assured: true,
    snat: true,
    dnat: false,
    mark: 0,
    zone: 0,
  };
}

const hasPorts = (protocol: number): boolean =>
  protocol === Protocol.TCP || protocol === Protocol.UDP || protocol === Protocol.SCTP;

function withPortsTaken({ network, nodes }: FullNodes, paths: readonly Path[]): Network {
  const more = new Map<string, Map<string, ConntrackEntry[]>>();
  for (const taken of paths.flatMap((path) => translated(path, nodes))) {
    const { netns, packet, address, from, to } = taken;
    if (!hasPorts(packet.protocol)) continue;
    const ofNode = more.get(netns) ?? new Map<string, ConntrackEntry[]>();
    more.set(netns, ofNode);
    const key = `${address} ${packet.daddr} ${packet.dport} ${packet.protocol}`;
    if (!ofNode.has(key))
      ofNode.set(
        key,
        Array.from({ length: to - from + 1 }, (_, i) => entry(taken, from + i)),
      );
  }
  return {
    netnses: network.netnses.map((netns): Netns => {
      const ofNode = more.get(netns.name);
      return ofNode ? { ...netns, conntrack: [...(netns.conntrack ?? []), ...[...ofNode.values()].flat()] } : netns;
    }),
  };
}

/** One connection stands for as many as the table takes: the limit is lowered to what is there. */
function withTablesFull({ network, nodes }: FullNodes): Network {
  return {
    netnses: network.netnses.map((netns): Netns => {
      if (!nodes.has(netns.name)) return netns;
      const other = { daddr: SOMEBODY[4], dport: 1, saddr: SOMEBODY[4], sport: 2 };
      const packet = { family: 4, protocol: Protocol.TCP, ...other } as Packet;
      const conntrack = [...(netns.conntrack ?? []), entry({ packet, address: SOMEBODY[4] }, 2)];
      return {
        ...netns,
        sysctls: { ...netns.sysctls, 'net.netfilter.nf_conntrack_max': conntrack.length },
        conntrack,
      };
    }),
  };
}

/** As `allPaths`, on nodes that are full. The machine holds another network than it did. */
export function pathsWhenFull(machine: Machine, send: Send, nodes: FullNodes): { paths: Path[]; complete: boolean } {
  if (nodes.full === 'table') machine.load(withTablesFull(nodes));
  else {
    machine.load(nodes.network);
    machine.load(withPortsTaken(nodes, allPaths(machine, send).paths));
  }
  return allPaths(machine, send);
}
