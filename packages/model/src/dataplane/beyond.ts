/**
 * What is behind the links of a dumped host. The dump does not say, so that each link gets a stand-in: it has the addresses of the gateways
 * and of the question, answers for every other one, and sends whatever it is asked back by the same link.
 */
import {
  type Address,
  addressesOf,
  containsAddress,
  type Family,
  formatAddress,
  type Link,
  type Netns,
  parseAddress,
  parsePrefix,
  type Route,
} from '@podwire/engine';
import { hostPart, width } from '../net/cidr.ts';
import type { OutsideCause } from './cause.ts';
import { type Ground, groundsOf, isPort } from './grounds.ts';

const MAIN = 254;
const LOCAL = 255;
const FAMILIES = [4, 6] as const;
const ANY: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };
/** The way back, where the host has no address on the link. */
const NAMELESS: Record<Family, string> = { 4: '169.254.254.1', 6: 'fe80::1' };

const CAUSE: OutsideCause = { kind: 'outside', why: 'stands for whatever is behind the link' };

/** An interface of a dumped host that has packets of its own, and the devices by which its frames leave. */
export interface End {
  host: Netns;
  face: Link;
  grounds: readonly Ground[];
}

/** Interfaces of one network, and what stands in for the rest of that network. */
export interface Beyond {
  /** Name of the network namespace that stands in. */
  netns: string;
  segment: string;
  /** VLAN of the network on the segment; 0: its frames have no tag. */
  tag: number;
  ends: End[];
}

/** Hosts whose devices lead to somewhere the dump does not show. */
export interface Around {
  hosts: readonly Netns[];
  /** Links that something commands of which nothing is known: they have no frames of their own. */
  enslaved(host: Netns): ReadonlySet<string>;
  /** Tunnels lead on by other links, but for those whose outer packets are not walked. */
  isWalked?(tunnel: Link): boolean;
}

/** The interfaces whose frames leave by devices that lead to somewhere the dump does not show. */
export function openEnds({ hosts, enslaved, isWalked = () => true }: Around): End[] {
  const isOpen = (host: Netns, port: Link) =>
    !port.peer &&
    port.up !== false &&
    port.carrier !== false &&
    (port.tunnel === undefined || !isWalked(port)) &&
    port.kind !== 'loopback' &&
    port.kind !== 'dummy' &&
    !enslaved(host).has(port.name);
  const terrain = { hosts: new Map(hosts.map((host) => [host.name, host])), isOpen };
  return hosts.flatMap((host) =>
    host.links.flatMap((face): End[] => {
      if (isPort(host, face)) return [];
      const grounds = groundsOf(terrain, host, face);
      return grounds.length > 0 ? [{ host, face, grounds }] : [];
    }),
  );
}

function isLinkLocal(address: string): boolean {
  return /^(fe[89ab]|169\.254\.)/i.test(address);
}

function familyOf(address: string): Family {
  return address.includes(':') ? 6 : 4;
}

function faceAddresses({ host, face }: End, family: Family): string[] {
  return host.addresses
    .filter(({ link, address }) => link === face.name && address.includes(':') === (family === 6))
    .map(({ address }) => address);
}

/** Gateways that the host's routes name behind the link. */
function gatewaysOf({ host, face }: End): string[] {
  const hops = host.tables.flatMap((table) => table.routes.flatMap((route) => route.nexthops));
  return hops.flatMap((hop) => (hop.dev === face.name && hop.via !== undefined ? [hop.via] : []));
}

/**
 * Route of the main table that the address is reached by; connected ones are better than those by a gateway of the same length. Tables of
 * VRFs know addresses of their own: there a longer prefix counts.
 */
export function routeTo(host: Netns, address: string): Route | undefined {
  const parsed = parseAddress(address);
  if (!parsed) return undefined;
  let best: Route | undefined;
  let length = -1;
  for (const id of [MAIN, ...host.links.flatMap(({ kind, table }) => (kind === 'vrf' && table ? [table] : []))]) {
    for (const route of host.tables.find((table) => table.id === id)?.routes ?? []) {
      const prefix = parsePrefix(route.destination);
      if (!prefix || route.family !== parsed.family || route.nexthops.length === 0) continue;
      if (prefix.length > length && containsAddress(prefix, parsed)) {
        best = route;
        length = prefix.length;
      }
    }
  }
  return best;
}

/** Prefers an address that others can answer to. */
function wayBack(end: End, family: Family): string | undefined {
  const own = faceAddresses(end, family).map(hostPart);
  const known = own.find((address) => !isLinkLocal(address)) ?? own[0];
  if (known !== undefined) return known;
  return end.face.mac === undefined ? undefined : NAMELESS[family];
}

function addressesFor(beyond: Beyond, asked: readonly string[]): Address[] {
  const taken = new Set(beyond.ends.flatMap(({ host }) => addressesOf(host).map(({ address }) => hostPart(address))));
  const wanted = [...beyond.ends.flatMap(gatewaysOf), ...asked];
  return [...new Set(wanted)].flatMap((text): Address[] => {
    const parsed = parseAddress(text);
    if (!parsed || taken.has(text)) return [];
    const link = isLinkLocal(text);
    return [{ link: 'eth0', address: `${text}/${width(parsed.family)}`, ...(link && { scope: 'link' }), cause: CAUSE }];
  });
}

function backRoutes(
  beyond: Beyond,
  client: Readonly<Partial<Record<Family, string>>>,
): { routes: Route[]; neighbors: NonNullable<Netns['neighbors']> } {
  const routes: Route[] = [];
  const neighbors: NonNullable<Netns['neighbors']> = [];
  for (const [index, end] of beyond.ends.entries()) {
    for (const family of FAMILIES) {
      const via = wayBack(end, family);
      if (via === undefined) continue;
      // Where several hosts share a network, each is asked for what it is connected to, and the first for all else.
      const others = end.host.tables
        .filter((table) => table.id === MAIN)
        .flatMap((table) => table.routes)
        .filter(
          (r) => r.family === family && r.nexthops.length > 0 && r.nexthops.every((hop) => hop.dev !== end.face.name),
        )
        .map((route) => route.destination)
        .filter((destination) => destination !== ANY[family]);
      const destinations = index === 0 ? [ANY[family], ...others] : others;
      for (const destination of new Set(destinations)) {
        routes.push({
          family,
          type: 'unicast',
          destination,
          ...(client[family] !== undefined && { prefsrc: client[family] }),
          nexthops: [{ dev: 'eth0', via, onlink: true }],
          cause: CAUSE,
        });
      }
      if (end.face.mac !== undefined) neighbors.push({ link: 'eth0', address: via, lladdr: end.face.mac });
    }
  }
  return { routes, neighbors };
}

/** Addresses of the hosts on the network are theirs alone: the stand-in must not answer for them. */
function exceptions(beyond: Beyond): Route[] {
  const own = beyond.ends.flatMap((end) => FAMILIES.flatMap((family) => faceAddresses(end, family).map(hostPart)));
  return [...new Set(own)].map((address): Route => {
    const family = familyOf(address);
    return { family, type: 'throw', destination: `${address}/${width(family)}`, nexthops: [], cause: CAUSE };
  });
}

export interface StandInTraits {
  /** Addresses of the question that lie behind this link. */
  asked: readonly string[];
  /** Where it stands for the outside as such: the address it sends from, unless a question names another. */
  client?: Readonly<Record<Family, string>>;
}

/** The client's addresses but those that a host on the network has itself. */
function freeClients(beyond: Beyond, client: StandInTraits['client']): Partial<Record<Family, string>> {
  const taken = new Set(beyond.ends.flatMap((end) => FAMILIES.flatMap((f) => faceAddresses(end, f).map(hostPart))));
  const free: Partial<Record<Family, string>> = {};
  for (const family of FAMILIES) {
    const address = client?.[family];
    if (address !== undefined && !taken.has(address)) free[family] = address;
  }
  return free;
}

function linksOf({ netns, segment, tag }: Beyond): Link[] {
  if (tag === 0) return [{ name: 'eth0', kind: 'device', segment, cause: CAUSE }];
  return [
    { name: 'wire', kind: 'device', segment, cause: CAUSE },
    { name: 'eth0', kind: 'vlan', vlanId: tag, lower: { netns, link: 'wire' }, cause: CAUSE },
  ];
}

export function standIn(beyond: Beyond, { asked, client }: StandInTraits): Netns {
  const free = freeClients(beyond, client);
  const { routes, neighbors } = backRoutes(beyond, free);
  const clients = Object.values(free).map((address): Address => {
    return { link: 'lo', address: `${address}/${width(familyOf(address))}`, scope: 'global', cause: CAUSE };
  });
  const everything = FAMILIES.map(
    (family): Route => ({
      family,
      type: 'local',
      destination: ANY[family],
      ...(family === 4 && { scope: 'host' }),
      nexthops: [{ dev: 'lo' }],
      cause: CAUSE,
    }),
  );
  return {
    name: beyond.netns,
    links: linksOf(beyond),
    addresses: [...addressesFor(beyond, asked), ...clients],
    tables: [
      { id: MAIN, routes },
      { id: LOCAL, routes: [...exceptions(beyond), ...everything] },
    ],
    rules: FAMILIES.flatMap((family) => [
      { family, priority: 10, iif: 'lo', action: { kind: 'lookup' as const, table: MAIN } },
      { family, priority: 100, action: { kind: 'lookup' as const, table: LOCAL } },
    ]),
    neighbors,
    sysctls: {},
    netfilter: [],
  };
}

/** Two hosts that have addresses of one subnet on a link each are on one network. */
function shareSubnet(a: End, b: End): boolean {
  if (a.host === b.host) return false;
  return FAMILIES.some((family) =>
    faceAddresses(a, family).some((one) => {
      const prefix = parsePrefix(one);
      if (!prefix || isLinkLocal(one) || prefix.length === width(family)) return false;
      return faceAddresses(b, family).some((other) => {
        const address = parseAddress(hostPart(other));
        return address !== undefined && containsAddress(prefix, address);
      });
    }),
  );
}

const tagOf = ({ grounds }: End): number => grounds[0]?.tag ?? 0;

/** Frames of both leave by one device in one VLAN. */
function shareGround(a: End, b: End): boolean {
  return a.grounds.some(({ port, tag }) => b.grounds.some((other) => other.port === port && other.tag === tag));
}

/** The networks around the dumped hosts, those of one wire on one segment. */
export function networksAround(ends: readonly End[]): Beyond[] {
  const found: Beyond[] = [];
  for (const end of ends) {
    const isOne = (other: End) => shareGround(end, other) || (tagOf(end) === tagOf(other) && shareSubnet(end, other));
    const same = found.find((network) => network.ends.some(isOne));
    if (same) same.ends.push(end);
    else {
      const name = `@${end.host.name}/${end.face.name}`;
      found.push({ netns: name, segment: name, tag: tagOf(end), ends: [end] });
    }
  }
  // Networks that share a device share its wire, and what they share others with.
  const bySegment = new Map<Link, string>();
  for (const network of found) {
    const ports = network.ends.flatMap(({ grounds }) => grounds.map(({ port }) => port));
    const joined = new Set(ports.flatMap((port) => bySegment.get(port) ?? []));
    const [segment = network.segment] = joined;
    for (const other of found) if (joined.has(other.segment)) other.segment = segment;
    for (const [port, name] of bySegment) if (joined.has(name)) bySegment.set(port, segment);
    for (const port of ports) bySegment.set(port, segment);
    network.segment = segment;
  }
  return found;
}

/** The segment that a device of a host is plugged into. */
export function segmentOf(networks: readonly Beyond[], port: Link): string | undefined {
  return networks.find(({ ends }) => ends.some(({ grounds }) => grounds.some((ground) => ground.port === port)))
    ?.segment;
}

/** How a stand-in is called in answers. */
export function nameOf({ ends }: Beyond): string {
  return `beyond ${ends.map(({ host, face }) => `${face.name} of ${host.name}`).join(' and ')}`;
}

/** Canonical text of an address; undefined for what is none. */
export function canonical(text: string): string | undefined {
  const parsed = parseAddress(text);
  return parsed && formatAddress(parsed);
}
