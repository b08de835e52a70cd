/**
 * The wires between pods and their node. Two ways: a bridge (the bridge plugin, flannel, kubenet) that holds the gateway address and a port for
 * each pod, or a host-side veth for each pod with a /32 route to it (the ptp plugin, kindnet; Calico with its link-local gateway).
 */
import {
  type Address,
  containsAddress,
  type Family,
  formatAddress,
  type IpPrefix,
  type Link,
  type Netns,
  parseAddress,
  type Route,
  type RouteTable,
  type Table,
} from '@podwire/engine';
import type { Placed, PodWiring } from '../cluster/cluster.ts';
import type { CniProfile } from '../cluster/detect/cni-profiles.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import { nth, parseCIDR, width } from '../net/cidr.ts';
import { hexDigits } from '../objects/drawn-names.ts';
import type { Node, Pod } from '../objects/kube.ts';
import { podAddresses } from '../objects/pod-facts.ts';
import type { CniCause, PodCause } from './cause.ts';

export const MAIN = 254;

/** A pod with a network of its own. */
export interface LocalPod {
  /** `namespace/name`, which also names its network namespace. */
  key: string;
  placed: Placed<Pod>;
}

/** What the pods of one node add to its host. */
export interface HostSide {
  links: Link[];
  addresses: Address[];
  routes: Route[];
  sysctls: Record<string, number>;
  pods: Netns[];
  /** The node's own ranges by family, and the gateway address in each. */
  ranges: Partial<Record<Family, { text: string; prefix: IpPrefix; gateway: string }>>;
  /** By pod: its address with the length of the subnet it believes in. */
  subnets: Map<string, Partial<Record<Family, string>>>;
  /** Addresses that other nodes cannot find by the node's ranges. */
  foreign: { family: Family; address: string; pod: Placed<Pod> }[];
}

/** Pods have their own settings, and none that anybody set. */
const POD_SYSCTLS: Readonly<Record<string, number>> = {};
const NO_TABLES: Table[] = [];

const LINK_LOCAL_GATEWAY: Record<Family, string> = { 4: '169.254.1.1', 6: 'fe80::ecee:eeff:feee:eeee' };

function rangesOf(node: Node): HostSide['ranges'] {
  const ranges: HostSide['ranges'] = {};
  for (const text of nodePodCIDRs(node)) {
    const prefix = parseCIDR(text) as IpPrefix;
    const first = nth(prefix, 1);
    if (first && !ranges[prefix.family]) ranges[prefix.family] = { text, prefix, gateway: formatAddress(first) };
  }
  return ranges;
}

function connected(
  family: Family,
  destination: string,
  dev: string,
  prefsrc: string | undefined,
  cause: Route['cause'],
): Route {
  return {
    family,
    type: 'unicast',
    destination,
    protocol: 'kernel',
    nexthops: [{ dev }],
    ...(family === 4 ? { scope: 'link', ...(prefsrc !== undefined && { prefsrc }) } : { metric: 256 }),
    cause,
  };
}

function via(family: Family, destination: string, dev: string, gateway: string, cause: Route['cause']): Route {
  return { family, type: 'unicast', destination, nexthops: [{ dev, via: gateway }], cause };
}

const ANY: Record<Family, string> = { 4: '0.0.0.0/0', 6: '::/0' };

export interface Wiring {
  kind: PodWiring;
  gateway: CniProfile['gateway'];
  cni: string;
}

/** On what a pod's routes of one family hang. */
interface PodRoutes {
  family: Family;
  isOwn: boolean;
  isLinkLocal: boolean;
}

class PodLinks {
  readonly #node: string;
  readonly #wiring: Wiring;
  readonly #cause: CniCause;
  readonly #side: HostSide;
  /** Route tables of pods, by what they depend on: most pods of a node share one. */
  readonly #tables = new Map<string, RouteTable>();
  readonly #names = new Set<string>();
  readonly #taken = new Set<string>();

  constructor(node: Placed<Node>, wiring: Wiring) {
    this.#node = node.object.metadata.name;
    this.#wiring = wiring;
    this.#cause = { kind: 'cni', cni: wiring.cni, why: 'wires the pods of a node' };
    const ranges = rangesOf(node.object);
    this.#side = {
      links: [],
      addresses: [],
      routes: [],
      sysctls: {},
      pods: [],
      ranges,
      subnets: new Map(),
      foreign: [],
    };
    if (wiring.kind === 'bridge') this.#bridge();
  }

  get side(): HostSide {
    return this.#side;
  }

  #bridge(): void {
    const { links, addresses, routes, ranges } = this.#side;
    const cause = this.#cause;
    links.push({ name: 'cni0', kind: 'bridge', cause });
    for (const family of [4, 6] as const) {
      const range = ranges[family];
      if (!range) continue;
      addresses.push({ link: 'cni0', address: `${range.gateway}/${range.prefix.length}`, cause });
      routes.push(connected(family, range.text, 'cni0', range.gateway, cause));
    }
  }

  add({ key, placed }: LocalPod): void {
    const cause: PodCause = { kind: 'pod', pod: placed, why: 'the network of this pod' };
    const veth = this.#nameOf(key);
    const side = this.#side;
    const isBridge = this.#wiring.kind === 'bridge';
    const port: Link = { name: veth, kind: 'veth', peer: { netns: key, link: 'eth0' }, cause };
    // flannel and kubenet both let a frame go back to the port it came from: a pod may reach itself by its Service.
    side.links.push(isBridge ? { ...port, master: 'cni0', hairpin: true } : port);
    const addresses: Address[] = [];
    const subnets: Partial<Record<Family, string>> = {};
    const tables: PodRoutes[] = [];
    for (const text of podAddresses(placed.object)) {
      const address = parseAddress(text);
      if (!address || subnets[address.family] !== undefined) continue;
      const { family } = address;
      const range = side.ranges[family];
      const isOwn = range !== undefined && containsAddress(range.prefix, address);
      const isLinkLocal = this.#isLinkLocal(isOwn);
      const length = isLinkLocal || !isOwn ? width(family) : range.prefix.length;
      addresses.push({ link: 'eth0', address: `${text}/${length}`, cause });
      subnets[family] = `${text}/${length}`;
      tables.push({ family, isOwn, isLinkLocal });
      const isFirst = !this.#taken.has(text);
      this.#taken.add(text);
      if (isFirst && !isOwn) side.foreign.push({ family, address: text, pod: placed });
      if (!isBridge) this.#hostEnd(veth, family, text, isOwn, isLinkLocal, isFirst, cause);
      else if (!isOwn && isFirst) side.routes.push(this.#hostRoute(family, text, 'cni0', cause));
    }
    side.subnets.set(key, subnets);
    side.pods.push({
      name: key,
      links: [{ name: 'eth0', kind: 'veth', peer: { netns: this.#node, link: veth }, cause }],
      addresses,
      tables: [this.#table(tables)],
      sysctls: POD_SYSCTLS,
      netfilter: NO_TABLES,
    });
  }

  /** Without a range there is no gateway address to give, so the link-local way is the only one. */
  #isLinkLocal(isOwn: boolean): boolean {
    if (this.#wiring.kind === 'bridge') return false;
    return this.#wiring.gateway === 'link-local' || !isOwn;
  }

  #nameOf(key: string): string {
    const prefix = this.#wiring.kind === 'point-to-point' && this.#wiring.gateway === 'link-local' ? 'cali' : 'veth';
    for (let attempt = 0; ; attempt++) {
      const name = prefix + hexDigits(attempt === 0 ? key : `${key}#${attempt}`, prefix === 'cali' ? 11 : 8);
      if (this.#names.has(name)) continue;
      this.#names.add(name);
      return name;
    }
  }

  /** The pod's own routes. */
  #podRoutes(family: Family, isOwn: boolean, isLinkLocal: boolean): Route[] {
    const cause = this.#cause;
    const range = this.#side.ranges[family];
    const bits = width(family);
    const onLink = (gateway: string): Route => ({
      family,
      type: 'unicast',
      destination: `${gateway}/${bits}`,
      nexthops: [{ dev: 'eth0' }],
      ...(family === 4 && { scope: 'link' }),
      cause,
    });
    if (isLinkLocal || !range) {
      const gateway = LINK_LOCAL_GATEWAY[family];
      // An IPv6 link-local gateway needs no route of its own.
      const reach = family === 4 ? [onLink(gateway)] : [];
      return [...reach, via(family, ANY[family], 'eth0', gateway, cause)];
    }
    const { gateway, text } = range;
    const byDefault = via(family, ANY[family], 'eth0', gateway, cause);
    if (!isOwn) return [onLink(gateway), byDefault];
    if (this.#wiring.kind === 'bridge') return [connected(family, text, 'eth0', undefined, cause), byDefault];
    return [onLink(gateway), via(family, text, 'eth0', gateway, cause), byDefault];
  }

  /** Equal routes are one table. */
  #table(parts: readonly PodRoutes[]): RouteTable {
    let key = '';
    for (const { family, isOwn, isLinkLocal } of parts)
      key += `${family}${isOwn ? 'own' : ''}${isLinkLocal ? 'll' : ''} `;
    let table = this.#tables.get(key);
    if (!table) {
      const routes = parts.flatMap(({ family, isOwn, isLinkLocal }) => this.#podRoutes(family, isOwn, isLinkLocal));
      table = { id: MAIN, routes };
      this.#tables.set(key, table);
    }
    return table;
  }

  #hostRoute(family: Family, address: string, dev: string, cause: PodCause): Route {
    const isLinkLocal = this.#wiring.gateway === 'link-local';
    return {
      family,
      type: 'unicast',
      destination: `${address}/${width(family)}`,
      nexthops: [{ dev }],
      // The ptp plugin writes its routes with scope host, Calico with scope link.
      ...(family === 4 && { scope: isLinkLocal || dev === 'cni0' ? 'link' : 'host' }),
      cause,
    };
  }

  #hostEnd(
    veth: string,
    family: Family,
    address: string,
    isOwn: boolean,
    isLinkLocal: boolean,
    isFirst: boolean,
    cause: PodCause,
  ): void {
    const side = this.#side;
    const range = side.ranges[family];
    if (!isLinkLocal && isOwn && range) {
      side.addresses.push({ link: veth, address: `${range.gateway}/${width(family)}`, cause });
    } else if (family === 4) side.sysctls[`net.ipv4.conf.${veth}.proxy_arp`] = 1;
    else side.addresses.push({ link: veth, address: `${LINK_LOCAL_GATEWAY[6]}/64`, scope: 'link', cause });
    if (isFirst) side.routes.push(this.#hostRoute(family, address, veth, cause));
  }
}

export function wirePods(node: Placed<Node>, pods: readonly LocalPod[], wiring: Wiring): HostSide {
  const links = new PodLinks(node, wiring);
  for (const pod of pods) links.add(pod);
  return links.side;
}
