/** The flows by which proxy modes are compared: to every address and port of every Service, from one of each sort of place. */
import { formatAddress, parsePrefix } from '@podwire/engine';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import type { Dataplane } from '../dataplane/node-state.ts';
import { nth } from '../net/cidr.ts';
import type { Service, ServicePort } from '../objects/kube.ts';
import { isOver } from '../objects/pod-facts.ts';
import { clusterIPs, externalIPs, loadBalancerIPs, nodeAddresses, type OwnAddress } from './addresses.ts';
import type { AddressKind, Place } from './answer.ts';
import type { Destination } from './destinations.ts';
import { objectRef, type Provenance } from './provenance.ts';
import type { TransportName } from './reference.ts';

export interface Flow {
  /** `namespace/name`. */
  service: string;
  from: { name: string; place: Place; address?: string };
  to: Destination & { end: { address: string; protocol: TransportName } };
}

const ZONE = 'topology.kubernetes.io/zone';
/** A port that hardly any Service has: discard. */
const UNUSUAL_PORTS = [9, 11, 13];
const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

interface Sender {
  name: string;
  place: Place;
  address?: string;
  /** Where it is. */
  node?: string;
}

/** What the choice of senders knows of the cluster. */
export class FlowMaker {
  readonly #cluster: Cluster;
  readonly #dataplane: Dataplane;
  readonly #provenance: Provenance;
  readonly #podsOfNode = new Map<string, string[]>();
  readonly #podByAddress = new Map<string, string>();

  constructor(cluster: Cluster, dataplane: Dataplane, provenance: Provenance) {
    this.#cluster = cluster;
    this.#dataplane = dataplane;
    this.#provenance = provenance;
    for (const [key, { object }] of cluster.pods) {
      if (isOver(object) || object.spec.hostNetwork || !dataplane.netnsOfPod.has(key)) continue;
      const node = object.spec.nodeName ?? '';
      this.#podsOfNode.set(node, [...(this.#podsOfNode.get(node) ?? []), key]);
      for (const { ip } of object.status?.podIPs ?? []) if (ip !== undefined) this.#podByAddress.set(ip, key);
    }
  }

  *all(): Generator<Flow> {
    for (const [key, service] of this.#cluster.services) {
      if (service.object.spec.type === 'ExternalName' || clusterIPs(service.object).length === 0) continue;
      yield* this.#ofService(key, service);
    }
  }

  /** One node of each sort: with endpoints and without, in each zone. */
  #nodes(key: string): string[] {
    const having = new Set<string>();
    for (const { object } of this.#cluster.endpointSlices.get(key) ?? [])
      for (const { nodeName } of object.endpoints ?? []) if (nodeName !== undefined) having.add(nodeName);
    const sorts = new Map<string, string>();
    for (const [name, { object }] of this.#cluster.nodes) {
      const sort = `${having.has(name)} ${object.metadata.labels?.[ZONE] ?? ''}`;
      if (!sorts.has(sort)) sorts.set(sort, name);
    }
    return [...sorts.values()];
  }

  /** On each of the nodes: itself, a pod behind the Service, and a pod that is not. */
  #inside(key: string, nodes: readonly string[]): Sender[] {
    const behind = new Set(
      (this.#cluster.endpointSlices.get(key) ?? []).flatMap(({ object }) =>
        (object.endpoints ?? []).flatMap(({ addresses }) => addresses.flatMap((a) => this.#podByAddress.get(a) ?? [])),
      ),
    );
    return nodes.flatMap((node) => {
      const pods = this.#podsOfNode.get(node) ?? [];
      const some = [pods.find((pod) => !behind.has(pod)), pods.find((pod) => behind.has(pod))];
      return [
        { name: `node/${node}`, place: { kind: 'node' as const, name: node }, node },
        ...some.flatMap((pod): Sender[] =>
          pod === undefined ? [] : [{ name: pod, place: { kind: 'pod', name: pod, node }, node }],
        ),
      ];
    });
  }

  /** Anybody, and where sources are ranged somebody of each range. */
  #outside(service: Service): Sender[] {
    const place: Place = { kind: 'external', name: 'external' };
    const ranges = (service.spec.loadBalancerSourceRanges ?? []).flatMap((text) => {
      const prefix = parsePrefix(text.trim());
      // Anybody is in a range of all addresses. The first of a range is its network's, which hardly any host has.
      if (!prefix || prefix.length === 0) return [];
      const address = nth(prefix, 1) ?? prefix;
      return [formatAddress(address)];
    });
    const known = (address: string) => this.#podByAddress.has(address) || this.#isNode(address);
    return [
      { name: 'external', place },
      ...ranges.filter((a) => !known(a)).map((address) => ({ name: `external:${address}`, place, address })),
    ];
  }

  #isNode(address: string): boolean {
    return [...this.#cluster.nodes.values()].some(({ object }) =>
      nodeAddresses(object).some((own) => own.address === address),
    );
  }

  *#ofService(key: string, service: Placed<Service>): Generator<Flow> {
    const { object } = service;
    const nodes = this.#nodes(key);
    const inside = this.#inside(key, nodes);
    const outside = this.#outside(object);
    for (const [index, port] of (object.spec.ports ?? []).entries()) {
      const fronts: [AddressKind, OwnAddress[]][] = [
        ['clusterIP', clusterIPs(object)],
        ['externalIP', externalIPs(object)],
        ['loadBalancerIP', loadBalancerIPs(object)],
      ];
      for (const [kind, addresses] of fronts)
        for (const own of addresses)
          for (const from of kind === 'clusterIP' ? inside : [...inside, ...outside])
            yield* this.#flow(key, service, from, kind, own, port.port, { port, index });
      yield* this.#toNodePort(key, service, { port, index }, nodes, [...inside, ...outside]);
    }
    yield* this.#toNoPort(key, service, inside);
  }

  *#toNodePort(
    key: string,
    service: Placed<Service>,
    meant: { port: ServicePort; index: number },
    nodes: readonly string[],
    senders: readonly Sender[],
  ): Generator<Flow> {
    const { nodePort = 0 } = meant.port;
    if (nodePort === 0) return;
    const families = new Set(clusterIPs(service.object).map(({ family }) => family));
    for (const node of nodes) {
      for (const own of this.#addressesOf(node)) {
        if (!families.has(own.family)) continue;
        for (const from of senders) yield* this.#flow(key, service, from, 'nodePort', own, nodePort, meant, node);
      }
      const itself = senders.find(({ place }) => place.kind === 'node' && place.name === node);
      for (const family of itself ? families : []) {
        const own = { address: LOOPBACK[family], family };
        yield* this.#flow(key, service, itself as Sender, 'nodePort', own, nodePort, meant, node);
      }
    }
  }

  /** Every address of the node but loopback and those of Services (IPVS mode), which stand on a link that is down: node ports may be served on others than its own. */
  #addressesOf(node: string): OwnAddress[] {
    const { addresses = [], links = [] } = this.#dataplane.nodes.get(node)?.host ?? {};
    const down = new Set(links.flatMap(({ name, up }) => (up === false ? [name] : [])));
    const found = addresses.flatMap(({ address, link }) => (down.has(link) ? [] : address.split('/')[0]));
    return [...new Set(found)].flatMap((address): OwnAddress[] => {
      if (address === undefined || /^(?:127\.|::1$|fe80:|169\.254\.)/.test(address)) return [];
      return [{ address, family: address.includes(':') ? 6 : 4 }];
    });
  }

  /** What comes to a cluster IP and to none of its ports. */
  *#toNoPort(key: string, service: Placed<Service>, senders: readonly Sender[]): Generator<Flow> {
    const { ports = [] } = service.object.spec;
    const closed = UNUSUAL_PORTS.find((port) => !ports.some((one) => one.port === port));
    const from = senders.find(({ place }) => place.kind === 'pod') ?? senders[0];
    if (!from) return;
    for (const own of clusterIPs(service.object)) {
      if (closed !== undefined) yield* this.#flow(key, service, from, 'clusterIP', own, closed, undefined);
      yield* this.#flow(key, service, from, 'clusterIP', own, 0, undefined);
    }
  }

  *#flow(
    key: string,
    service: Placed<Service>,
    { name, place, address, node: at }: Sender,
    addressKind: AddressKind,
    own: OwnAddress,
    number: number,
    meant: { port: ServicePort; index: number } | undefined,
    node?: string,
  ): Generator<Flow> {
    if (address !== undefined && address.includes(':') !== (own.family === 6)) return;
    // Bridges and loopback have addresses that only the node itself and its pods mean.
    if (place.kind === 'external' && node !== undefined && !this.#isNode(own.address)) return;
    if (node !== undefined && at !== undefined && at !== node && !this.#isNode(own.address)) return;
    const protocol = (
      meant ? (meant.port.protocol ?? 'TCP').toLowerCase() : number === 0 ? 'icmp' : 'tcp'
    ) as TransportName;
    const object = objectRef(this.#provenance, service, meant ? ['spec', 'ports', meant.index] : ['metadata', 'name']);
    const label = meant ? `:${meant.port.name ?? meant.port.port}` : number === 0 ? '' : `:${number}`;
    yield {
      service: key,
      from: { name, place, ...(address !== undefined && { address }) },
      to: {
        end: { name: `svc/${key}${label}`, addressKind, address: own.address, port: number, protocol, object },
        family: own.family,
        service: { key, ...(meant && { port: meant.index }) },
        ...(node !== undefined && { node }),
      },
    };
  }
}
