/** From the cluster to what every node's Linux would hold, with the router in front and the world behind it. */
import type { Address, Family, Link, Netns, RouteTable, Table } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { cniProfile } from '../cluster/detect/cni-profiles.ts';
import { nodePodCIDRs } from '../cluster/pod-cidrs.ts';
import { familyName } from '../net/cidr.ts';
import { hasHostPorts, isOver, podAddresses } from '../objects/pod-facts.ts';
import type { EbpfPrograms } from '../proxy/ebpf/programs.ts';
import { proxyCompiler } from '../proxy/modes/compilers.ts';
import type { ProxyConfig, ProxyNode, ProxyRules } from '../proxy/proxy.ts';
import { TableMerger } from './additions.ts';
import { Fabric, type FabricNode, podNetworks, type Segment } from './fabric.ts';
import { hostPortAdditions } from './host-ports.ts';
import { type MasqueradeInput, Masquerades } from './masquerade.ts';
import { cacheLink, type NodeCache, NodeCacheRules, nodeCaches } from './node-local-dns.ts';
import { type NodeRoutesInput, ownTable, sharedTable } from './node-routes.ts';
import type { Dataplane, NetnsRole, NodeState } from './node-state.ts';
import { externalOf, gatewayOf } from './outside.ts';
import { type HostSide, type LocalPod, wirePods } from './pod-links.ts';

const FAMILIES = [4, 6] as const;

/** Pods with a network of their own, by node. */
function podsByNode(cluster: Cluster): Map<string, LocalPod[]> {
  const found = new Map<string, LocalPod[]>([...cluster.nodes.keys()].map((name) => [name, []]));
  for (const [key, placed] of cluster.pods) {
    const { spec } = placed.object;
    if (spec.hostNetwork || isOver(placed.object) || podAddresses(placed.object).length === 0) continue;
    found.get(spec.nodeName ?? '')?.push({ key, placed });
  }
  return found;
}

function nodeAddresses(node: FabricNode): Address[] {
  return FAMILIES.flatMap((family) => {
    const address = node.addresses[family];
    const subnet = node.segment.subnets[family];
    if (address === undefined || !subnet) return [];
    return [
      {
        link: 'eth0',
        address: `${address}/${subnet.prefix.length}`,
        cause: { kind: 'node', node: node.placed, path: ['status', 'addresses'], why: 'the address of the node' },
      },
    ];
  });
}

/** What a kubelet wants of a node, and what network plugins set. */
const HOST_SYSCTLS: Readonly<Record<string, number>> = {
  'net.ipv4.ip_forward': 1,
  'net.ipv6.conf.all.forwarding': 1,
  'net.bridge.bridge-nf-call-iptables': 1,
  'net.bridge.bridge-nf-call-ip6tables': 1,
};

/** Equal settings are one object. */
class SharedSysctls {
  readonly #known = new Map<string, Readonly<Record<string, number>>>();

  of(...parts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
    const all = Object.assign({}, HOST_SYSCTLS, ...parts) as Record<string, number>;
    const key = JSON.stringify(all);
    const known = this.#known.get(key) ?? all;
    this.#known.set(key, known);
    return known;
  }
}

/** The host's ends of pods' links, with the program that balances there. */
function balancedLinks({ links, pods }: HostSide, programs: EbpfPrograms | undefined): Link[] {
  const balancing = programs?.podLinks;
  const names = new Set(pods.map(({ name }) => name));
  if (!balancing) return links;
  return links.map((link) => (link.peer && names.has(link.peer.netns) ? { ...link, balancing } : link));
}

class Builder {
  readonly #cluster: Cluster;
  readonly #routes: NodeRoutesInput;
  readonly #proxy: ((node: ProxyNode) => ProxyRules) | undefined;
  /** Of nodes whose kube-proxy is configured otherwise. */
  readonly #proxyOfNodes = new Map<string, (node: ProxyNode) => ProxyRules>();
  readonly #bases = new Map<Segment, RouteTable>();
  readonly #merger = new TableMerger();
  readonly #masquerades = new Masquerades();
  readonly #sysctls = new SharedSysctls();
  readonly #networks: Record<Family, string[]>;
  readonly #cacheRules = new NodeCacheRules();
  readonly #caches: ReadonlyMap<string, NodeCache>;

  constructor(cluster: Cluster, routes: NodeRoutesInput) {
    this.#cluster = cluster;
    this.#routes = routes;
    this.#networks = { 4: podNetworks(cluster, 4), 6: podNetworks(cluster, 6) };
    this.#caches = nodeCaches(cluster);
    const { proxyMode, proxy } = cluster.settings;
    const compiler = proxyCompiler(proxyMode.value);
    if (compiler) {
      const services = [...cluster.services.values()].map((s) => s.object);
      const endpointSlices = [...cluster.endpointSlices.values()].flatMap((list) => list.map((s) => s.object));
      const serviceCIDRs = cluster.settings.serviceCIDRs.value;
      const compile = (config: ProxyConfig) =>
        compiler.prepare({ services, endpointSlices, serviceCIDRs, nodeIPs: this.#nodeIPs() }, config);
      this.#proxy = compile(proxy.value);
      for (const [name, own] of cluster.proxyOfNodes ?? []) this.#proxyOfNodes.set(name, compile(own.value));
    }
  }

  #nodeIPs(): string[] {
    const { fabric, sides } = this.#routes;
    const given = [...fabric.nodes.values()].flatMap(({ addresses }) =>
      FAMILIES.flatMap((family) => addresses[family] ?? []),
    );
    // The gateway of its pods is a node's own address, too.
    const gateways = [...sides.values()].flatMap((side) =>
      FAMILIES.flatMap((family) => {
        const gateway = side.ranges[family]?.gateway;
        return gateway !== undefined && side.addresses.some((a) => a.address.startsWith(`${gateway}/`)) ? gateway : [];
      }),
    );
    return [...given, ...gateways];
  }

  /** Cilium in place of kube-proxy balances host ports itself. */
  get #portmap(): boolean {
    const { proxyMode } = this.#cluster.settings;
    const { portmap, name } = this.#routes.profile;
    return portmap && !(proxyMode.value === 'ebpf' && name === 'cilium');
  }

  node(node: FabricNode, side: HostSide, pods: readonly LocalPod[]): NodeState {
    const portmap = this.#portmap;
    const withPorts = portmap ? pods.filter((p) => hasHostPorts(p.placed.object)) : [];
    const { proxy, netfilter } = this.#netfilter(node, side, withPorts, pods);
    const programs = proxy?.ebpf;
    const base = this.#bases.get(node.segment) ?? sharedTable(this.#routes, node.segment);
    this.#bases.set(node.segment, base);
    const cache = this.#caches.get(node.name);
    const cacheSide = cache && cacheLink(cache);
    const host: Netns = {
      name: node.name,
      links: [
        {
          name: 'eth0',
          kind: 'device',
          segment: node.segment.name,
          ...(programs && { balancing: programs.device }),
          cause: { kind: 'node', node: node.placed, why: 'the network of the nodes' },
        },
        ...balancedLinks(side, programs),
        ...(cacheSide?.links ?? []),
        ...(proxy?.ipvs ? [proxy.ipvs.link] : []),
      ],
      addresses: [
        ...nodeAddresses(node),
        ...side.addresses,
        ...(cacheSide?.addresses ?? []),
        ...(proxy?.ipvs?.addresses ?? []),
      ],
      tables: [ownTable(this.#routes, node, side, base)],
      sysctls: this.#sysctls.of(proxy?.sysctls ?? {}, side.sysctls, this.#portmapSysctls(side, withPorts)),
      netfilter,
      ...(proxy?.ipvs && { sets: proxy.ipvs.sets, ipvs: proxy.ipvs.services }),
      ...(programs?.host && { balancing: programs.host }),
    };
    const balancing = programs?.pods;
    return { name: node.name, host, pods: balancing ? side.pods.map((pod) => ({ ...pod, balancing })) : side.pods };
  }

  #netfilter(
    node: FabricNode,
    side: HostSide,
    withPorts: readonly LocalPod[],
    pods: readonly LocalPod[],
  ): { proxy: ProxyRules | undefined; netfilter: Table[] } {
    const { profile } = this.#routes;
    const compile = this.#proxyOfNodes.get(node.name) ?? this.#proxy;
    const proxy = compile?.(this.#proxyNode(node, side, pods));
    const cache = this.#caches.get(node.name);
    const hostPortPods = withPorts.map((p) => ({ pod: p.placed, subnets: side.subnets.get(p.key) ?? {} }));
    const additions = FAMILIES.flatMap((family) => [
      ...this.#masquerades.for({
        family,
        cni: this.#cluster.settings.cni.value,
        clusterCIDRs: this.#networks[family],
        podCIDR: side.ranges[family]?.text,
        ...this.#standing(node, family),
      }),
      ...hostPortAdditions(hostPortPods, family, profile.name === 'unknown' ? 'podwire' : profile.name),
      ...(cache ? this.#cacheRules.for(cache, family) : []),
    ]);
    return { proxy, netfilter: this.#merger.merge(proxy?.tables ?? [], additions) };
  }

  #standing({ addresses, segment }: FabricNode, family: Family): Pick<MasqueradeInput, 'node'> {
    const [address, subnet] = [addresses[family], segment.subnets[family]];
    return address !== undefined && subnet ? { node: { address, subnet: subnet.text } } : {};
  }

  /** With `snat` portmap lets loopback addresses out to the link behind which the pods are (portmap.go, `enableLocalnetRouting`). */
  #portmapSysctls(side: HostSide, withPorts: readonly LocalPod[]): Record<string, number> {
    const found: Record<string, number> = {};
    for (const { key } of withPorts) {
      const link = side.links.find((l) => l.peer?.netns === key);
      if (link) found[`net.ipv4.conf.${link.master ?? link.name}.route_localnet`] = 1;
    }
    return found;
  }

  #proxyNode(node: FabricNode, side: HostSide, pods: readonly LocalPod[]): ProxyNode {
    const nodeIPs: ProxyNode['nodeIPs'] = {};
    for (const family of FAMILIES) {
      const address = node.addresses[family];
      if (address !== undefined) nodeIPs[familyName(family)] = address;
    }
    const cache = this.#caches.get(node.name);
    const cacheAddresses = cache ? cacheLink(cache).addresses : [];
    const own = [...nodeAddresses(node), ...side.addresses, ...cacheAddresses].map((a) => a.address);
    return {
      name: node.name,
      nodeIPs,
      interfaceAddresses: [...new Set(['127.0.0.1/8', '::1/128', ...own])],
      topologyLabels: node.placed.object.metadata.labels ?? {},
      podCIDRs: nodePodCIDRs(node.placed.object),
      podAddresses: pods.flatMap(({ placed }) => podAddresses(placed.object)),
      ...(!this.#portmap && { hostPortPods: pods.map(({ placed }) => placed.object).filter(hasHostPorts) }),
    };
  }
}

export function buildDataplane(cluster: Cluster): Dataplane {
  const fabric = new Fabric(cluster);
  const profile = cniProfile(cluster.settings.cni.value);
  const wiring = cluster.settings.wiring.value;
  const local = podsByNode(cluster);
  const sides = new Map<string, HostSide>();
  for (const [name, placed] of cluster.nodes) {
    sides.set(
      name,
      wirePods(placed, local.get(name) ?? [], { kind: wiring, gateway: profile.gateway, cni: profile.name }),
    );
  }
  const input: NodeRoutesInput = { cluster, fabric, sides, wiring, profile };
  const builder = new Builder(cluster, input);
  const nodes = new Map<string, NodeState>();
  const roles = new Map<string, NetnsRole>();
  const netnsOfPod = new Map<string, string>();
  const netnses: Netns[] = [];
  for (const [name, node] of fabric.nodes) {
    const pods = local.get(name) ?? [];
    const state = builder.node(node, sides.get(name) as HostSide, pods);
    nodes.set(name, state);
    roles.set(state.host.name, { kind: 'node', node: node.placed });
    netnses.push(state.host);
    for (const pod of state.pods) netnses.push(pod);
    for (const { key, placed } of pods) {
      roles.set(key, { kind: 'pod', pod: placed, node: name });
      netnsOfPod.set(key, key);
    }
  }
  for (const [key, { object }] of cluster.pods) {
    if (object.spec.hostNetwork && !isOver(object) && nodes.has(object.spec.nodeName ?? ''))
      netnsOfPod.set(key, object.spec.nodeName as string);
  }
  const gateway = gatewayOf(input);
  const external = externalOf(cluster, gateway);
  roles.set(gateway.name, { kind: 'gateway' });
  roles.set(external.name, { kind: 'external' });
  return {
    nodes,
    gateway,
    external,
    netnsOfPod,
    describe(netns) {
      const role = roles.get(netns);
      if (!role) throw new Error(`no network namespace is called ${netns}`);
      return role;
    },
    network: { netnses: [...netnses, gateway, external] },
  };
}
