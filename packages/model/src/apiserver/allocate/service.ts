/** What the storage of Services does around the checks (pkg/registry/core/service/{strategy.go,storage/storage.go}). */
import { isExternallyAccessible, needsHealthCheck } from '../defaults/service.ts';
import type { Service } from '../schema/core-service.ts';
import { allocateClusterIPs, normaliseClusterIPs, updateClusterIPs } from './cluster-ips.ts';
import { initFamilies, sameList } from './families.ts';
import { allocateNodePorts, updateNodePorts } from './node-ports.ts';
import type { Request } from './request.ts';

export function beginCreate(service: Service, request: Request): void {
  normaliseClusterIPs(service, undefined);
  initFamilies(service, undefined, request.allocation.families);
  allocateClusterIPs(service, request);
  allocateNodePorts(service, request);
}

function hasNodePorts({ spec }: Service): boolean {
  return spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

function nodePortsOf({ spec }: Service): Set<number> {
  return new Set((spec.ports ?? []).map(({ nodePort }) => nodePort).filter((nodePort) => nodePort !== 0));
}

/** patchAllocatedValues(): who sends a manifest again without what was allocated keeps it; ports are told apart by name. */
function patchAllocated(service: Service, before: Service): void {
  const { spec } = service;
  const old = before.spec;
  if (spec.type !== 'ExternalName' && old.type !== 'ExternalName') {
    spec.clusterIP ||= old.clusterIP;
    if ((spec.clusterIPs ?? []).length === 0 && (old.clusterIPs ?? []).length > 0) spec.clusterIPs = old.clusterIPs;
  }
  if (hasNodePorts(before) && hasNodePorts(service)) {
    const now = nodePortsOf(service);
    const used = new Set([...nodePortsOf(before)].filter((nodePort) => now.has(nodePort)));
    const byName = new Map((old.ports ?? []).map(({ name, nodePort }) => [name, nodePort]));
    for (const port of spec.ports ?? []) {
      const known = byName.get(port.name) ?? 0;
      if (port.nodePort === 0 && !used.has(known)) port.nodePort = known;
    }
  }
  if (needsHealthCheck(before) && needsHealthCheck(service)) spec.healthCheckNodePort ||= old.healthCheckNodePort;
}

export function beginUpdate(service: Service, before: Service, request: Request): void {
  patchAllocated(service, before);
  normaliseClusterIPs(service, before);
  initFamilies(service, before, request.allocation.families);
  updateClusterIPs(service, before, request);
  updateNodePorts(service, before, request);
}

/** Only a load balancer's controller writes the status. */
export function prepareForCreate(service: Service): void {
  service.status = { loadBalancer: { ingress: undefined }, conditions: undefined };
}

/** dropTypeDependentFields(): what was filled in for the old type and nobody has touched goes with it. */
export function prepareForUpdate(service: Service, before: Service): void {
  const { spec } = service;
  const old = before.spec;
  service.status = structuredClone(before.status);
  if (old.type !== 'ExternalName' && spec.type === 'ExternalName') {
    if (old.clusterIP === spec.clusterIP && sameList(old.clusterIPs, spec.clusterIPs)) {
      spec.clusterIP = '';
      spec.clusterIPs = undefined;
    }
    if (sameList(old.ipFamilies, spec.ipFamilies)) spec.ipFamilies = undefined;
    if (old.ipFamilyPolicy === spec.ipFamilyPolicy) spec.ipFamilyPolicy = undefined;
  }
  const isOnNodes = ({ spec: { type } }: Service) => type === 'NodePort' || type === 'LoadBalancer';
  if (isOnNodes(before) && !isOnNodes(service)) {
    const held = nodePortsOf(before);
    if ([...nodePortsOf(service)].every((nodePort) => held.has(nodePort)))
      for (const port of spec.ports ?? []) port.nodePort = 0;
  }
  if (needsHealthCheck(before) && !needsHealthCheck(service) && old.healthCheckNodePort === spec.healthCheckNodePort)
    spec.healthCheckNodePort = 0;
  if (old.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (old.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts)
      spec.allocateLoadBalancerNodePorts = undefined;
    if (old.loadBalancerClass === spec.loadBalancerClass) spec.loadBalancerClass = undefined;
  }
  if (isExternallyAccessible(before) && !isExternallyAccessible(service))
    if (old.externalTrafficPolicy === spec.externalTrafficPolicy) spec.externalTrafficPolicy = '';
  if (spec.type !== 'LoadBalancer') service.status.loadBalancer = { ingress: undefined };
}

/** defaultOnReadInternalTrafficPolicy(): it is filled in where it means nothing, and not shown. */
export function decorate({ spec }: Service): void {
  if (spec.type === 'ExternalName') spec.internalTrafficPolicy = undefined;
}
