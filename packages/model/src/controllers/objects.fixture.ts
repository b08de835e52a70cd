/** Small objects for tests of controllers. */
import type { EndpointSlice, Node, Pod, Service } from '../objects/kube.ts';
import type { Reconciled, ReconcileInput } from './reconcile.ts';
import { newSlice, SLICE_CONTROLLER } from './slice-metadata.ts';

interface PodFacts {
  ready?: boolean;
  terminating?: boolean;
  phase?: string;
  ips?: string[];
  node?: string;
  ports?: { name: string; containerPort: number; protocol?: 'TCP' | 'UDP' }[];
  spec?: Partial<Pod['spec']>;
}

/** Pod `p7` has the address 10.1.0.7 and listens at http 8080 on node a. */
export function pod(number: number, facts: PodFacts = {}): Pod {
  const { ready = true, terminating = false, phase = 'Running', node = 'a' } = facts;
  const ips = facts.ips ?? [`10.1.${number >> 8}.${number & 255}`];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `p${number}`,
      namespace: 'shop',
      uid: `u${number}`,
      labels: { app: 'api' },
      ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: {
      nodeName: node,
      containers: [{ name: 'c', ports: facts.ports ?? [{ name: 'http', containerPort: 8080 }] }],
      ...facts.spec,
    },
    status: {
      phase,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

export function pods(from: number, count: number, facts: PodFacts = {}): Pod[] {
  return Array.from({ length: count }, (_, i) => pod(from + i, facts));
}

export function service(spec: Partial<Service['spec']> = {}, metadata: Partial<Service['metadata']> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'api', namespace: 'shop', uid: 's', ...metadata },
    spec: {
      selector: { app: 'api' },
      clusterIP: '10.96.0.9',
      ipFamilies: ['IPv4'],
      ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
      ...spec,
    },
  };
}

/** Node a in zone za, and so on; 1 CPU unless said. */
export function node(name: string, cpu = '1', zone = `z${name}`): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

const HTTP = [{ name: 'http', port: 8080, protocol: 'TCP' as const }];

/** The slice that the controller would have made of these pods alone. */
export function slice(name: string, of: Service, endpoints: EndpointSlice['endpoints'], ports = HTTP): EndpointSlice {
  const made = newSlice(of, 'IPv4', ports, SLICE_CONTROLLER);
  return { ...made, metadata: { ...made.metadata, name }, endpoints };
}

export function inputOf(of: Service, given: readonly Pod[], existing: readonly EndpointSlice[] = []): ReconcileInput {
  const nodes = new Map(['a', 'b', 'c'].map((name) => [name, node(name)]));
  return { service: of, pods: given, node: (name) => nodes.get(name), existing };
}

/** Names and numbers of endpoints: `create 100 1`, `update x:90`. */
export function writes({ create, update, delete: gone, unchanged }: Reconciled): string {
  const sized = (slices: readonly EndpointSlice[]) => slices.map((s) => `${s.metadata.name}:${s.endpoints.length}`);
  const parts: [string, string[]][] = [
    ['create', create.map((s) => String(s.endpoints.length))],
    ['update', sized(update)],
    ['delete', gone.map((s) => s.metadata.name)],
    ['keep', sized(unchanged)],
  ];
  return parts.flatMap(([word, list]) => (list.length > 0 ? [`${word} ${list.join(' ')}`] : [])).join(', ');
}
