/**
 * Ports of containers with a `hostPort`, each a Service of its own. (pkg/loadbalancer/reflectors/k8s.go: upsertHostPort)
 */
import type { Pod } from '../../objects/kube.ts';
import type { Problem } from '../../problem.ts';
import { isLoopback, isUnspecified, parseIP } from '../ip.ts';
import { lbAddress } from './address.ts';
import type { LbOptions } from './options.ts';
import type { BackendParams, FrontendParams, LbService } from './records.ts';

export interface HostPortService {
  service: LbService;
  frontends: FrontendParams[];
  backends: BackendParams[];
}

/** All names of a pod's host ports begin so. */
export function hostPortPrefix({ metadata }: Pod): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}:host-port:`;
}

function podIPs({ status }: Pod): string[] {
  const listed = [status?.podIP ?? '', ...(status?.podIPs ?? []).map(({ ip }) => ip)];
  return [...new Set(listed.filter((ip) => ip !== ''))].sort();
}

/** A loopback address stands for the node alone: the wildcard with a flag. Undefined: every family that the pod has. */
function frontendIPs(hostIP: string | undefined, families: readonly (4 | 6)[]): { ips: string[]; loopback: boolean } {
  const given = hostIP ? parseIP(hostIP) : undefined;
  const any = (family: 4 | 6) => (family === 4 ? '0.0.0.0' : '::');
  if (!given) return { ips: families.map(any), loopback: false };
  // An unspecified address of its own is written by nobody and gets no frontend.
  if (isUnspecified(given)) return { ips: [], loopback: false };
  if (isLoopback(given)) return { ips: [any(given.family)], loopback: true };
  return { ips: [hostIP ?? ''], loopback: false };
}

/** Running pods only; the caller says which those are. */
export function hostPortServices(
  pod: Pod,
  options: LbOptions,
  report: (problem: Problem) => void = () => {},
): HostPortService[] {
  const [low, high] = options.nodePortRange;
  const made: HostPortService[] = [];
  const ips = podIPs(pod).filter((ip) => (parseIP(ip)?.family === 6 ? options.ipv6 : options.ipv4));
  const families = [...new Set(ips.map((ip) => parseIP(ip)?.family ?? 4))].sort();
  const ports = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])].flatMap(({ ports = [] }) => ports);
  for (const [index, { hostPort = 0, hostIP, containerPort, protocol = 'TCP' }] of ports.entries()) {
    if (hostPort <= 0) continue;
    if (hostPort >= low && hostPort <= high) {
      report({
        severity: 'warning',
        code: 'host-port-in-node-port-range',
        message: `hostPort ${hostPort} lies in the range of node ports (${low}-${high}), so Cilium passes over it.`,
        object: `Pod ${pod.metadata.namespace ?? 'default'}/${pod.metadata.name}`,
      });
      continue;
    }
    const { ips: fronts, loopback } = frontendIPs(hostIP, families);
    const service: LbService = {
      name: `${hostPortPrefix(pod)}${hostPort}:${pod.metadata.uid ?? ''}`,
      source: 'k8s',
      annotations: {},
      externalTrafficPolicy: 'Cluster',
      internalTrafficPolicy: 'Cluster',
      healthCheckNodePort: 0,
      loopbackHostPort: loopback,
      sourceRanges: [],
      portNames: new Map(),
      preferClose: false,
      object: pod,
    };
    made.push({
      service,
      frontends: fronts.flatMap((ip) => {
        const address = lbAddress(ip, hostPort, protocol);
        return address ? { address, type: 'HostPort' as const, portName: '', servicePort: hostPort, port: index } : [];
      }),
      backends: ips.flatMap((ip) => {
        const address = lbAddress(ip, containerPort, protocol);
        if (!address) return [];
        return {
          address,
          portNames: [],
          nodeName: '',
          zone: '',
          zoneHints: [],
          state: 'active' as const,
          source: 'k8s' as const,
          unhealthy: false,
          healthKnown: false,
        };
      }),
    });
  }
  return made;
}
