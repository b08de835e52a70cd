/**
 * Troubles that were reported of Kubernetes again and again, as small clusters: each with what is wrong and without, so that the symptom
 * comes and goes with its cause.
 */
import { Reason } from '@podwire/engine';
import type { KubeObject } from '@podwire/model';
import type { Changes, Probe, Scenario } from './scenario.ts';

export interface PublishedBug {
  /** With the issues of github.com/kubernetes/kubernetes that tell of it. */
  name: string;
  probe: Probe;
  broken: Scenario;
  mended: Scenario;
  /** What the client sees, and where the packet, or the answer to it, ended for which reason. */
  symptom: { result: 'timeout' | 'error'; reason: Reason; at: string; inAnswer?: true };
}

const node = (i: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: `node-${i}` },
  spec: { podCIDR: `10.244.${i}.0/24`, podCIDRs: [`10.244.${i}.0/24`] },
  status: {
    addresses: [{ type: 'InternalIP', address: `172.18.0.1${i}` }],
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

interface PodTraits {
  name: string;
  node: number;
  address: string;
}

const WEB: PodTraits = { name: 'web', node: 1, address: '10.244.1.5' };
const CLIENT: PodTraits = { name: 'client', node: 1, address: '10.244.1.6' };
const FAR: PodTraits = { name: 'far', node: 2, address: '10.244.2.5' };

const pod = ({ name, node: i, address }: PodTraits): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName: `node-${i}`, containers: [{ name: 'server', image: 'server', ports: [{ containerPort: 8080 }] }] },
  status: {
    phase: 'Running',
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

const SERVICE_ADDRESS = '10.96.0.10';
const NODE_PORT = 30080;
const BALANCER = '192.0.2.10';

function service(spec: object, endpoints: readonly PodTraits[]): KubeObject[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        type: 'ClusterIP',
        clusterIP: SERVICE_ADDRESS,
        clusterIPs: [SERVICE_ADDRESS],
        ipFamilies: ['IPv4'],
        ports: [{ protocol: 'TCP', port: 80, targetPort: 8080 }],
        ...spec,
      },
      ...('loadBalancerSourceRanges' in spec && { status: { loadBalancer: { ingress: [{ ip: BALANCER }] } } }),
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: endpoints.map(({ name, node: i, address }) => ({
        addresses: [address],
        conditions: { ready: true },
        nodeName: `node-${i}`,
        targetRef: { kind: 'Pod', namespace: 'default', name },
      })),
      ports: [{ protocol: 'TCP', port: 8080 }],
    },
  ];
}

const nodePort = (more: object = {}) => ({
  type: 'NodePort',
  ports: [{ protocol: 'TCP', port: 80, targetPort: 8080, nodePort: NODE_PORT }],
  ...more,
});

const balancer = (range: string) => ({ ...nodePort({ type: 'LoadBalancer' }), loadBalancerSourceRanges: [range] });

interface Cluster {
  spec?: object;
  endpoints?: readonly PodTraits[];
  changes?: Changes;
}

function scenario(probe: Probe, { spec = {}, endpoints = [WEB], changes = {} }: Cluster): Scenario {
  const pods = [WEB, CLIENT, FAR];
  return {
    objects: [node(1), node(2), ...pods.map(pod), ...service(spec, endpoints)],
    overrides: { podCIDRs: ['10.244.0.0/16'], serviceCIDRs: ['10.96.0.0/16'], wiring: 'bridge' },
    listening: pods.map(({ name }) => ({ netns: `default/${name}`, protocol: 'tcp', port: 8080 })),
    changes,
    backend: 'nft',
    probes: [probe],
  };
}

interface Told extends Pick<PublishedBug, 'name' | 'symptom'> {
  probe: Omit<Probe, 'protocol'>;
  broken: Cluster;
  mended: Cluster;
}

function told({ name, symptom, probe, broken, mended }: Told): PublishedBug {
  const whole: Probe = { protocol: 'tcp', ...probe };
  return { name, symptom, probe: whole, broken: scenario(whole, broken), mended: scenario(whole, mended) };
}

const nodes = (name: string, value: number): Changes => ({ sysctls: { '*': { [name]: value } } });

export const publishedBugs: PublishedBug[] = [
  told({
    name: 'a pod does not reach itself by its Service: no hairpin on its bridge port (13375, 20475)',
    probe: { from: 'default/web', daddr: SERVICE_ADDRESS, dport: 80 },
    broken: { changes: { noHairpin: true } },
    mended: {},
    symptom: { result: 'timeout', reason: Reason.BRIDGE_HAIRPIN_OFF, at: 'node-1' },
  }),
  told({
    name: 'a Service with an endpoint on the same node: bridged answers pass iptables by (bridge-nf-call-iptables)',
    probe: { from: 'default/client', daddr: SERVICE_ADDRESS, dport: 80 },
    broken: { changes: nodes('net.bridge.bridge-nf-call-iptables', 0) },
    mended: {},
    symptom: { result: 'timeout', reason: Reason.NO_SOCKET, at: 'default/client', inAnswer: true },
  }),
  told({
    name: 'another program set the policy of FORWARD to DROP (39658)',
    probe: { from: 'default/client', daddr: FAR.address, dport: 8080 },
    broken: { changes: { forwardPolicy: 'drop' } },
    mended: {},
    symptom: { result: 'timeout', reason: Reason.POLICY, at: 'node-1' },
  }),
  told({
    name: 'a node port on localhost without route_localnet (90259, 92315)',
    probe: { from: 'node-1', saddr: '127.0.0.1', daddr: '127.0.0.1', dport: NODE_PORT },
    broken: { spec: nodePort(), changes: nodes('net.ipv4.conf.all.route_localnet', 0) },
    mended: { spec: nodePort() },
    symptom: { result: 'timeout', reason: Reason.BAD_SCOPE, at: 'node-1' },
  }),
  told({
    name: 'externalTrafficPolicy Local: the node asked has no endpoint of its own any more (85643, 50977)',
    probe: { from: '@external', daddr: '172.18.0.12', dport: NODE_PORT },
    broken: { spec: nodePort({ externalTrafficPolicy: 'Local' }) },
    mended: { spec: nodePort({ externalTrafficPolicy: 'Local' }), endpoints: [WEB, FAR] },
    symptom: { result: 'timeout', reason: Reason.RULE, at: 'node-2' },
  }),
  told({
    name: 'a Service without endpoints refuses',
    probe: { from: 'default/client', daddr: SERVICE_ADDRESS, dport: 80 },
    broken: { endpoints: [] },
    mended: {},
    symptom: { result: 'error', reason: Reason.REJECT_RULE, at: 'node-1' },
  }),
  told({
    name: 'loadBalancerSourceRanges leave the client out',
    probe: { from: '@external', daddr: BALANCER, dport: 80 },
    broken: { spec: balancer('198.51.100.0/24') },
    mended: { spec: balancer('203.0.113.0/24') },
    symptom: { result: 'timeout', reason: Reason.RULE, at: 'node-1' },
  }),
];
