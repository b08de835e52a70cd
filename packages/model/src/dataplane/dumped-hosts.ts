/** Hosts as their dumps show them, without any Kubernetes object: plain Linux machines with a stand-in behind every link. */
import { addressesOf, type Link, type Netns } from '@podwire/engine';
import type { Cluster, Placed, Setting } from '../cluster/cluster.ts';
import type { NodeDump } from '../linux/node/index.ts';
import { hostPart } from '../net/cidr.ts';
import type { Node } from '../objects/kube.ts';
import { type Beyond, canonical, nameOf, networksAround, openEnds, routeTo, segmentOf, standIn } from './beyond.ts';
import { isWalkedKind, joinedTunnels } from './dumped-tunnels.ts';
import type { Dataplane, NetnsRole } from './node-state.ts';
import { EXTERNAL_ADDRESS } from './outside.ts';

/** No host can have this name: nothing is behind it. */
const NOWHERE = '@nowhere';

/** A node as the cluster knows it, with the addresses that others can answer to. */
function nodeOf(netns: Netns): Placed<Node> {
  const addresses = netns.addresses
    .filter(({ scope, link }) => link !== 'lo' && scope !== 'link' && scope !== 'host')
    .map(({ address }) => ({ type: 'InternalIP', address: hostPart(address) }));
  return {
    object: { apiVersion: 'v1', kind: 'Node', metadata: { name: netns.name }, spec: {}, status: { addresses } },
  };
}

/** All addresses of the dumped hosts, by the host that has them. */
function dumpedAddresses(hosts: readonly Netns[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const host of hosts) {
    for (const { address, link } of addressesOf(host)) {
      const text = canonical(hostPart(address));
      // Every host has its own loopback and link-local addresses.
      if (text !== undefined && link !== 'lo' && !/^fe80:/i.test(text) && !found.has(text)) found.set(text, host.name);
    }
  }
  return found;
}

const WHY = 'there are no Kubernetes objects: the nodes are plain Linux hosts';

function without<T>(value: T): Setting<T> {
  return { value, how: 'detected', why: WHY };
}

/** The cluster of an input that has none: its nodes are the dumped hosts, and nothing is assumed of it. */
export function hostsAsCluster(empty: Cluster, dumps: readonly NodeDump[]): Cluster {
  const hosts = dumps.flatMap((dump) => dump.netnses.map(({ netns }) => netns));
  return {
    ...empty,
    mode: 'snapshot',
    settings: {
      ...empty.settings,
      proxyMode: without('none'),
      podCIDRs: without([]),
      serviceCIDRs: without([]),
      cni: without('none'),
    },
    nodes: new Map(hosts.map((host) => [host.name, nodeOf(host)])),
    dumpedAddresses: dumpedAddresses(hosts),
    assumptions: [],
    problems: empty.problems.filter(({ code }) => code !== 'nothing-to-ask'),
  };
}

/** Neighbours that were learnt belong to machines that the stand-ins answer for; what is set by hand, and what failed, stays. */
function withoutLearnt(host: Netns, faces: ReadonlySet<string>): Netns['neighbors'] {
  return host.neighbors?.filter(
    ({ link, lladdr, state }) => !faces.has(link) || lladdr === undefined || state === 'failed',
  );
}

/** What stands behind a tunnel of packets sends frames to it all the same: it needs an address that no tunnel has. */
function withLowAddresses(host: Netns, number: number): Netns {
  const hex = (value: number) => (value & 255).toString(16).padStart(2, '0');
  const links = host.links.map((link, i) =>
    link.tunnel && link.mac === undefined
      ? { ...link, mac: `02:74:${hex(number >>> 8)}:${hex(number)}:${hex(i >>> 8)}:${hex(i)}` }
      : link,
  );
  return { ...host, links };
}

/** `asked`: the addresses a question names, which stand behind the link that the hosts' routes say. */
export function buildHosts(cluster: Cluster, read: readonly NodeDump[], asked: readonly string[]): Dataplane {
  const dumps = read.map((dump, n) => ({
    ...dump,
    netnses: dump.netnses.map((one, i) => ({ ...one, netns: withLowAddresses(one.netns, n * 256 + i) })),
  }));
  const joined = joinedTunnels(dumps.flatMap(({ netnses }) => netnses.map(({ netns }) => netns)));
  const isWalked = (link: Link) => joined.has(link) || !isWalkedKind(link);
  const all = dumps.flatMap(({ netnses }) => netnses);
  const enslaved = new Map(all.map((one) => [one.netns, one.enslaved]));
  const ends = openEnds({
    hosts: all.map(({ netns }) => netns),
    enslaved: (host) => enslaved.get(host) ?? new Set(),
    isWalked,
  });
  const networks = networksAround(ends);
  const behind = (address: string): Beyond | undefined => {
    for (const { netnses } of dumps) {
      for (const { netns } of netnses) {
        const dev = routeTo(netns, address)?.nexthops[0]?.dev;
        const found = networks.find((n) => n.ends.some(({ host, face }) => host === netns && face.name === dev));
        if (found) return found;
      }
    }
    return undefined;
  };
  const unowned = asked.filter((address) => !cluster.dumpedAddresses?.has(address));
  const byNetwork = new Map<Beyond, string[]>();
  for (const address of unowned) {
    const network = behind(address);
    if (network) byNetwork.set(network, [...(byNetwork.get(network) ?? []), address]);
  }
  const outside = behind(EXTERNAL_ADDRESS[4]) ?? networks[0];
  const standIns = networks.map((network) =>
    standIn(network, { asked: byNetwork.get(network) ?? [], ...(network === outside && { client: EXTERNAL_ADDRESS }) }),
  );
  const hosts = dumps.flatMap(({ netnses }) =>
    netnses.map(({ netns }): Netns => {
      const own = ends.filter(({ host }) => host === netns);
      const faces = new Set(own.map(({ face }) => face.name));
      const links = netns.links.map((link) => {
        const segment = segmentOf(networks, link);
        return segment === undefined ? link : { ...link, segment };
      });
      const neighbors = withoutLearnt(netns, faces);
      return { ...netns, links, ...(neighbors && { neighbors }) };
    }),
  );
  const nowhere: Netns = { name: NOWHERE, links: [], addresses: [], tables: [], sysctls: {}, netfilter: [] };
  const roles = new Map<string, NetnsRole>([[NOWHERE, { kind: 'external' }]]);
  for (const host of hosts) roles.set(host.name, { kind: 'node', node: cluster.nodes.get(host.name) as Placed<Node> });
  for (const network of networks) roles.set(network.netns, { kind: 'external', name: nameOf(network) });
  return {
    nodes: new Map(hosts.map((host) => [host.name, { name: host.name, host, pods: [] }])),
    gateway: nowhere,
    external: standIns.find((netns) => netns.name === outside?.netns) ?? nowhere,
    outsideOf: (address) => behind(address)?.netns,
    netnsOfPod: new Map(),
    describe(netns) {
      const role = roles.get(netns);
      if (!role) throw new Error(`no network namespace is called ${netns}`);
      return role;
    },
    network: { netnses: [...hosts, ...standIns, nowhere] },
  };
}
