/** The network around one node in which the connections of a `kube-proxy-flows` run were made. */

import type { Address, Family, Link, Listener, Netns, Network, Route, RouteTable, Table } from '@podwire/engine';
import { formatPrefix, networkOf, parsePrefix } from '@podwire/engine';
import type { EndpointSlice } from '@podwire/model';

type ByFamily = Partial<Record<'4' | '6', string>>;

export interface Topology {
  /** Addresses of the node, one of each family. */
  node: string[];
  /** The node's own address in its pods' network. */
  gateway: ByFamily;
  /** A pod of this node that is no endpoint. */
  pod: ByFamily;
  otherPod: ByFamily;
  otherNode: ByFamily;
  outsideInRange: ByFamily;
  outside: ByFamily;
  router: ByFamily;
  /** Endpoint address -> who has it: pods of this node, the node itself, other nodes and their pods, outside. */
  endpointOwners: Record<string, 'pods' | 'node' | 'far' | 'ext'>;
}

/** Network namespace of each owner, and of each client. */
export const PLACES = {
  pods: 'pods',
  node: 'node',
  far: 'far',
  ext: 'world',
  pod: 'pod',
  'other-node': 'far',
  'other-pod': 'other-pod',
  outside: 'world',
  'outside-in-range': 'world',
} as const;

const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);
const host = (address: string) => `${address}/${familyOf(address) === 4 ? 32 : 128}`;
const everywhere = (family: Family) => (family === 4 ? '0.0.0.0/0' : '::/0');
const addressesOf = (role: ByFamily): string[] => Object.values(role).filter((address) => address !== undefined);

function route(destination: string, dev: string, via?: string): Route {
  return {
    family: familyOf(destination),
    type: 'unicast',
    destination,
    nexthops: [{ dev, ...(via !== undefined && { via }) }],
  };
}

function through(destinations: readonly string[], dev: string, gateways: readonly string[]): Route[] {
  return destinations.flatMap((destination) => {
    const gateway = gateways.find((address) => familyOf(address) === familyOf(destination));
    return gateway === undefined ? [] : [route(destination, dev, gateway)];
  });
}

/** The router's table for what comes back from the node. */
const LOST = 100;
const DEFAULTS = [everywhere(4), everywhere(6)];

function netns(name: string, links: Link[], addresses: Address[], routes: Route[]): Netns {
  const main: RouteTable = { id: 254, routes };
  return {
    name,
    links,
    addresses,
    tables: [main],
    sysctls: { 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 },
    netfilter: [],
    listeners: [],
  };
}

function veth(name: string, peerNetns: string, peerLink: string, master?: string): Link {
  return { name, kind: 'veth', peer: { netns: peerNetns, link: peerLink }, ...(master !== undefined && { master }) };
}

const on = (link: string, addresses: readonly string[]): Address[] =>
  addresses.map((address) => ({ link, address: address.includes('/') ? address : host(address) }));

/** A network namespace behind the node's bridge: each address alone, all else by the gateway. */
function behindBridge(name: string, port: string, addresses: readonly string[], gateways: readonly string[]): Netns {
  const toGateway = gateways.map((gateway) => route(host(gateway), 'eth0'));
  return netns(name, [veth('eth0', 'node', port)], on('eth0', addresses), [
    ...toGateway,
    ...through(DEFAULTS, 'eth0', gateways),
  ]);
}

/** On every endpoint address and port of the state a server listens. */
function listen(
  netnses: ReadonlyMap<string, Netns>,
  slices: readonly EndpointSlice[],
  { endpointOwners }: Topology,
): void {
  for (const { endpoints, ports } of slices) {
    for (const address of (endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? [])) {
      const owner = endpointOwners[address];
      const listeners = owner && netnses.get(PLACES[owner])?.listeners;
      for (const { port, protocol } of ports ?? []) {
        if (!listeners || typeof port !== 'number') continue;
        const listener: Listener = { protocol: protocol === 'UDP' ? 17 : protocol === 'SCTP' ? 132 : 6, address, port };
        listeners.push(listener);
      }
    }
  }
}

export interface Around {
  topology: Topology;
  slices: readonly EndpointSlice[];
  /** Addresses that clients ask for and that no network namespace has: all of them are sent to the node. */
  asked: readonly string[];
  tables: Table[];
  sysctls: Readonly<Record<string, string | number>>;
}

const NODE_NETWORK = { 4: 16, 6: 64 } as const;
const POD_NETWORK = { 4: 24, 6: 64 } as const;
const within = (address: string, lengths: Readonly<Record<Family, number>>) =>
  `${address}/${lengths[familyOf(address)]}`;

function networkText(address: string, lengths: Readonly<Record<Family, number>>): string {
  const prefix = parsePrefix(within(address, lengths));
  if (!prefix) throw new Error(`not an address: ${address}`);
  return formatPrefix(networkOf(prefix));
}

export function networkAround({ topology, slices, asked, tables, sysctls }: Around): Network {
  const owned = (owner: Topology['endpointOwners'][string]) =>
    Object.entries(topology.endpointOwners).flatMap(([address, by]) => (by === owner ? [address] : []));
  const gateways = addressesOf(topology.gateway);
  const routers = addressesOf(topology.router);
  const otherPods = addressesOf(topology.otherPod);
  const farNodes = addressesOf(topology.otherNode);
  const clients = [...addressesOf(topology.outside), ...addressesOf(topology.outsideInRange)];
  const far = owned('far').filter((address) => !farNodes.includes(address));
  const outside = [...new Set([...clients, ...owned('ext')])];
  const onSegment: Link = { name: 'eth0', kind: 'device', segment: 'nodes' };
  const toNode = asked.filter((address) => !topology.node.includes(address) && !gateways.includes(address)).map(host);
  const pods = [...owned('pods'), ...addressesOf(topology.pod)].map(host);
  // What belongs to the node's pods is asked of the node; what belongs to other nodes' pods, of those.
  const toPods = [...pods, ...gateways.map(host)];

  const node = netns(
    'node',
    [
      onSegment,
      { name: 'cni0', kind: 'bridge' },
      { ...veth('veth1', 'pod', 'eth0', 'cni0'), hairpin: true },
      { ...veth('veth2', 'pods', 'eth0', 'cni0'), hairpin: true },
    ],
    [
      ...on(
        'eth0',
        topology.node.map((address) => within(address, NODE_NETWORK)),
      ),
      ...on(
        'cni0',
        gateways.map((address) => within(address, POD_NETWORK)),
      ),
    ],
    [
      ...topology.node.map((address) => ({ ...route(networkText(address, NODE_NETWORK), 'eth0'), prefsrc: address })),
      ...gateways.map((address) => ({ ...route(networkText(address, POD_NETWORK), 'cni0'), prefsrc: address })),
      ...pods.map((address) => route(address, 'cni0')),
      ...through([...far, ...otherPods].map(host), 'eth0', farNodes),
      ...through(DEFAULTS, 'eth0', routers),
    ],
  );
  node.netfilter = tables;
  node.sysctls = { ...node.sysctls, ...sysctls };

  const nodeNetworks = (dev: string, addresses: readonly string[]) =>
    addresses.map((address) => route(networkText(address, NODE_NETWORK), dev));
  const otherNodes = netns(
    'far',
    [onSegment, veth('pod0', 'other-pod', 'eth0')],
    [
      ...on(
        'eth0',
        farNodes.map((address) => within(address, NODE_NETWORK)),
      ),
      ...on('eth0', far),
      // Who asks for a link's own address must find it on that link.
      ...on('pod0', farNodes),
    ],
    [
      ...nodeNetworks('eth0', farNodes),
      ...otherPods.map((address) => route(host(address), 'pod0')),
      ...through(DEFAULTS, 'eth0', topology.node),
    ],
  );
  const otherPod = netns('other-pod', [veth('eth0', 'far', 'pod0')], on('eth0', otherPods), [
    ...farNodes.map((address) => route(host(address), 'eth0')),
    ...through(DEFAULTS, 'eth0', farNodes),
  ]);
  // Between the outside and all pods stands the node, as in the recording; other nodes' own addresses are on the same link.
  const router = netns(
    'router',
    [onSegment, veth('world0', 'world', 'eth0')],
    [
      ...on(
        'eth0',
        routers.map((address) => within(address, NODE_NETWORK)),
      ),
      ...on('world0', routers),
    ],
    [
      ...nodeNetworks('eth0', routers),
      ...outside.map((address) => route(host(address), 'world0')),
      ...through([...toPods, ...toNode, ...[...far, ...otherPods].map(host)], 'eth0', topology.node),
    ],
  );
  // What the node claims for no rule of its own goes out to the router, and is not served: the recording's router sends it round until its
  // TTL ends, this one loses it.
  router.tables.push({
    id: LOST,
    routes: toNode.map((to) => ({ ...route(to, 'eth0'), type: 'blackhole', nexthops: [] })),
  });
  router.rules = ([4, 6] as const).flatMap((family) => [
    { family, priority: 0, action: { kind: 'lookup', table: 255 } } as const,
    { family, priority: 100, iif: 'eth0', action: { kind: 'lookup', table: LOST } } as const,
    { family, priority: 32766, action: { kind: 'lookup', table: 254 } } as const,
  ]);
  const world = netns('world', [veth('eth0', 'router', 'world0')], on('eth0', outside), [
    ...routers.map((address) => route(host(address), 'eth0')),
    ...through(DEFAULTS, 'eth0', routers),
  ]);
  const netnses = [
    node,
    behindBridge('pod', 'veth1', addressesOf(topology.pod), gateways),
    behindBridge('pods', 'veth2', owned('pods'), gateways),
    otherNodes,
    otherPod,
    router,
    world,
  ];
  listen(new Map(netnses.map((n) => [n.name, n])), slices, topology);
  return { netnses };
}
