/** What a client that knows a Service's name dials: cluster IPs inside; load balancer, external and node addresses outside; endpoints when headless. */
import { formatAddress, parseAddress } from '@podwire/engine';
import type { Cluster, Placed } from '../cluster/cluster.ts';
import { resolveName } from '../dns/resolve-name.ts';
import type { Service, ServicePort } from '../objects/kube.ts';
import { isHeadless } from '../objects/pod-facts.ts';
import { clusterIPs, externalIPs, loadBalancerIPs, nodeAddresses, type OwnAddress } from './addresses.ts';
import type { AddressKind, Hint, Note } from './answer.ts';
import type { Destination } from './destinations.ts';
import { type AskedPort, listServicePorts, type MeantPort, servicePorts } from './ports.ts';
import { objectRef, type Provenance } from './provenance.ts';

export interface ServiceQuestion {
  cluster: Cluster;
  provenance: Provenance;
  text: string;
  key: string;
  asked: AskedPort;
  /** Whether the source stands outside the cluster. */
  fromOutside: boolean;
  /** The name is one endpoint's: the addresses that it has. */
  endpoints?: readonly string[];
}

export interface ServiceDestinations {
  all: Destination[];
  hints: Hint[];
  notes: Note[];
}

interface Dial extends OwnAddress {
  kind: AddressKind;
  port: number;
  node?: string;
  pod?: string;
}

function portLabel(meant: MeantPort): string {
  return meant.protocol === 'icmp' ? '' : `:${meant.name ?? meant.port}`;
}

/** The addresses a client outside would use, in the order people prefer them. */
function outsideDials(cluster: Cluster, service: Service, meant: MeantPort): Dial[] {
  const spec = meant.index === undefined ? undefined : service.spec.ports?.[meant.index];
  const direct = [
    ...loadBalancerIPs(service).map((a): Dial => ({ ...a, kind: 'loadBalancerIP', port: meant.port })),
    ...externalIPs(service).map((a): Dial => ({ ...a, kind: 'externalIP', port: meant.port })),
  ];
  if (direct.length > 0) return direct;
  const nodePort = spec?.nodePort;
  if (nodePort !== undefined && nodePort > 0) {
    const families = new Set(clusterIPs(service).map((a) => a.family));
    return [...cluster.nodes].flatMap(([node, placed]) =>
      nodeAddresses(placed.object)
        .filter((a) => families.has(a.family))
        .map((a): Dial => ({ ...a, kind: 'nodePort', port: nodePort, node })),
    );
  }
  return clusterIPs(service).map((a) => ({ ...a, kind: 'clusterIP', port: meant.port }));
}

/** What the cluster DNS answers for a headless Service: the addresses of its ready endpoints. */
function headlessDials(
  { cluster, key, endpoints, asked }: ServiceQuestion,
  service: Service,
  meant: MeantPort,
): Dial[] {
  const name = meant.index === undefined ? undefined : (service.spec.ports?.[meant.index]?.name ?? '');
  const dials: Dial[] = [];
  for (const { object: slice } of cluster.endpointSlices.get(key) ?? []) {
    if (slice.addressType === 'FQDN') continue;
    const port = slice.ports?.find((p) => (p.name ?? '') === name)?.port;
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.conditions?.ready === false && !service.spec.publishNotReadyAddresses) continue;
      for (const text of endpoint.addresses) {
        const address = parseAddress(text);
        if (!address || (endpoints && !endpoints.includes(formatAddress(address)))) continue;
        const pod =
          endpoint.targetRef?.kind === 'Pod' ? `${endpoint.targetRef.namespace}/${endpoint.targetRef.name}` : undefined;
        // A number is dialled as it is; a name is looked up (SRV) and gives the endpoint's own port.
        const dialled = typeof asked.port === 'string' && port !== undefined ? port : meant.port;
        dials.push({
          address: text,
          family: address.family,
          kind: 'podIP',
          port: dialled,
          ...(pod !== undefined && { pod }),
        });
      }
    }
  }
  return dials;
}

/** Ports of the endpoints themselves, which clients of a headless Service dial. */
function servedPorts(cluster: Cluster, key: string): number[] {
  return (cluster.endpointSlices.get(key) ?? []).flatMap((s) => s.object.ports ?? []).flatMap((p) => p.port ?? []);
}

/** The ports that the slices of a Service have under one of its port names. */
function slicePorts(cluster: Cluster, key: string, name: string): number[] {
  const ports = (cluster.endpointSlices.get(key) ?? []).flatMap((s) => s.object.ports ?? []);
  return [...new Set(ports.filter((p) => (p.name ?? '') === name).flatMap((p) => p.port ?? []))];
}

function headlessHint(
  { cluster, key, asked, provenance }: ServiceQuestion,
  service: Placed<Service>,
  meant: MeantPort,
): Hint | undefined {
  const port = meant.index === undefined ? undefined : service.object.spec.ports?.[meant.index];
  if (!port || typeof asked.port === 'string') return undefined;
  const targets = slicePorts(cluster, key, port.name ?? '');
  if (targets.length === 0 || targets.includes(port.port)) return undefined;
  return {
    code: 'headless-port',
    text: `A headless Service translates no ports: its name resolves to pods, and port ${port.port} is dialled there although they serve it on ${targets.join(', ')}.`,
    mend: `Dial port ${targets[0]}, or give the Service a cluster IP.`,
    object: objectRef(provenance, service, ['spec', 'ports', meant.index as number, 'targetPort']),
  };
}

/** What the number asked for is, if it is no port of the Service. */
function whatItIs(near: ServicePort, asked: number): string {
  if (near.port === asked) return ` Its port ${asked} is ${near.protocol ?? 'TCP'}.`;
  if (near.nodePort === asked) return ' It is a node port, which only node addresses have.';
  return ' It is a targetPort: clients of the Service dial its port.';
}

/** The field that is wrong where the number is right: the protocol, which is TCP where nothing says so. */
function wrongPortPath(at: number, near: ServicePort | undefined, meant: MeantPort): (string | number)[] {
  if (at < 0) return ['spec', 'ports'];
  return near?.port === meant.port ? ['spec', 'ports', at, 'protocol'] : ['spec', 'ports', at];
}

function wrongPortHint(service: Placed<Service>, meant: MeantPort, provenance: Provenance): Hint {
  const ports = service.object.spec.ports ?? [];
  const at = ports.findIndex((p) => [p.port, p.targetPort, p.nodePort].includes(meant.port));
  const near = ports[at];
  const name = `svc/${service.object.metadata.name}`;
  const first = near ?? ports[0];
  const protocol = (first?.protocol ?? 'TCP').toLowerCase();
  const ask = `${protocol === 'tcp' ? '' : `${protocol}:`}${name}:${first?.port}${near?.port === meant.port ? ` with ${protocol}` : ''}`;
  return {
    code: 'no-such-service-port',
    text: `${name} has no port ${meant.port}/${meant.protocol}; it has ${listServicePorts(service.object) || 'none'}.${near ? whatItIs(near, meant.port) : ''}`,
    mend: first ? `Ask ${near ? '' : 'one of its ports: '}${ask}.` : 'Give it ports.',
    object: objectRef(provenance, service, wrongPortPath(at, near, meant)),
  };
}

function externalName(question: ServiceQuestion, service: Placed<Service>): ServiceDestinations {
  const { cluster, key, asked } = question;
  const name = service.object.spec.externalName ?? '';
  const inside = resolveName(cluster, `${name.replace(/\.$/, '')}.`, { namespace: key.split('/')[0] as string });
  if (inside?.kind === 'service' || inside?.kind === 'headless') {
    const isOne = inside.kind === 'headless' && inside.hostname !== undefined;
    const answer = serviceDestinations({ ...question, key: inside.key, ...(isOne && { endpoints: inside.addresses }) });
    return {
      ...answer,
      notes: [
        ...answer.notes,
        {
          kind: 'intended',
          code: 'external-name',
          text: `svc/${key} is an alias of ${name}, which is svc/${inside.key}.`,
        },
      ],
    };
  }
  const port =
    asked.protocol === 'icmp'
      ? 0
      : typeof asked.port === 'number'
        ? asked.port
        : (service.object.spec.ports?.[0]?.port ?? 443);
  const object = objectRef(question.provenance, service, ['spec', 'externalName']);
  return {
    all: [
      {
        end: {
          name: `${name}${port ? `:${port}` : ''}`,
          addressKind: 'external',
          protocol: asked.protocol ?? 'tcp',
          port,
          object,
        },
        service: { key },
      },
    ],
    hints: [],
    notes: [
      {
        kind: 'assumption',
        code: 'external-name-address',
        text: `svc/${key} is an alias of ${name}; its address is not in the input, one outside the cluster is assumed.`,
        settle: 'ask for the address: external:ADDRESS',
        object,
      },
    ],
  };
}

function nowhere(service: Service, meant: MeantPort, headless: boolean): Destination['nowhere'] {
  if (headless) {
    return {
      reason: 'no-endpoints',
      summary: `The name resolves to no address: svc/${service.metadata.name} is headless and has no ready endpoint.`,
    };
  }
  return {
    reason: 'no-address',
    summary: `svc/${service.metadata.name} has no address for port ${meant.port} in the input.`,
  };
}

/** One destination per port meant and address dialled. */
export function serviceDestinations(question: ServiceQuestion): ServiceDestinations {
  const { cluster, key, text, asked, fromOutside, provenance } = question;
  const service = cluster.services.get(key) as Placed<Service>;
  if (service.object.spec.type === 'ExternalName') return externalName(question, service);
  const headless = isHeadless(service.object) || question.endpoints !== undefined;
  const hints: Hint[] = [];
  const notes: Note[] = [];
  const all: Destination[] = [];
  for (const meant of servicePorts(service.object, asked, text)) {
    const object = objectRef(
      provenance,
      service,
      meant.index === undefined ? ['metadata', 'name'] : ['spec', 'ports', meant.index],
    );
    const ref = { key, ...(meant.index !== undefined && { port: meant.index }) };
    const name = `svc/${key}${portLabel(meant)}`;
    const isServed = headless && servedPorts(cluster, key).includes(meant.port);
    if (meant.index === undefined && meant.protocol !== 'icmp' && !isServed)
      hints.push(wrongPortHint(service, meant, provenance));
    const dials = headless
      ? headlessDials(question, service.object, meant)
      : fromOutside
        ? outsideDials(cluster, service.object, meant)
        : clusterIPs(service.object).map((a): Dial => ({ ...a, kind: 'clusterIP', port: meant.port }));
    if (headless) {
      const hint = headlessHint(question, service, meant);
      if (hint) hints.push(hint);
    }
    if (dials.length === 0) {
      const end = {
        name,
        addressKind: headless ? ('podIP' as const) : ('clusterIP' as const),
        protocol: meant.protocol,
        port: meant.port,
        object,
      };
      const why = nowhere(service.object, meant, headless);
      all.push({ end, service: ref, ...(why && { nowhere: why }) });
    }
    for (const dial of dials) {
      all.push({
        end: {
          name,
          addressKind: dial.kind,
          address: dial.address,
          port: meant.protocol === 'icmp' ? 0 : dial.port,
          protocol: meant.protocol,
          object,
        },
        family: dial.family,
        service: ref,
        ...(dial.pod !== undefined && { pod: dial.pod }),
        ...(dial.node !== undefined && { node: dial.node }),
      });
    }
  }
  if (fromOutside && !headless) notes.push(...outsideNotes(service, all, provenance));
  return { all, hints, notes };
}

function outsideNotes(service: Placed<Service>, all: readonly Destination[], provenance: Provenance): Note[] {
  const kinds = new Set(all.map((d) => d.end.addressKind));
  const object = objectRef(provenance, service, ['spec', 'type']);
  const name = `svc/${service.object.metadata.name}`;
  if (kinds.has('clusterIP')) {
    return [
      {
        kind: 'intended',
        code: 'cluster-ip-from-outside',
        text: `${name} has only a cluster IP, which no network outside the nodes routes.`,
        settle: 'give it spec.type NodePort or LoadBalancer, or an Ingress',
        object,
      },
    ];
  }
  if (kinds.has('nodePort') && service.object.spec.type === 'LoadBalancer') {
    return [
      {
        kind: 'assumption',
        code: 'load-balancer-address',
        text: `${name} is of type LoadBalancer but the input shows no address of it; the node ports behind it are asked instead.`,
        settle: 'add the Service with its status: kubectl get svc -o json',
        object,
      },
    ];
  }
  return [];
}
