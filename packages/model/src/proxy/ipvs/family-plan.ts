/** All service ports of one IP family in IPVS mode, and what any node has of them. */
import { formatAddress, type IpAddress, type IpSet, type IpvsService } from '@podwire/engine';
import type { IPFamily } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import type { ProxyPlace } from '../categorize-endpoints.ts';
import { type EndpointInfo, endpointsByServicePort } from '../endpoints.ts';
import { familyOf, isLoopback, parseIP } from '../ip.ts';
import type { RuleLine } from '../iptables/rule-line.ts';
import type { ProxyCause, ProxyObjects } from '../proxy.ts';
import { servicePorts } from '../service-ports.ts';
import { SET_NAMES, SETS, type SetName, setName } from './names.ts';
import { type Entry, PortPlan } from './port-plan.ts';
import { type ClosedToNode, ipvsRules } from './rules.ts';
import type { IpvsSettings } from './settings.ts';

/** The node as kube-proxy on it sees it. */
export interface IpvsNode {
  place: ProxyPlace;
  /** Primary node IP of the family. */
  nodeIP?: string;
  /** Addresses of all links but kube-proxy's own, with or without prefix length. */
  addresses: readonly string[];
  /** Among which `--nodeport-addresses` chooses: those of its own link, too. All of them together where absent. */
  nodePortAddresses?: readonly string[];
}

export interface BoundAddress {
  ip: string;
  cause: ProxyCause;
}

/** What one family has on one node. */
export interface FamilyState {
  services: IpvsService[];
  sets: IpSet[];
  /** Addresses on the dummy link. */
  bound: readonly BoundAddress[];
  rules: RuleLine[];
}

/** Never served as a node's own: loopback, and link-local addresses of IPv6 (netlink_linux.go: isValidForSet). */
function isOwn(address: IpAddress, family: IPFamily): boolean {
  if (familyOf(address) !== family || isLoopback(address)) return false;
  return address.family === 4 || address.words[0] >>> 22 !== 0xfe80 >>> 6;
}

/** The node's own addresses in the family, as kube-proxy writes them. */
function ownAddresses(addresses: readonly string[], family: IPFamily): Set<string> {
  const own = new Set<string>();
  for (const text of addresses) {
    const address = parseIP(text.split('/', 1)[0] ?? '');
    if (address && isOwn(address, family)) own.add(formatAddress(address));
  }
  return own;
}

export class FamilyPlan {
  readonly family: IPFamily;
  readonly #plans: readonly PortPlan[];
  readonly #report: (problem: Problem) => void;
  /** Every endpoint by its node, usable or not. */
  readonly #onNode = new Map<string, Entry[]>();
  /** What wants an address on the dummy link, whatever the node has. */
  readonly #clusterIPs = new Map<string, BoundAddress>();
  /** What wants one there unless the node has it anyway. */
  readonly #others = new Map<string, BoundAddress>();
  readonly #sets = new Map<ReadonlySet<string>, Map<SetName, IpSet>>();
  readonly #bound = new Map<string, readonly BoundAddress[]>();
  readonly #boundValues = new Map<readonly BoundAddress[], ReadonlySet<string>>();
  readonly #shared = new Map<boolean, ReadonlyMap<SetName, ReadonlySet<string>>>();

  constructor(objects: ProxyObjects, family: IPFamily, scheduler: string, report: (problem: Problem) => void) {
    this.family = family;
    this.#report = report;
    const endpoints = endpointsByServicePort(objects.endpointSlices, family, report);
    this.#plans = [...servicePorts(objects.services, family, report)].map(([key, info]) => {
      const own = endpoints.get(key) ?? [];
      const plan = new PortPlan(info, own, scheduler);
      for (const endpoint of own) this.#place(endpoint, plan);
      return plan;
    });
    for (const { targets } of this.#plans) {
      for (const { address: ip, cause, isClusterIP } of targets) {
        const addresses = isClusterIP ? this.#clusterIPs : this.#others;
        if (!addresses.has(ip)) addresses.set(ip, { ip, cause });
      }
    }
    for (const ip of this.#clusterIPs.keys()) this.#others.delete(ip);
  }

  #place(endpoint: EndpointInfo, plan: PortPlan): void {
    if (endpoint.nodeName === '') return;
    const here = this.#onNode.get(endpoint.nodeName);
    const entry = plan.loopBack(endpoint);
    if (here) here.push(entry);
    else this.#onNode.set(endpoint.nodeName, [entry]);
  }

  on(node: IpvsNode, settings: IpvsSettings): FamilyState {
    const own = ownAddresses(node.addresses, this.family);
    const nodeIPs = this.#nodeIPs(node, own, settings);
    const bound = this.#boundOn(own);
    const guarded = this.#plans.filter((plan) => plan.isGuarded).map((plan) => plan.fromNode(node.nodeIP));
    const entries = this.#entries(node, nodeIPs, bound, guarded);
    const filled = new Set(SET_NAMES.filter((name) => (entries.get(name)?.size ?? 0) > 0));
    const closed = guarded.flatMap((guard): ClosedToNode[] => guard.closed);
    return {
      services: this.#services(node.place, nodeIPs),
      sets: SET_NAMES.map((name) => this.#set(name, entries.get(name) ?? NOTHING)),
      bound,
      rules: ipvsRules(settings, filled, closed),
    };
  }

  /** Where the node serves node ports. */
  #nodeIPs(node: IpvsNode, own: ReadonlySet<string>, { nodePortAddresses }: IpvsSettings): string[] {
    if (!this.#plans.some((plan) => plan.info.nodePort !== 0)) return [];
    if (nodePortAddresses.matchAll) return [...own];
    const addresses = nodePortAddresses.nodeIPs(node.nodePortAddresses ?? node.addresses);
    return addresses.filter((address) => !isLoopback(address)).map(formatAddress);
  }

  #boundOn(own: ReadonlySet<string>): readonly BoundAddress[] {
    const kept = [...own].filter((ip) => this.#others.has(ip)).sort();
    const key = kept.join();
    const others = () => [...this.#others.values()].filter(({ ip }) => !own.has(ip));
    const known = this.#bound.get(key) ?? [...this.#clusterIPs.values(), ...others()];
    this.#bound.set(key, known);
    return known;
  }

  /** What the sets hold on every node that serves node ports, or on every one that does not. */
  #sharedEntries(nodeIPs: readonly string[]): ReadonlyMap<SetName, ReadonlySet<string>> {
    const serves = nodeIPs.length > 0;
    const known = this.#shared.get(serves);
    if (known) return known;
    const entries = new Map<SetName, Set<string>>();
    for (const plan of this.#plans) {
      addAll(entries, plan.entries);
      if (plan.protocol !== 'sctp' || !serves) addAll(entries, plan.nodePortEntries(nodeIPs));
    }
    this.#shared.set(serves, entries);
    return entries;
  }

  #entries(
    node: IpvsNode,
    nodeIPs: readonly string[],
    bound: readonly BoundAddress[],
    guarded: readonly { entries: readonly Entry[] }[],
  ): ReadonlyMap<SetName, ReadonlySet<string>> {
    const own = new Map<SetName, Set<string>>();
    addAll(own, this.#onNode.get(node.place.nodeName) ?? []);
    for (const { entries } of guarded) addAll(own, entries);
    if (nodeIPs.length > 0) {
      for (const plan of this.#plans) if (plan.protocol === 'sctp') addAll(own, plan.nodePortEntries(nodeIPs));
    }
    const entries = new Map<SetName, ReadonlySet<string>>(this.#sharedEntries(nodeIPs));
    for (const [name, values] of own) entries.set(name, new Set([...(entries.get(name) ?? []), ...values]));
    const ips = this.#boundValues.get(bound) ?? new Set(bound.map(({ ip }) => ip));
    this.#boundValues.set(bound, ips);
    entries.set('KUBE-IPVS-IPS', ips);
    return entries;
  }

  #set(name: SetName, values: ReadonlySet<string>): IpSet {
    const sets = this.#sets.get(values) ?? new Map<SetName, IpSet>();
    this.#sets.set(values, sets);
    const known = sets.get(name);
    if (known) return known;
    const { type } = SETS[name];
    const isPorts = type === 'bitmap:port';
    const family = this.family === 'IPv4' ? 'inet' : 'inet6';
    const set: IpSet = {
      name: setName(name, this.family),
      type,
      ...(!isPorts && { family }),
      options: isPorts ? 'range 0-65535' : `family ${family} hashsize 1024 maxelem 65536`,
      entries: [...values].map((value) => ({ value })),
    };
    sets.set(name, set);
    return set;
  }

  #services(place: ProxyPlace, nodeIPs: readonly string[]): IpvsService[] {
    const services = new Map<string, IpvsService>();
    for (const plan of this.#plans) {
      const nodePorts = plan.info.nodePort === 0 ? [] : nodeIPs.map((ip) => plan.nodePortTarget(ip));
      for (const target of [...plan.targets, ...nodePorts]) {
        const service = plan.service(target, place);
        const key = `${service.protocol} ${target.address} ${target.port}`;
        const before = services.get(key);
        if (before && before.servers !== service.servers) this.#tellTwice(before, service);
        services.set(key, service);
      }
    }
    return [...services.values()];
  }

  #tellTwice(before: IpvsService, service: IpvsService): void {
    const named = ({ cause }: IpvsService) => {
      const metadata = (cause as ProxyCause).service?.metadata;
      return `${metadata?.namespace ?? 'default'}/${metadata?.name}`;
    };
    this.#report({
      severity: 'warning',
      code: 'virtual-service-twice',
      message: `Services ${named(before)} and ${named(service)} both want ${service.address}, ${service.protocol} port ${service.port}: in IPVS mode there is one virtual service, and at each sync kube-proxy gives it the endpoints of either; here the last one counts.`,
      object: `Service ${named(service)}`,
    });
  }
}

const NOTHING: ReadonlySet<string> = new Set();

function addAll(sets: Map<SetName, Set<string>>, entries: readonly Entry[]): void {
  for (const { set, value } of entries) {
    const values = sets.get(set);
    if (values) values.add(value);
    else sets.set(set, new Set([value]));
  }
}
