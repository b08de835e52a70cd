/**
 * Cilium in place of kube-proxy: what a node's programs for sockets and links balance. By documentation: docs.cilium.io, "Kubernetes Without
 * kube-proxy"; bpf/bpf_sock.c, bpf/lib/nodeport.h.
 */
import type { Balancer, BalancerFrontend, Balancing, LinkBalancing } from '@podwire/engine';
import type { EndpointSlice, Service } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { OnceReported } from '../once-reported.ts';
import type { ProxyCompiler, ProxyNode, ProxyObjects, ProxyRules } from '../proxy.ts';
import { layer, type Sides, sidesOf } from './balancers.ts';
import { type LbOptions, lbOptions, type OptionTexts } from './options.ts';
import type { EbpfPrograms } from './programs.ts';
import type { LbFrontend } from './records.ts';
import { serviceName } from './service.ts';
import { backendsOfSlice, serviceOfSlice } from './slices.ts';
import { LoadBalancerTables } from './tables.ts';

/** `IPV4_LOOPBACK` of Cilium's programs: whom a pod sees that reaches itself through a Service. */
const HAIRPIN = ['169.254.42.1'];
const EVERYWHERE = ['0.0.0.0/0', '::/0'];
const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const NODE_ANNOTATIONS = ['service.cilium.io/node', 'service.cilium.io/node-selector'];

/** Which nodes have it, or which backends, depends on the node. */
function dependsOnNode({ spec, metadata }: Service, options: LbOptions, nodeIPs: ReadonlySet<string>): boolean {
  const { annotations = {} } = metadata;
  if (spec.externalTrafficPolicy === 'Local' || spec.internalTrafficPolicy === 'Local' || options.serviceTopology)
    return true;
  if (NODE_ANNOTATIONS.some((name) => annotations[name] !== undefined)) return true;
  return (spec.externalIPs ?? []).some((ip) => nodeIPs.has(ip));
}

function sctpLeftOut(services: readonly Service[]): Problem[] {
  const found = services.filter(({ spec }) => spec.ports?.some(({ protocol }) => protocol === 'SCTP'));
  return found.map((service) => ({
    severity: 'warning',
    code: 'sctp-not-balanced',
    message: `Cilium balances no SCTP unless enable-sctp is set, which podwire does not model: Service ${serviceName(service)} has no frontend for it.`,
    object: `Service ${serviceName(service)}`,
  }));
}

/** Options that change what becomes of packets in ways that are not modelled, with what they turn on. */
const NOT_MODELLED: Readonly<Record<string, string>> = {
  'enable-sctp': 'balancing of SCTP',
  'enable-local-redirect-policy': 'local redirect policies',
  'enable-egress-gateway': 'egress gateways',
  'enable-ipv4-egress-gateway': 'egress gateways',
  'enable-nat46x64-gateway': 'translation between address families',
  'enable-bpf-masquerade': 'masquerading by its own programs',
};

/** What a configuration turns on of it, in words. */
export function ebpfNotModelled(texts: OptionTexts): string[] {
  const { acceleration } = lbOptions(texts).options;
  const named = Object.entries(NOT_MODELLED).filter(([name]) => texts[name] === 'true');
  const found = named.map(([name, what]) => `${what} (${name})`);
  if (acceleration !== 'disabled')
    found.push(`acceleration by XDP (bpf-lb-acceleration: ${acceleration}), taken for the same programs at tc`);
  return found;
}

class Prepared {
  readonly #options: LbOptions;
  readonly #problems = new OnceReported();
  readonly #nodeIPs: readonly string[];
  readonly #ofNode: Service[];
  readonly #slicesOf = new Map<string, EndpointSlice[]>();
  readonly #shared: { inside: Balancer; outside: Balancer };
  readonly #taken = new Set<string>();
  /** Services with a backend on any node. */
  readonly #anywhere = new Map<string, boolean>();
  readonly #hostNodes: readonly string[];

  constructor({ services, endpointSlices, nodeIPs = [] }: ProxyObjects, texts: OptionTexts) {
    const { options, problems } = lbOptions(texts);
    this.#options = options;
    this.#nodeIPs = nodeIPs;
    this.#hostNodes = [...nodeIPs, ...LOOPBACK];
    for (const problem of [...problems, ...sctpLeftOut(services)]) this.#problems.report(problem);
    for (const slice of endpointSlices) {
      const name = serviceOfSlice(slice);
      this.#slicesOf.set(name, [...(this.#slicesOf.get(name) ?? []), slice]);
    }
    const known = new Set<string>(nodeIPs);
    const isOfNode = (service: Service) => dependsOnNode(service, options, known);
    this.#ofNode = services.filter(isOfNode);
    const tables = this.#tables(services.filter((service) => !isOfNode(service)));
    for (const { address } of tables) this.#taken.add(address.text);
    const { inside, outside } = sidesOf(tables, options, new Set(), this.#hasBackends);
    this.#shared = { inside: { frontends: inside }, outside: { frontends: outside } };
  }

  readonly #hasBackends = (service: string): boolean => {
    const known =
      this.#anywhere.get(service) ??
      (this.#slicesOf.get(service) ?? []).some((slice) => backendsOfSlice(slice, this.#options).size > 0);
    this.#anywhere.set(service, known);
    return known;
  };

  #tables(services: readonly Service[], node?: ProxyNode): LbFrontend[] {
    const tables = new LoadBalancerTables({
      options: this.#options,
      node: { name: node?.name ?? '', labels: node?.topologyLabels ?? {} },
      report: this.#problems.report,
    });
    for (const service of services) {
      tables.upsertService(service);
      const slices = this.#slicesOf.get(serviceName(service)) ?? [];
      tables.updateSlices(slices.map((slice) => ({ slice, gone: false })));
    }
    // What is not said to have ended is taken to run.
    for (const pod of node?.hostPortPods ?? [])
      tables.updatePod({ ...pod, status: { ...pod.status, phase: pod.status?.phase ?? 'Running' } }, false);
    return tables.frontends.filter(({ address }) => !this.#taken.has(address.text));
  }

  /** Host ports of every address are asked for at the node's own alone, those of loopback by the node alone. */
  #hostPorts(frontends: readonly LbFrontend[], inside: readonly BalancerFrontend[], ips: readonly string[]) {
    const wild = frontends.filter(
      ({ type, address }) => type === 'HostPort' && (address.ip === '0.0.0.0' || address.ip === '::'),
    );
    const at = (ip: string, one: LbFrontend) => {
      const [made] = sidesOf([one], this.#options, new Set([one.address.ip]), this.#hasBackends).inside;
      return made && ip.includes(':') === (one.address.family === 'IPv6') ? [{ ...made, address: ip }] : [];
    };
    const own = wild.filter(({ service }) => !service.loopbackHostPort);
    return {
      pods: [...inside, ...own.flatMap((one) => ips.flatMap((ip) => at(ip, one)))],
      loopback: wild.flatMap((one) => ['127.0.0.1', '::1'].flatMap((ip) => at(ip, one))),
    };
  }

  node(node: ProxyNode): ProxyRules {
    const options = this.#options;
    const ips = Object.values(node.nodeIPs);
    const frontends = this.#tables(this.#ofNode, node);
    const sides: Sides = sidesOf(frontends, options, new Set(ips), this.#hasBackends);
    const { pods, loopback } = this.#hostPorts(frontends, sides.inside, ips);
    const inside = layer(this.#shared.inside, pods);
    const sockets: Balancing = { balancer: inside, nodes: this.#nodeIPs };
    const device: LinkBalancing = {
      balancer: layer(this.#shared.outside, sides.outside),
      nodes: ips,
      local: [...ips, ...(node.podAddresses ?? [])],
      sources: ips,
    };
    const programs: EbpfPrograms = {
      ...(options.socketLB && { host: { balancer: layer(inside, loopback), nodes: this.#hostNodes } }),
      ...(options.socketLB && !options.socketLBHostNamespaceOnly
        ? { pods: sockets }
        : { podLinks: { ...sockets, local: EVERYWHERE, loopback: HAIRPIN } }),
      device,
    };
    return { tables: [], sysctls: {}, problems: this.#problems.take(), ebpf: programs };
  }
}

export const ebpfCompiler: ProxyCompiler = {
  name: 'ebpf',
  prepare(objects, config) {
    const prepared = new Prepared(objects, config.cilium ?? {});
    return (node) => prepared.node(node);
  },
};
