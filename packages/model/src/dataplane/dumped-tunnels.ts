/** Tunnels of dumped hosts: where their outer packets go, and whether that is in the dumps. */
import type { Link, LinkKind, Netns } from '@podwire/engine';
import { hostPart } from '../net/cidr.ts';
import type { Problem } from '../problem.ts';
import { canonical } from './beyond.ts';
import type { NodeState } from './node-state.ts';

const WALKED: ReadonlySet<LinkKind> = new Set([
  'vxlan',
  'geneve',
  'gretap',
  'gre',
  'ipip',
  'sit',
  'ip6tnl',
  'wireguard',
] satisfies LinkKind[]);

/** A tunnel whose outer packets the machine walks. */
export const isWalkedKind = ({ kind, tunnel }: Link): boolean =>
  WALKED.has(kind) && tunnel !== undefined && tunnel.unmodelled === undefined;

/** The node that has the address. */
export function nodeOf(address: string, nodes: ReadonlyMap<string, NodeState>): string | undefined {
  const wanted = canonical(address);
  for (const [name, { host }] of nodes) {
    if (host.addresses.some((own) => own.link !== 'lo' && canonical(hostPart(own.address)) === wanted)) return name;
  }
  return undefined;
}

export const toNoNode = (peer: Netns, tunnel: Link, outer: string): Problem => ({
  severity: 'warning',
  code: 'dump-tunnel',
  message: `${peer.name} sends by ${tunnel.name} to ${outer}, which is no node of the cluster: nobody answers there.`,
});

/** Gateways of routes by a link: where tunnels to anywhere send, if they stand for outer addresses. */
function gatewaysBy(host: Netns, link: string): string[] {
  const hops = host.tables
    .flatMap((table) => [...table.routes, ...(table.base?.routes ?? [])])
    .flatMap((r) => r.nexthops);
  return [...new Set(hops.flatMap((hop) => (hop.dev === link && hop.via !== undefined ? [hop.via] : [])))];
}

/** Outer addresses that a tunnel sends to. */
export function farAddresses(host: Netns, { name, kind, tunnel = {} }: Link): string[] {
  if (kind === 'wireguard') return (tunnel.peers ?? []).flatMap(({ endpoint }) => (endpoint ? [endpoint.address] : []));
  if (tunnel.remote !== undefined) return [tunnel.remote];
  if (kind === 'vxlan')
    return (host.fdb ?? []).flatMap(({ link, dst }) => (link === name && dst !== undefined ? [dst] : []));
  return kind === 'ipip' || kind === 'ip6tnl' ? gatewaysBy(host, name) : [];
}

/** Tunnels with another end in one of the hosts. What the others send is followed no farther than their link. */
export function joinedTunnels(hosts: readonly Netns[]): ReadonlySet<Link> {
  const owners = new Map<string, Netns[]>();
  for (const host of hosts)
    for (const { address, link } of host.addresses) {
      const text = link === 'lo' ? undefined : canonical(hostPart(address));
      if (text !== undefined) owners.set(text, [...(owners.get(text) ?? []), host]);
    }
  const isJoined = (host: Netns, link: Link) =>
    farAddresses(host, link)
      .flatMap((address) => owners.get(canonical(address) ?? '') ?? [])
      .some((other) => other !== host && other.links.some((far) => far.kind === link.kind && isWalkedKind(far)));
  return new Set(hosts.flatMap((host) => host.links.filter((link) => isWalkedKind(link) && isJoined(host, link))));
}
