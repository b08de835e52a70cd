/** The receiving ends of a question: addresses and ports a packet can be sent to. */
import { type Family, formatAddress, parseAddress } from '@podwire/engine';
import type { Cluster } from '../cluster/cluster.ts';
import { clusterDnsOf } from '../dns/cluster-dns.ts';
import { resolveName } from '../dns/resolve-name.ts';
import type { Pod } from '../objects/kube.ts';
import { declaredPorts } from '../objects/pod-facts.ts';
import { isLoopback } from '../proxy/ip.ts';
import { clusterIPs, externalIPs, hostPort, loadBalancerIPs, nodeAddresses, podAddresses } from './addresses.ts';
import type { AddressKind, DestinationEnd, Hint, Note } from './answer.ts';
import type { Directory } from './directory.ts';
import { find, findOrFail } from './find.ts';
import { type AskedPort, type MeantPort, plainPort, podPorts } from './ports.ts';
import { objectRef, type Provenance } from './provenance.ts';
import { type Reference, shortKind } from './reference.ts';
import { serviceDestinations } from './service-destinations.ts';
import { ownerOf } from './sources.ts';

export interface Destination {
  end: DestinationEnd;
  /** Absent where there is no address, or any outside will do. */
  family?: Family;
  /** The Service it belongs to, and the index of the port in `spec.ports`. */
  service?: { key: string; port?: number };
  /** The pod that owns the address. */
  pod?: string;
  /** The node that owns the address. */
  node?: string;
  /** Set where nothing can be sent: why. */
  nowhere?: { reason: string; summary: string };
}

export interface Destinations {
  label: string;
  all: Destination[];
  hints: Hint[];
  notes: Note[];
}

export interface DestinationQuestion {
  cluster: Cluster;
  directory: Directory;
  provenance: Provenance;
  reference: Reference;
  asked: AskedPort;
  /** Namespaces to look a bare name up in, in turn. */
  namespaces: readonly string[];
  fromOutside: boolean;
  /** The Pod whose resolver looks names up. */
  asker?: Pod;
}

function one(label: string, all: Destination[], hints: Hint[] = [], notes: Note[] = []): Destinations {
  return { label, all, hints, notes };
}

function podDestinations(question: DestinationQuestion, key: string): { all: Destination[]; notes: Note[] } {
  const { cluster, provenance, asked, reference } = question;
  const placed = cluster.pods.get(key);
  if (!placed) return { all: [], notes: [] };
  const object = objectRef(provenance, placed);
  const node = placed.object.spec.nodeName;
  const addresses = podAddresses(placed.object);
  const all = podPorts(placed.object, asked, reference.text).flatMap((meant): Destination[] => {
    const name = `pod/${key}${meant.port === 0 ? '' : `:${meant.port}`}`;
    const base = { addressKind: 'podIP' as const, protocol: meant.protocol, port: meant.port, object };
    if (addresses.length === 0) {
      const phase = placed.object.status?.phase;
      const summary = `${key} has no address${phase === undefined ? '' : ` (phase ${phase})`}.`;
      return [{ end: { name, ...base }, pod: key, nowhere: { reason: 'no-pod-address', summary } }];
    }
    return addresses.map(({ address, family }) => ({
      end: { name, ...base, address },
      family,
      pod: key,
      ...(placed.object.spec.hostNetwork === true && node !== undefined && { node }),
    }));
  });
  return { all, notes: undeclared(placed.object, key, asked, object) };
}

function undeclared(pod: Pod, key: string, asked: AskedPort, object: Note['object']): Note[] {
  const port = asked.port;
  if (typeof port !== 'number') return [];
  const ports = declaredPorts(pod);
  if (ports.length === 0 || ports.some((p) => p.containerPort === port)) return [];
  return [
    {
      kind: 'caveat',
      code: 'port-not-declared',
      text: `No container of ${key} declares port ${port} (declared: ${ports.map((p) => p.containerPort).join(', ')}). That decides nothing, but check that something listens there.`,
      ...(object && { object }),
    },
  ];
}

function nodeDestinations(question: DestinationQuestion, key: string): Destination[] {
  const { cluster, provenance, asked, reference } = question;
  const placed = cluster.nodes.get(key);
  if (!placed) return [];
  const meant = plainPort(asked, reference.text);
  const base = {
    name: `node/${key}${meant.port === 0 ? '' : `:${meant.port}`}`,
    protocol: meant.protocol,
    port: meant.port,
    object: objectRef(provenance, placed),
  };
  const owner = nodePortOwner(cluster, meant);
  const addresses = nodeAddresses(placed.object);
  if (addresses.length === 0) {
    const summary = `node ${key} has no address in its status.`;
    return [{ end: { ...base, addressKind: 'nodeIP' }, node: key, nowhere: { reason: 'no-node-address', summary } }];
  }
  return addresses.map(({ address, family }) => ({
    end: { ...base, addressKind: owner ? 'nodePort' : 'nodeIP', address },
    family,
    node: key,
    ...(owner && { service: owner }),
  }));
}

function nodePortOwner(cluster: Cluster, meant: MeantPort): Destination['service'] {
  if (meant.port === 0) return undefined;
  for (const [key, { object }] of cluster.services) {
    const port = (object.spec.ports ?? []).findIndex(
      (p) => p.nodePort === meant.port && (p.protocol ?? 'TCP').toLowerCase() === meant.protocol,
    );
    if (port >= 0) return { key, port };
  }
  return undefined;
}

/** The Service that an address belongs to, and how. */
function serviceOf(cluster: Cluster, address: string): { key: string; kind: AddressKind } | undefined {
  for (const [key, { object }] of cluster.services) {
    if (clusterIPs(object).some((a) => a.address === address)) return { key, kind: 'clusterIP' };
    if (externalIPs(object).some((a) => a.address === address)) return { key, kind: 'externalIP' };
    if (loadBalancerIPs(object).some((a) => a.address === address)) return { key, kind: 'loadBalancerIP' };
  }
  return undefined;
}

function addressDestination(question: DestinationQuestion, given: string): Destination {
  const { cluster, provenance, asked, reference } = question;
  const parsed = parseAddress(given) as NonNullable<ReturnType<typeof parseAddress>>;
  const address = formatAddress(parsed);
  const service = serviceOf(cluster, address);
  const placed = service && cluster.services.get(service.key);
  const ports = placed?.object.spec.ports ?? [];
  const port = typeof asked.port === 'string' ? ports.find((p) => p.name === asked.port)?.port : asked.port;
  const meant = plainPort(
    { ...asked, ...(port !== undefined && { port }) },
    reference.text,
    ports.length === 1 ? ports[0]?.port : undefined,
  );
  const base = { address, port: meant.port, protocol: meant.protocol, name: hostPort(address, meant.port) };
  if (service && placed) {
    const index = ports.findIndex(
      (p) => p.port === meant.port && (p.protocol ?? 'TCP').toLowerCase() === meant.protocol,
    );
    const object = objectRef(provenance, placed, index >= 0 ? ['spec', 'ports', index] : []);
    return {
      end: { ...base, addressKind: service.kind, object },
      family: parsed.family,
      service: { key: service.key, ...(index >= 0 && { port: index }) },
    };
  }
  const owner = ownerOf(cluster, address);
  if (owner?.kind === 'pod') {
    const pod = cluster.pods.get(owner.key);
    const end = { ...base, addressKind: 'podIP' as const, ...(pod && { object: objectRef(provenance, pod) }) };
    return { end, family: parsed.family, pod: owner.key };
  }
  if (owner) {
    const node = cluster.nodes.get(owner.key);
    const nodePort = nodePortOwner(cluster, meant);
    const end = {
      ...base,
      addressKind: nodePort ? ('nodePort' as const) : ('nodeIP' as const),
      ...(node && { object: objectRef(provenance, node) }),
    };
    return { end, family: parsed.family, node: owner.key, ...(nodePort && { service: nodePort }) };
  }
  // Loopback is the asker's own: of a node or a pod in its network.
  const { asker, fromOutside } = question;
  const onNode = !fromOutside && (!asker || asker.spec.hostNetwork === true);
  const own = isLoopback(parsed) && onNode ? nodePortOwner(cluster, meant) : undefined;
  return {
    end: { ...base, addressKind: own ? 'nodePort' : 'address' },
    family: parsed.family,
    ...(own && { service: own }),
  };
}

/** A pod finds a bare name in its own namespace alone; we found the only Service of that name elsewhere. */
function withNameHint(question: DestinationQuestion, target: Target, key: string, found: Destinations): Destinations {
  const [namespace, name] = key.split('/') as [string, string];
  if (target.kind !== 'name' || target.namespace !== undefined || question.namespaces.includes(namespace)) return found;
  const hint: Hint = {
    code: 'name-in-other-namespace',
    text: `${name} is a Service of namespace ${namespace}; pods of ${question.namespaces[0]} do not find it by that name alone.`,
    mend: `Dial ${name}.${namespace} from there.`,
  };
  return { ...found, hints: [hint, ...found.hints] };
}

/** A name is answered here as by the cluster DNS, also for a pod that asks its node's servers; there it would not be found. */
function withResolverHint({ cluster, asker }: DestinationQuestion, name: string, found: Destinations): Destinations {
  const conf = asker && clusterDnsOf(cluster).resolvConfOf(asker);
  if (!conf || 'error' in conf || conf.type !== 'host') return found;
  const { hostNetwork } = (asker as Pod).spec;
  const hint: Hint = {
    code: 'node-resolver',
    text: `The pod asks its node's nameservers, which know no names of the cluster: ${name} is not found there.`,
    mend: `Set dnsPolicy: ${hostNetwork ? 'ClusterFirstWithHostNet' : 'ClusterFirst'}.`,
  };
  return { ...found, hints: [hint, ...found.hints] };
}

type Target = Extract<Reference['target'], { kind: 'name' | 'object' }>;

function namedDestinations(question: DestinationQuestion, target: Target): Destinations {
  const { cluster, directory, reference, namespaces, asked, fromOutside, provenance, asker } = question;
  const service = (key: string, endpoints?: readonly string[]): Destinations => ({
    label: `svc/${key}`,
    ...serviceDestinations({
      cluster,
      provenance,
      text: reference.text,
      key,
      asked,
      fromOutside,
      ...(endpoints && { endpoints }),
    }),
  });
  let named = find(directory, reference.text, target, namespaces, 'to');
  if (!named && target.kind === 'name' && target.namespace === undefined) {
    const answer = resolveName(cluster, target.name, {
      namespace: namespaces[0] ?? 'default',
      ...(asker && { pod: asker }),
    });
    if (answer?.kind === 'pod') return one(answer.address, [addressDestination(question, answer.address)]);
    if (answer?.kind === 'addresses')
      return one(
        answer.name,
        answer.addresses.map((address) => addressDestination(question, address)),
      );
    if (answer) {
      const isOne = answer.kind === 'headless' && answer.hostname !== undefined;
      return withResolverHint(question, target.name, service(answer.key, isOne ? answer.addresses : undefined));
    }
  }
  // Every pod's /etc/hosts has it, and so has every node's.
  if (!named && target.kind === 'name' && target.name === 'localhost' && target.namespace === undefined)
    return one('localhost', [addressDestination(question, '127.0.0.1')]);
  named ??= findOrFail(cluster, directory, reference.text, target, namespaces, 'to');
  if (named.kind === 'service') return withNameHint(question, target, named.key, service(named.key));
  if (named.kind === 'node') return one(`node/${named.key}`, nodeDestinations(question, named.key));
  if (named.kind === 'pod') {
    const { all, notes } = podDestinations(question, named.key);
    return one(`pod/${named.key}`, all, [], notes);
  }
  const kind = shortKind(named.workload.object.kind);
  const keys = directory.podsOf(named.workload);
  if (keys.length === 0) {
    const object = objectRef(provenance, named.workload, ['spec', 'replicas']);
    const end = {
      name: `${kind}/${named.key}`,
      addressKind: 'podIP' as const,
      protocol: asked.protocol ?? 'tcp',
      object,
    };
    return one(end.name, [{ end, nowhere: { reason: 'no-pods', summary: `${kind}/${named.key} has no pods.` } }]);
  }
  const pods = keys.map((key) => podDestinations(question, key));
  const first = pods[0];
  return one(
    `${kind}/${named.key}`,
    pods.flatMap((p) => p.all),
    [],
    first?.notes ?? [],
  );
}

/** Resolves the receiving end. */
export function destinationsOf(question: DestinationQuestion): Destinations {
  const { target, text } = question.reference;
  if (target.kind === 'external') {
    if (target.address !== undefined) {
      const destination = addressDestination(question, target.address);
      return one(`external:${target.address}`, [
        { ...destination, end: { ...destination.end, addressKind: 'external' } },
      ]);
    }
    const meant = plainPort(question.asked, text, 443);
    return one('external', [
      {
        end: {
          name: `external${meant.port ? `:${meant.port}` : ''}`,
          addressKind: 'external',
          port: meant.port,
          protocol: meant.protocol,
        },
      },
    ]);
  }
  if (target.kind === 'address') {
    const destination = addressDestination(question, target.address);
    return one(destination.end.name, [destination]);
  }
  return namedDestinations(question, target);
}
