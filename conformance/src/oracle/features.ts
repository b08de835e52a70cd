/** Which features of Services a cluster has, and which its probes try: so that a run can say what it has judged. */
import type { EndpointSlice, Pod, Service } from '@podwire/model';
import type { Probe, Scenario } from './scenario.ts';
import type { World } from './world.ts';

interface Made {
  scenario: Scenario;
  world: World;
  services: Service[];
  slices: EndpointSlice[];
  pods: Pod[];
  probes: Probe[];
}

type Test = (made: Made) => boolean;

const service =
  (test: (service: Service) => boolean): Test =>
  ({ services }) =>
    services.some(test);
const endpoint =
  (test: (endpoint: EndpointSlice['endpoints'][number]) => boolean): Test =>
  ({ slices }) =>
    slices.some((slice) => slice.endpoints.some(test));
const pod =
  (test: (pod: Pod) => boolean): Test =>
  ({ pods }) =>
    pods.some(test);
const probe =
  (test: (probe: Probe, made: Made) => boolean): Test =>
  (made) =>
    made.probes.some((one) => test(one, made));

const ingressOf = ({ status }: Service) => status?.loadBalancer?.ingress ?? [];
const portsOf = ({ spec }: Service) => spec.ports ?? [];
const proxyOf = ({ scenario }: Made) => scenario.overrides.proxy ?? {};
const isPod = ({ from }: Probe) => from.includes('/');
const isNode = ({ from }: Probe) => !from.includes('/') && from !== '@external';
const repeats = (values: readonly unknown[]) => new Set(values).size < values.length;

const FEATURES: Readonly<Record<string, Test>> = {
  ClusterIP: service(({ spec }) => spec.type === 'ClusterIP' && spec.clusterIP !== 'None'),
  NodePort: service(({ spec }) => spec.type === 'NodePort'),
  LoadBalancer: service(({ spec }) => spec.type === 'LoadBalancer'),
  headless: service(({ spec }) => spec.clusterIP === 'None'),
  ExternalName: service(({ spec }) => spec.type === 'ExternalName'),
  'service-proxy-name': service(({ metadata }) => metadata.labels !== undefined),
  externalIPs: service(({ spec }) => spec.externalIPs !== undefined),
  'externalIP of a node': ({ services, world }) => {
    const own = [...world.dataplane.nodes.values()].flatMap(({ host }) => host.addresses.map(({ address }) => address));
    return services.some(({ spec }) => (spec.externalIPs ?? []).some((ip) => own.some((a) => a.startsWith(`${ip}/`))));
  },
  sessionAffinity: service(({ spec }) => spec.sessionAffinity === 'ClientIP'),
  'internalTrafficPolicy Local': service(({ spec }) => spec.internalTrafficPolicy === 'Local'),
  'externalTrafficPolicy Local': service(({ spec }) => spec.externalTrafficPolicy === 'Local'),
  healthCheckNodePort: probe(({ dport }, { services }) =>
    services.some(({ spec }) => spec.healthCheckNodePort === dport),
  ),
  'source ranges': service(({ spec }) => spec.loadBalancerSourceRanges !== undefined),
  loadBalancerClass: service(({ spec }) => spec.loadBalancerClass !== undefined),
  'allocateLoadBalancerNodePorts false': service(({ spec }) => spec.allocateLoadBalancerNodePorts === false),
  'ipMode VIP': service((s) => ingressOf(s).some(({ ipMode }) => ipMode === 'VIP')),
  'ipMode Proxy': service((s) => ingressOf(s).some(({ ipMode }) => ipMode === 'Proxy')),
  'balancer by name': service((s) => ingressOf(s).some(({ hostname }) => hostname !== undefined)),
  'named target port': service((s) => portsOf(s).some(({ targetPort }) => typeof targetPort === 'string')),
  'several ports': service((s) => portsOf(s).length > 1),
  'one number for two protocols': service((s) => repeats(portsOf(s).map(({ port }) => port))),
  UDP: probe(({ protocol }) => protocol === 'udp'),
  SCTP: probe(({ protocol }) => protocol === 'sctp'),
  echo: probe(({ protocol }) => protocol === 'icmp'),
  publishNotReadyAddresses: service(({ spec }) => spec.publishNotReadyAddresses === true),
  trafficDistribution: service(({ spec }) => spec.trafficDistribution !== undefined),
  'slices by their controller': service(({ spec }) => spec.selector !== undefined),
  'hints for zones': endpoint(({ hints }) => (hints?.forZones ?? []).length > 0),
  'hints for nodes': endpoint(({ hints }) => (hints?.forNodes ?? []).length > 0),
  'terminating and serving': endpoint(({ conditions: c }) => c?.terminating === true && c.serving !== false),
  'terminating, not serving': endpoint(({ conditions: c }) => c?.terminating === true && c.serving === false),
  'not ready': endpoint(({ conditions: c }) => c?.ready === false && c.terminating !== true),
  'no endpoint': ({ world, services }) =>
    services.some(({ metadata: { name } }) =>
      (world.cluster.endpointSlices.get(`default/${name}`) ?? []).every(({ object }) => object.endpoints.length === 0),
    ),
  'hostNetwork endpoint': pod(({ spec }) => spec.hostNetwork === true),
  hostPort: pod(({ spec }) => JSON.stringify(spec).includes('"hostPort"')),
  'endpoint outside': endpoint(({ nodeName }) => nodeName === undefined),
  'IPv4 alone': ({ scenario }) => scenario.overrides.podCIDRs?.join().includes(':') === false,
  'IPv6 alone': ({ scenario }) => scenario.overrides.podCIDRs?.every((cidr) => cidr.includes(':')) === true,
  'dual stack': ({ scenario }) => scenario.overrides.podCIDRs?.length === 2,
  masqueradeAll: (made) => proxyOf(made).masqueradeAll === true,
  masqueradeBit: (made) => proxyOf(made).masqueradeBit !== undefined,
  nodePortAddresses: (made) => (proxyOf(made).nodePortAddresses ?? []).length > 0,
  ClusterCIDR: (made) => proxyOf(made).detectLocalMode === 'ClusterCIDR' && proxyOf(made).clusterCIDRs?.length !== 0,
  'ClusterCIDR unknown': (made) =>
    proxyOf(made).detectLocalMode === 'ClusterCIDR' && proxyOf(made).clusterCIDRs?.length === 0,
  NodeCIDR: (made) => proxyOf(made).detectLocalMode === 'NodeCIDR',
  BridgeInterface: (made) => proxyOf(made).detectLocalMode === 'BridgeInterface',
  InterfaceNamePrefix: (made) => proxyOf(made).detectLocalMode === 'InterfaceNamePrefix',
  'from a pod': probe(isPod),
  'from a node': probe(isNode),
  'from outside': probe(({ from }) => from === '@external'),
  'node port by loopback': probe(({ daddr, dport }) => /^(?:127\.|::1$)/.test(daddr) && dport >= 30000),
  'left over of a former state': probe(({ left }) => left !== undefined),
  'cleaned by kube-proxy': probe(({ left = [] }) => left.some(({ cleaned }) => cleaned)),
  'clashing node ports': ({ world }) => world.cluster.problems.some(({ code }) => code === 'node-port-clash'),
  'clashing cluster IPs': ({ world }) => world.cluster.problems.some(({ code }) => code === 'cluster-ip-clash'),
  'cluster IP outside': ({ world }) => world.cluster.problems.some(({ code }) => code === 'cluster-ip-outside'),
  'family that the cluster lacks': ({ world }) => world.cluster.problems.some(({ code }) => code === 'no-such-family'),
  'slice to no pod': ({ slices }) => slices.some(({ metadata }) => metadata.name.endsWith('-nobody')),
  'slices that disagree': ({ slices }) => slices.some(({ metadata }) => metadata.name.endsWith('-twice')),
};

export const FEATURE_NAMES: readonly string[] = Object.keys(FEATURES);

export function featuresOf(scenario: Scenario, world: World): string[] {
  const { objects, probes } = scenario;
  const of = <T>(kind: string) => objects.filter((object) => object.kind === kind) as T[];
  const slices = [...world.cluster.endpointSlices.values()].flat().map(({ object }) => object);
  const made: Made = { scenario, world, services: of('Service'), slices, pods: of('Pod'), probes };
  return FEATURE_NAMES.filter((name) => FEATURES[name]?.(made));
}
