/** Random Services with their EndpointSlices. */
import type { EndpointSlice, IPFamily, KubeObject, Service, ServicePort } from '@podwire/model';
import type { Random } from '../lab/random.ts';
import { type MadePod, type Making, OUTSIDE_PORT, OUTSIDE_SERVER, ZONES } from './generate.ts';

const CLUSTER_IP: Record<IPFamily, (i: number) => string> = {
  IPv4: (i) => `10.96.0.${10 + i}`,
  IPv6: (i) => `fd00:10:96::${(10 + i).toString(16)}`,
};
const BALANCER: Record<IPFamily, (i: number) => string> = {
  IPv4: (i) => `192.0.2.${10 + i}`,
  IPv6: (i) => `2001:db8:1::${(10 + i).toString(16)}`,
};
const EXTERNAL_IP: Record<IPFamily, (i: number) => string> = {
  IPv4: (i) => `198.51.100.${10 + i}`,
  IPv6: (i) => `2001:db8:2::${(10 + i).toString(16)}`,
};
const SOURCE_RANGES: Record<IPFamily, readonly string[]> = {
  IPv4: ['203.0.113.0/28', '198.18.0.0/15', '10.244.0.0/16', '172.18.0.11/32'],
  IPv6: ['2001:db8:ffff::/124', '2001:db8:eeee::/64', 'fd00:10:244::/48'],
};

/** Port that nobody listens on. */
const CLOSED = 8099;

function portsOf(random: Random, i: number, hasNodePorts: boolean): ServicePort[] {
  const protocols = random.pick([['TCP'], ['TCP'], ['UDP'], ['TCP', 'UDP']] as const);
  return protocols.map((protocol, k) => ({
    name: protocol.toLowerCase(),
    protocol,
    port: 80 + k,
    targetPort: 8080,
    ...(hasNodePorts && { nodePort: 30000 + 10 * i + k }),
  }));
}

function conditionsOf(random: Random): NonNullable<EndpointSlice['endpoints'][number]['conditions']> {
  const roll = random.next();
  if (roll < 0.75) return { ready: true };
  if (roll < 0.85) return { ready: false, serving: true, terminating: true };
  if (roll < 0.92) return { ready: false, serving: false, terminating: true };
  return { ready: false };
}

type Endpoint = EndpointSlice['endpoints'][number];

/** Hints of one slice: all endpoints have some, or not all of them, or none. */
function hintsFor({ random, isService, nodes }: Making): () => Pick<Endpoint, 'hints'> {
  if (!isService || random.chance(0.5)) return () => ({});
  const missing = random.chance(0.25) ? 0.4 : 0;
  const forNodes = random.chance(0.4);
  return () => {
    if (missing > 0 && random.chance(missing)) return {};
    const forZones = [{ name: random.pick(ZONES) }];
    return { hints: { forZones, ...(forNodes && { forNodes: [{ name: random.pick(nodes).name }] }) } };
  };
}

function endpointOf(random: Random, pod: MadePod, family: IPFamily): Endpoint {
  return {
    addresses: [pod.addresses[family] as string],
    conditions: conditionsOf(random),
    nodeName: pod.node,
    targetRef: { kind: 'Pod', namespace: 'default', name: pod.name },
  };
}

/** One slice for each port that pods listen on: the target port of a named port may differ from pod to pod. */
function slicesOf(making: Making, service: Service, pods: readonly MadePod[], family: IPFamily): EndpointSlice[] {
  const { random } = making;
  const { name } = service.metadata;
  const isClosed = random.chance(0.08);
  const hints = hintsFor(making);
  const slice = (suffix: string, endpoints: EndpointSlice['endpoints'], port: number): EndpointSlice => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${name}-${family.toLowerCase()}-${suffix}`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: family,
    endpoints,
    ports: (service.spec.ports ?? []).map((p) => ({
      ...(p.name !== undefined && { name: p.name }),
      ...(p.protocol !== undefined && { protocol: p.protocol }),
      port: isClosed ? CLOSED : port,
    })),
  });
  const byPort = new Map<number, MadePod[]>();
  for (const pod of pods) byPort.set(pod.port, [...(byPort.get(pod.port) ?? []), pod]);
  const slices = [...byPort].map(([port, group]) =>
    slice(
      `${port}`,
      group.map((pod) => ({ ...endpointOf(random, pod, family), ...hints() })),
      port,
    ),
  );
  if (random.chance(0.06))
    slices.push(slice('outside', [{ addresses: [OUTSIDE_SERVER[family]], conditions: { ready: true } }], OUTSIDE_PORT));
  return slices;
}

/** The Service and its EndpointSlices. */
export function makeService(making: Making, i: number): KubeObject[] {
  const { random, families, pods, isService } = making;
  const type = random.pick(['ClusterIP', 'NodePort', 'NodePort', 'LoadBalancer', 'LoadBalancer'] as const);
  const own = families.length > 1 && random.chance(0.3) ? [random.pick(families)] : families;
  const hasExternalIP = random.chance(0.25);
  const isReachable = type !== 'ClusterIP' || hasExternalIP;
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `svc-${i}`, namespace: 'default' },
    spec: {
      type,
      ports: portsOf(random, i, type !== 'ClusterIP'),
      clusterIP: CLUSTER_IP[own[0] as IPFamily](i),
      clusterIPs: own.map((family) => CLUSTER_IP[family](i)),
      ipFamilies: [...own],
      ipFamilyPolicy: own.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ...(hasExternalIP && { externalIPs: own.map((family) => EXTERNAL_IP[family](i)) }),
      ...(isReachable && { externalTrafficPolicy: random.chance(0.35) ? ('Local' as const) : ('Cluster' as const) }),
      internalTrafficPolicy: random.chance(0.2) ? 'Local' : 'Cluster',
      ...(random.chance(isService ? 0.3 : 0.15) && {
        sessionAffinity: 'ClientIP' as const,
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
      }),
      ...(type === 'LoadBalancer' &&
        random.chance(0.35) && {
          loadBalancerSourceRanges: own.map((family) => random.pick(SOURCE_RANGES[family])),
        }),
    },
    ...(type === 'LoadBalancer' && {
      status: { loadBalancer: { ingress: own.map((family) => ({ ip: BALANCER[family](i), ipMode: 'VIP' as const })) } },
    }),
  };
  const chosen = random.chance(0.1) ? [] : random.some(pods, random.between(1, Math.min(4, pods.length)));
  return [service, ...own.flatMap((family) => slicesOf(making, service, chosen, family))];
}
