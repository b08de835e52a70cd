/**
 * Nodes and pods of which a few things were dumped: a table of rules, some settings, the routes. What is shown takes the place of what was
 * compiled, the rest stays as podwire makes it. People in trouble seldom have more than such parts.
 */
import {
  containsAddress,
  type Link,
  type Netns,
  parseAddress,
  parsePrefix,
  type Route,
  type RouteTable,
  type Table,
} from '@podwire/engine';
import type { Assembled, DumpKind } from '../linux/node/index.ts';
import { hostPart } from '../net/cidr.ts';
import type { Problem } from '../problem.ts';
import { dumpedIpvs } from './dumped-ipvs.ts';
import type { NodeState } from './node-state.ts';

const MAIN = 254;
const FAMILIES = [4, 6] as const;

/** What shows links with their addresses; without these nothing else of a dump can stand alone. */
const SHOWS_LINKS: readonly DumpKind[] = ['ip-addr', 'ifconfig', 'if-inet6', 'proc-dev'];

/** Whether the dump is of parts: it has not the link with the node's address, and no other to go by. */
export function isPart(dumped: Assembled, own: readonly string[]): boolean {
  if (!SHOWS_LINKS.some((kind) => dumped.shown.has(kind))) return true;
  if (!dumped.netns.addresses.some(({ scope }) => scope !== 'host' && scope !== 'link')) return true;
  const links = new Set(dumped.netns.links.map(({ name }) => name));
  const has = dumped.netns.addresses.some(({ address }) => own.includes(hostPart(address)));
  return !has && dumped.routes.some(({ route }) => route.nexthops.some(({ dev }) => dev !== 'lo' && !links.has(dev)));
}

function routesOf(table: RouteTable | undefined): Route[] {
  if (!table) return [];
  const own = new Set(table.routes.map((route) => `${route.destination} ${route.metric ?? ''}`));
  const below = routesOf(table.base).filter((route) => !own.has(`${route.destination} ${route.metric ?? ''}`));
  return [...table.routes, ...below];
}

function isHost(destination: string, address: string): boolean {
  const prefix = parsePrefix(destination);
  const host = parseAddress(address);
  const bits = host?.family === 6 ? 128 : 32;
  return prefix?.length === bits && host?.family === prefix.family && containsAddress(prefix, host);
}

/** Bytes around each packet, by what the link is, else by what its name says. */
const OVERHEAD: readonly (readonly [RegExp, number])[] = [
  [/^(ipip|tunl)/, 20],
  [/^(gre|gretap)/, 24],
  [/^(vxlan|flannel\.|cilium_vxlan|geneve|cilium_geneve|antrea)/, 50],
  [/^(wireguard|wg|flannel-wg|cilium_wg)/, 60],
];

function overheadOf(name: string, kind: string | undefined): number {
  return OVERHEAD.find(([pattern]) => pattern.test(kind ?? '') || pattern.test(name))?.[1] ?? 0;
}

/** Whether all addresses of one prefix are of the other, too. */
function isWithin(inner: string, outer: string): boolean {
  const one = parsePrefix(inner);
  const other = parsePrefix(outer);
  return (
    one !== undefined &&
    other !== undefined &&
    one.family === other.family &&
    one.length >= other.length &&
    containsAddress(other, one)
  );
}

/** Where podwire's own routes take what a dumped one is for: those inside it, or the one around it. A default route is for itself alone. */
function ownWay(own: readonly Route[], { destination }: Route): Route[] {
  if (destination.endsWith('/0')) return own.filter((route) => route.destination === destination);
  const inside = own.filter((route) => isWithin(route.destination, destination));
  if (inside.length > 0) return inside;
  const around = own.find(
    (route) =>
      route.nexthops.length > 0 && !route.destination.endsWith('/0') && isWithin(destination, route.destination),
  );
  return around ? [{ ...around, destination }] : [];
}

/** The link by which the routes reach an address that stands on it. */
function linkOf(routes: readonly Route[], addresses: readonly string[]): string | undefined {
  for (const text of addresses) {
    const address = parseAddress(text);
    if (!address) continue;
    const direct = routes.find((route) => {
      const prefix = parsePrefix(route.destination);
      const [hop] = route.nexthops;
      return (
        prefix?.family === address.family &&
        prefix.length > 0 &&
        hop?.via === undefined &&
        containsAddress(prefix, address)
      );
    });
    if (direct?.nexthops[0]) return direct.nexthops[0].dev;
  }
  return undefined;
}

/** Every place of a node where links are named. */
function renamed(state: NodeState, from: string, to: string): NodeState {
  if (from === to || state.host.links.some((link) => link.name === to)) return state;
  const { host } = state;
  const name = (old: string) => (old === from ? to : old);
  const table = (one: RouteTable): RouteTable => ({
    id: one.id,
    routes: routesOf(one).map((route) => ({
      ...route,
      nexthops: route.nexthops.map((hop) => ({ ...hop, dev: name(hop.dev) })),
    })),
  });
  const links = host.links.map((link): Link => {
    const { master } = link;
    return { ...link, name: name(link.name), ...(master !== undefined && { master: name(master) }) };
  });
  const sysctls = Object.fromEntries(
    Object.entries(host.sysctls).map(([key, value]) => [key.replace(`.${from}.`, `.${to}.`), value]),
  );
  return {
    ...state,
    host: {
      ...host,
      links,
      sysctls,
      addresses: host.addresses.map((address) => ({ ...address, link: name(address.link) })),
      tables: host.tables.map(table),
      ...(host.neighbors && { neighbors: host.neighbors.map((n) => ({ ...n, link: name(n.link) })) }),
    },
    pods: state.pods.map((pod) => ({
      ...pod,
      links: pod.links.map((link) =>
        link.peer?.netns === host.name ? { ...link, peer: { ...link.peer, link: name(link.peer.link) } } : link,
      ),
    })),
  };
}

class PartialNode {
  readonly problems: Problem[] = [];
  readonly #dumped: Assembled;
  #state: NodeState;

  constructor(state: NodeState, dumped: Assembled) {
    this.#state = state;
    this.#dumped = dumped;
  }

  /** Addresses on the network of the nodes, and the bridge of the pods, go by the names that the dump has for them. */
  #takeNames(routes: readonly Route[]): void {
    const { host } = this.#state;
    const uplink = host.links.find(({ segment }) => segment !== undefined)?.name;
    const bridge = host.links.find(({ kind }) => kind === 'bridge')?.name;
    for (const link of [uplink, bridge]) {
      if (link === undefined) continue;
      const own = host.addresses.filter((address) => address.link === link).map(({ address }) => hostPart(address));
      const shown = linkOf(routes, own) ?? (link === uplink ? defaultOf(routes) : undefined);
      if (shown !== undefined) this.#state = renamed(this.#state, link, shown);
    }
    for (const { destination, nexthops } of routes) {
      const [hop] = nexthops;
      const pod = this.#state.pods.find(({ addresses }) =>
        addresses.some((a) => isHost(destination, hostPart(a.address))),
      );
      const wire = this.#state.host.links.find((link) => pod !== undefined && link.peer?.netns === pod.name);
      if (wire && hop && hop.via === undefined && wire.master === undefined)
        this.#state = renamed(this.#state, wire.name, hop.dev);
    }
  }

  /** The plugin gives both ends of a pod's wire the same MTU. */
  #takeMtus(): void {
    const { host, pods } = this.#state;
    const shown = host.links.map((link) => this.#withMtu(link));
    const mtuOf = new Map(shown.map(({ name, mtu }) => [name, mtu]));
    // Ports of a bridge are made with its MTU.
    const links = shown.map((link): Link => {
      const mtu = link.mtu ?? (link.kind === 'veth' ? mtuOf.get(link.master ?? '') : undefined);
      return mtu === undefined ? link : { ...link, mtu };
    });
    const wires = new Map(
      links.flatMap(({ peer, mtu }) => (peer && mtu !== undefined ? [[peer.netns, mtu] as const] : [])),
    );
    this.#state = {
      ...this.#state,
      host: { ...host, links },
      pods: pods.map((pod) => {
        const mtu = wires.get(pod.name);
        return mtu === undefined ? pod : { ...pod, links: pod.links.map((link) => ({ ...link, mtu })) };
      }),
    };
  }

  #withMtu(link: Link): Link {
    const mtu = this.#dumped.netns.links.find(({ name }) => name === link.name)?.mtu;
    return mtu === undefined ? link : { ...link, mtu };
  }

  /** Links that only routes show: a device with the address that its own network's route prefers. */
  #addLinks(routes: readonly Route[]): void {
    const { host } = this.#state;
    const links = new Map(host.links.map((link) => [link.name, link]));
    const addresses = [...host.addresses];
    for (const { destination, nexthops, prefsrc } of routes) {
      const [hop] = nexthops;
      if (!hop || links.has(hop.dev) || prefsrc === undefined || hop.via !== undefined) continue;
      const length = parsePrefix(destination)?.length;
      links.set(hop.dev, { name: hop.dev, kind: 'device' });
      addresses.push({ link: hop.dev, address: `${prefsrc}/${length}` });
    }
    this.#state = { ...this.#state, host: { ...host, links: [...links.values()], addresses } };
  }

  /**
   * The routes of one family. By links that the node is not known to have, such as those of overlays, the packets are taken where
   * podwire's own route takes them; what the dump lacks is lacking, but for what leads to the node's own pods.
   */
  routes(): void {
    const shown = this.#dumped.routes.filter(({ table }) => table === MAIN).map(({ route }) => route);
    if (shown.length === 0) return;
    this.#takeNames(shown);
    this.#addLinks(shown);
    this.#takeMtus();
    const { host } = this.#state;
    const known = new Set(['lo', ...host.links.map(({ name }) => name)]);
    const uplinks = new Set(host.links.filter(({ segment }) => segment !== undefined).map(({ name }) => name));
    const compiled = routesOf(host.tables.find(({ id }) => id === MAIN));
    const lost = new Set<string>();
    const routes = FAMILIES.flatMap((family): Route[] => {
      const own = compiled.filter((route) => route.family === family);
      const dumped = shown.filter((route) => route.family === family);
      if (dumped.length === 0) return own;
      const named = new Set(dumped.map(({ destination }) => destination));
      const taken = dumped.flatMap((route) => {
        const missing = route.nexthops.find(({ dev }) => !known.has(dev));
        if (!missing) return [route];
        const way = ownWay(own, route).map((one) => this.#through(missing.dev, one));
        if (way.length === 0) lost.add(missing.dev);
        return way;
      });
      const local = own.filter(
        ({ destination, nexthops }) =>
          !named.has(destination) && nexthops.every(({ dev }) => !uplinks.has(dev)) && this.#leadsToPod(destination),
      );
      return [...taken, ...local];
    });
    for (const dev of lost) {
      this.problems.push({
        severity: 'warning',
        code: 'dump-route-link',
        message: `${host.name}: where ${dev} leads is not in the dump: routes by it that podwire would not make are left out`,
        mend: 'Add "ip -d addr" of the node.',
      });
    }
    const others = host.tables.filter(({ id }) => id !== MAIN);
    this.#state = { ...this.#state, host: { ...host, tables: [...others, { id: MAIN, routes }] } };
  }

  /** What fits through an overlay that is not walked: its own MTU, and the other link's without the headers around. */
  #through(overlay: string, route: Route): Route {
    const { netns, kinds } = this.#dumped;
    const own = netns.links.find(({ name }) => name === overlay)?.mtu;
    const below = this.#state.host.links.find(({ name }) => name === route.nexthops[0]?.dev)?.mtu;
    if (own === undefined) return route;
    const around = overheadOf(overlay, kinds.get(overlay));
    return { ...route, mtu: Math.min(own, (below ?? 1500) - around) };
  }

  #leadsToPod(destination: string): boolean {
    const prefix = parsePrefix(destination);
    return this.#state.pods.some((pod) =>
      pod.addresses.some(({ address }) => {
        const parsed = parseAddress(hostPart(address));
        return prefix !== undefined && parsed?.family === prefix.family && containsAddress(prefix, parsed);
      }),
    );
  }

  hairpin(): void {
    const { hairpin } = this.#dumped;
    const [first] = hairpin;
    if (first === undefined) return;
    if (hairpin.some((value) => value !== first)) {
      this.problems.push({
        severity: 'warning',
        code: 'dump-hairpin',
        message: `${this.#state.host.name}: hairpin_mode differs between ports, and the dump does not say which port has which: it is not used`,
        mend: 'Give the output of "bridge -d link".',
      });
      return;
    }
    const { host } = this.#state;
    const links = host.links.map((link): Link => {
      if (link.master === undefined || link.kind !== 'veth') return link;
      const { hairpin: _, ...rest } = link;
      return first ? { ...rest, hairpin: true } : rest;
    });
    this.#state = { ...this.#state, host: { ...host, links } };
  }

  ipvs(): void {
    const { host } = this.#state;
    const { parts, problems } = dumpedIpvs(this.#dumped, host, true);
    this.problems.push(...problems);
    this.#state = { ...this.#state, host: { ...host, ...parts } };
  }

  get state(): NodeState {
    return { ...this.#state, host: withParts(this.#state.host, this.#dumped) };
  }
}

function defaultOf(routes: readonly Route[]): string | undefined {
  return routes.find(({ destination }) => /\/0$/.test(destination))?.nexthops[0]?.dev;
}

function sameTable(a: Table, b: Table): boolean {
  return a.family === b.family && a.name === b.name;
}

/** Settings, rules, sockets and connections. Tables that were not dumped stay: nobody looked. */
function withParts(netns: Netns, { netns: dumped, shown }: Assembled): Netns {
  const kept = netns.netfilter.filter((table) => !dumped.netfilter.some((other) => sameTable(table, other)));
  return {
    ...netns,
    netfilter: [...dumped.netfilter, ...kept],
    ...(shown.has('sysctl') && { sysctls: { ...netns.sysctls, ...dumped.sysctls } }),
    ...(dumped.rules && { rules: dumped.rules }),
    ...(dumped.listeners && { listeners: dumped.listeners }),
    ...(dumped.conntrack && { conntrack: dumped.conntrack }),
  };
}

export interface Patched {
  state: NodeState;
  problems: Problem[];
}

/** The node with what its dump shows. */
export function patchNode(state: NodeState, dumped: Assembled): Patched {
  const node = new PartialNode(state, dumped);
  node.routes();
  node.hairpin();
  node.ipvs();
  return { state: node.state, problems: node.problems };
}

/** The pod with what was dumped inside it; its wire stays podwire's. */
export function patchPod(pod: Netns, dumped: Assembled): Netns {
  return { ...withParts(pod, dumped), ...dumpedIpvs(dumped, pod, true).parts };
}
